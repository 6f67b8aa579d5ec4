"""Transfers: what became of each deposit, withdrawal, transfer between accounts, and adjustment.

One document for each account that a transfer touches, so that a transfer between two accounts has two: the
sender's (``direction`` out) and the receiver's (in). ``amount`` in minor units of the asset, as a string.
What a kind of transfer does not have is ``None``.

Of a transfer between shards each side is told by its own shard, and names the other one (``counter_shard``).
The sender's is ``sent`` while it is in transit, then ``completed``, or ``returned`` with the reason.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.database import Database

from domain.account import FundsDeposited
from domain.shard_transfer import FundsReceived, FundsSent, TransferCompleted, TransferReturned
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

Begun = FundsDeposited | WithdrawalRequested | FundsTransferred | BalanceAdjusted | FundsSent | FundsReceived
Ended = WithdrawalCompleted | WithdrawalCancelled | TransferCompleted | TransferReturned
TransferEvent = Begun | Ended
Sided = tuple[TransferEvent, str]  # an event, and the account whose side of it is meant

DEPOSIT, WITHDRAWAL, TRANSFER, ADJUSTMENT = "deposit", "withdrawal", "transfer", "adjustment"
REQUESTED, COMPLETED, CANCELLED = "requested", "completed", "cancelled"
SENT, RETURNED = "sent", "returned"
UNDER_WAY = {WithdrawalRequested: REQUESTED, FundsSent: SENT}
IN, OUT = "in", "out"


def parts(event: TransferEvent, _shard: int) -> Iterable[tuple[str, Sided]]:
    if isinstance(event, FundsReceived):
        yield f"{event.transfer_id}|{event.account}|{IN}", (event, event.account)
        return
    yield f"{event.transfer_id}|{event.account}", (event, event.account)
    if isinstance(event, FundsTransferred):
        yield f"{event.transfer_id}|{event.to_account}", (event, event.to_account)


def fold(document: Document | None, part: Sided, at: At) -> Document:
    """Raises ``ValueError`` if something ends that never began."""
    event, account = part
    if isinstance(event, Ended):
        return _ended(document, event, at)
    kind, direction = _kind(event, account)
    under_way = UNDER_WAY.get(type(event))
    return {
        "transfer_id": event.transfer_id,
        "client_transfer_id": event.client_transfer_id,
        "account": account,
        "kind": kind,
        "direction": direction,
        "asset": event.asset,
        "amount": str(event.amount),
        "status": under_way or COMPLETED,
        "counter_account": None,
        "destination": None,
        "reference": None,
        "reason": None,
        "approver": None,
        "begun_at_us": at.occurred_at_us,
        "ended_at_us": None if under_way else at.occurred_at_us,
        "page_key": f"{at.occurred_at_us:017d}-{event.transfer_id}",
        **_more(event, account),
    }


def _kind(event: Begun, account: str) -> tuple[str, str]:
    if isinstance(event, FundsDeposited):
        return DEPOSIT, IN
    if isinstance(event, WithdrawalRequested):
        return WITHDRAWAL, OUT
    if isinstance(event, FundsSent | FundsReceived):
        return TRANSFER, OUT if isinstance(event, FundsSent) else IN
    if isinstance(event, FundsTransferred):
        return TRANSFER, OUT if account == event.account else IN
    return ADJUSTMENT, IN if event.side == "credit" else OUT


def _more(event: Begun, account: str) -> dict[str, Any]:
    if isinstance(event, WithdrawalRequested):
        return {"destination": event.destination or None}
    if isinstance(event, FundsTransferred):
        return {"counter_account": event.to_account if account == event.account else event.account}
    if isinstance(event, FundsSent):
        return {"counter_account": event.to_account, "counter_shard": event.to_shard}
    if isinstance(event, FundsReceived):
        return {"counter_account": event.from_account, "counter_shard": event.from_shard}
    if isinstance(event, BalanceAdjusted):
        return {"reason": event.reason, "approver": event.approver}
    return {}


def _ended(document: Document | None, event: Ended, at: At) -> Document:
    if document is None:
        message = f"{type(event).__name__} for {event.transfer_id}, which was never requested"
        raise ValueError(message)
    return {**document, **_end(event), "ended_at_us": at.occurred_at_us}


def _end(event: Ended) -> dict[str, str]:
    if isinstance(event, WithdrawalCompleted):
        return {"status": COMPLETED, "reference": event.reference}
    if isinstance(event, WithdrawalCancelled):
        return {"status": CANCELLED, "reason": event.reason}
    if isinstance(event, TransferCompleted):
        return {"status": COMPLETED}
    return {"status": RETURNED, "reason": f"{event.code}: {event.detail}"}


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
            FundsSent,
            FundsReceived,
            TransferCompleted,
            TransferReturned,
        }
    ),
    parts,
    fold,
    indexes=(("account", "page_key"), ("transfer_id",)),
    begins=lambda part: not isinstance(part[0], Ended),
    ended=lambda document: document["status"] not in {REQUESTED, SENT},
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
