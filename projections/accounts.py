"""Accounts: what each may do at the moment, who said so and why. One document per shard and account that was
opened there.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.database import Database

from domain.account import AccountOpened
from domain.control import AccountStatusChanged
from projections.projection import At, Document, Projection

AccountEvent = AccountOpened | AccountStatusChanged


def parts(event: AccountEvent, shard: int) -> Iterable[tuple[str, AccountEvent]]:
    yield f"{shard}|{event.account}", event


def fold(document: Document | None, event: AccountEvent, at: At) -> Document:
    """Raises ``ValueError`` if an account that was never opened has a status."""
    if isinstance(event, AccountOpened):
        status = {"status": "active", "reason": "", "actor": ""}
        return {"account": event.account, **status, "opened_at_us": at.occurred_at_us, "changed_at_us": None}
    if document is None:
        message = f"status of account {event.account}, which was never opened"
        raise ValueError(message)
    return {
        **document,
        "status": event.status,
        "reason": event.reason,
        "actor": event.actor,
        "changed_at_us": at.occurred_at_us,
    }


PROJECTION = Projection(
    "accounts",
    frozenset({AccountOpened, AccountStatusChanged}),
    parts,
    fold,
    indexes=(("account",),),
    begins=lambda event: isinstance(event, AccountOpened),
)


def by_name(database: Database[Document], account: str, shards_max: int) -> list[Document]:
    """Return the account as each shard that it is open on has it."""
    return list(database["accounts"].find({"account": account}).sort("shard", 1).limit(shards_max))


def names(
    database: Database[Document], accounts: Sequence[str] | None, last: str | None, names_max: int
) -> list[str]:
    """Return names in order, from just after ``last`` on, of ``accounts`` only (``None``: of all); one that
    is open on several shards may come several times.
    """
    wanted: dict[str, Any] = {}
    if last is not None:
        wanted["$gt"] = last
    if accounts is not None:
        wanted["$in"] = list(accounts)
    query = database["accounts"].find({"account": wanted} if wanted else {}, {"account": 1})
    return [each["account"] for each in query.sort("account", 1).limit(names_max)]


def by_names(
    database: Database[Document], accounts: Sequence[str], shards_max: int
) -> dict[str, list[Document]]:
    """Return each of ``accounts`` as the shards that it is open on have it."""
    query = database["accounts"].find({"account": {"$in": list(accounts)}})
    found: dict[str, list[Document]] = {account: [] for account in accounts}
    for document in query.limit(len(accounts) * shards_max):
        found[document["account"]].append(document)
    return found
