"""Transfers: what became of each deposit, withdrawal, transfer between accounts, and adjustment.

One document for each account that a transfer touches, so that a transfer between two accounts has two: the
sender's (``direction`` out) and the receiver's (in). ``amount`` in minor units of the asset, as a string.
What a kind of transfer does not have is ``None``.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.database import Database

from domain.account import FundsDeposited
from domain.transfer import (
    BalanceAdjusted,
    FundsTransferred,
    WithdrawalCancelled,
    WithdrawalCompleted,
    WithdrawalRequested,
)
from projections import by_account
from projections.by_account import Pair
from projections.projection import At, Document, Projection

Begun = FundsDeposited | WithdrawalRequested | FundsTransferred | BalanceAdjusted
Ended = WithdrawalCompleted | WithdrawalCancelled
TransferEvent = Begun | Ended
Sided = tuple[TransferEvent, str]  # an event, and the account whose side of it is meant

DEPOSIT, WITHDRAWAL, TRANSFER, ADJUSTMENT = "deposit", "withdrawal", "transfer", "adjustment"
REQUESTED, COMPLETED, CANCELLED = "requested", "completed", "cancelled"
IN, OUT = "in", "out"


def parts(event: TransferEvent, _shard: int) -> Iterable[tuple[str, Sided]]:
    yield f"{event.transfer_id}|{event.account}", (event, event.account)
    if isinstance(event, FundsTransferred):
        yield f"{event.transfer_id}|{event.to_account}", (event, event.to_account)


def fold(document: Document | None, part: Sided, at: At) -> Document:
    """Raises ``ValueError`` if a withdrawal ends that was never requested."""
    event, account = part
    if isinstance(event, Ended):
        return _ended(document, event, at)
    kind, direction = _kind(event, account)
    return {
        "transfer_id": event.transfer_id,
        "client_transfer_id": event.client_transfer_id,
        "account": account,
        "kind": kind,
        "direction": direction,
        "asset": event.asset,
        "amount": str(event.amount),
        "status": REQUESTED if kind == WITHDRAWAL else COMPLETED,
        "counter_account": None,
        "destination": None,
        "reference": None,
        "reason": None,
        "approver": None,
        "begun_at_us": at.occurred_at_us,
        "ended_at_us": None if kind == WITHDRAWAL else at.occurred_at_us,
        "page_key": f"{at.occurred_at_us:017d}-{event.transfer_id}",
        **_more(event, account),
    }


def _kind(event: Begun, account: str) -> tuple[str, str]:
    if isinstance(event, FundsDeposited):
        return DEPOSIT, IN
    if isinstance(event, WithdrawalRequested):
        return WITHDRAWAL, OUT
    if isinstance(event, FundsTransferred):
        return TRANSFER, OUT if account == event.account else IN
    return ADJUSTMENT, IN if event.side == "credit" else OUT


def _more(event: Begun, account: str) -> dict[str, Any]:
    if isinstance(event, WithdrawalRequested):
        return {"destination": event.destination or None}
    if isinstance(event, FundsTransferred):
        return {"counter_account": event.to_account if account == event.account else event.account}
    if isinstance(event, BalanceAdjusted):
        return {"reason": event.reason, "approver": event.approver}
    return {}


def _ended(document: Document | None, event: Ended, at: At) -> Document:
    if document is None:
        message = f"{type(event).__name__} for {event.transfer_id}, which was never requested"
        raise ValueError(message)
    if isinstance(event, WithdrawalCompleted):
        how = {"status": COMPLETED, "reference": event.reference}
    else:
        how = {"status": CANCELLED, "reason": event.reason}
    return {**document, **how, "ended_at_us": at.occurred_at_us}


PROJECTION = Projection(
    "transfers",
    frozenset(
        {
            FundsDeposited,
            WithdrawalRequested,
            WithdrawalCompleted,
            WithdrawalCancelled,
            FundsTransferred,
            BalanceAdjusted,
        }
    ),
    parts,
    fold,
    indexes=(("account", "page_key"), ("transfer_id",)),
    begins=lambda part: not isinstance(part[0], Ended),
    ended=lambda document: document["status"] != REQUESTED,
)


def of_account(
    database: Database[Document], account: str, before: str | None, transfers_max: int
) -> list[Document]:
    """Return the account's transfers, newest first; ``before``: only those before that page key."""
    query: dict[str, Any] = {"account": account}
    if before is not None:
        query["page_key"] = {"$lt": before}
    return list(database["transfers"].find(query).sort("page_key", -1).limit(transfers_max))


def by_id(database: Database[Document], transfer_id: str) -> list[Document]:
    """Return each account's side of the transfer, the sender's first."""
    found = database["transfers"].find({"transfer_id": transfer_id}).limit(2)
    return sorted(found, key=lambda side: side["direction"], reverse=True)


def scan(
    database: Database[Document],
    *,
    accounts: Sequence[str] | None,
    first_us: int,
    until_us: int,
    last: Pair | None,
    documents_max: int,
) -> list[Document]:
    """Return the sides of transfers by account and time, oldest first, those begun from ``first_us`` until
    just before ``until_us``, from just after ``last`` (account and page key) on.
    """
    wanted: Document = {"page_key": {"$gte": f"{first_us:017d}", "$lt": f"{until_us:017d}"}}
    return by_account.after(database, "transfers", "page_key", wanted, accounts, last, documents_max)
