"""Limits: what an account may do at most. One document per shard and account, with the limits as they were
last set: by quote asset in minor units, by market in base units, as strings; ``order_rate`` in orders a
second. What is not named is unlimited. Those set before are in the account's history.
"""

from collections.abc import Iterable

from pymongo.database import Database

from domain.account import AccountLimits, AccountLimitsSet
from projections.projection import At, Document, Projection, always


def parts(event: AccountLimitsSet, shard: int) -> Iterable[tuple[str, AccountLimitsSet]]:
    yield f"{shard}|{event.account}", event


def fold(_document: Document | None, event: AccountLimitsSet, at: At) -> Document:
    limits = event.limits
    return {
        "account": event.account,
        "max_order_notional": _texts(limits.max_order_notional),
        "max_open_notional": _texts(limits.max_open_notional),
        "max_position": _texts(limits.max_position),
        "order_rate": limits.order_rate,
        "daily_loss": _texts(limits.daily_loss),
        "changed_at_us": at.occurred_at_us,
    }


def _texts(amounts: dict[str, int]) -> dict[str, str]:
    return {name: str(units) for name, units in amounts.items()}


# Each event states all limits, so none has to be loaded: it "begins" each time.
PROJECTION = Projection(
    "limits",
    frozenset({AccountLimitsSet}),
    parts,
    fold,
    indexes=(("account",),),
    begins=always,
)


def of_account(database: Database[Document], account: str, shards_max: int = 1_000) -> Document | None:
    """Return the account's limits, those of all shards together; ``None``: it never had any."""
    return together(list(database["limits"].find({"account": account}).limit(shards_max)))


def together(documents: Iterable[Document]) -> Document | None:
    """Return the limits of one account on all its shards as one document. A shard has those on what trades
    there; where several have the same, the one that was set last is told.
    """
    merged: Document | None = None
    for document in sorted(documents, key=lambda each: int(each["changed_at_us"])):
        amounts = {name: {**(merged or {}).get(name, {}), **document[name]} for name in AMOUNTS}
        merged = {**document, **amounts}
    return merged


AMOUNTS = ("max_order_notional", "max_open_notional", "max_position", "daily_loss")


def limits_of(document: Document | None) -> AccountLimits:
    if document is None:
        return AccountLimits()
    return AccountLimits(
        _units(document["max_order_notional"]),
        _units(document["max_open_notional"]),
        _units(document["max_position"]),
        document["order_rate"],
        _units(document["daily_loss"]),
    )


def _units(amounts: dict[str, str]) -> dict[str, int]:
    return {name: int(units) for name, units in amounts.items()}
