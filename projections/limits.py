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


def of_account(database: Database[Document], account: str) -> Document | None:
    """Return the account's limits, as they were last set on any shard; ``None``: it never had any."""
    return database["limits"].find_one({"account": account}, sort=[("changed_at_us", -1)])


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
