"""Reading documents of all accounts, or some, by account and one more field: a piece at a time, from just
after a given pair on. Each piece is a query of its own that an index on the two fields serves, so nothing
has to stay open between two pieces, and what is written meanwhile moves nothing.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from pymongo.database import Database

from projections.projection import Document


class Pair(NamedTuple):
    """Where a document stands: its account, and the value of the field that orders an account's documents."""

    account: str
    value: str


def after(
    database: Database[Document],
    name: str,
    field: str,
    wanted: dict[str, Any],
    accounts: Sequence[str] | None,
    last: Pair | None,
    documents_max: int,
) -> list[Document]:
    """Return the documents of projection ``name`` that are ``wanted``, by account and ``field``; of
    ``accounts`` only (``None``: of all), from just after ``last`` on.
    """
    found: list[Document] = []
    if last is not None and (accounts is None or last.account in accounts):
        rest = {**wanted, "account": last.account, field: {**_range(wanted, field), "$gt": last.value}}
        found = list(database[name].find(rest).sort(field, 1).limit(documents_max))
    left = documents_max - len(found)
    if left and (others := _others(accounts, last)) is not None:
        query = database[name].find({**wanted, **others}).sort([("account", 1), (field, 1)])
        found += query.limit(left)
    return found


def _range(wanted: dict[str, Any], field: str) -> dict[str, Any]:
    """Return what is wanted of ``field`` already, as conditions."""
    condition = wanted.get(field, {})
    return condition if isinstance(condition, dict) else {"$eq": condition}


def _others(accounts: Sequence[str] | None, last: Pair | None) -> dict[str, Any] | None:
    """Return the condition on the accounts after that of ``last``; ``None``: there is none left."""
    if accounts is None:
        return {} if last is None else {"account": {"$gt": last.account}}
    left = [account for account in accounts if last is None or account > last.account]
    return {"account": {"$in": left}} if left else None
