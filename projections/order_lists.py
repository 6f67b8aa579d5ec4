"""Order lists: which orders belong together, and whether any is still open. One document per list; what
became of each leg stands with the orders.
"""

from collections.abc import Iterable

from pymongo.database import Database

from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected, role_of
from projections.projection import At, Document, Projection

ListEvent = OrderListPlaced | OrderListRejected | OrderListEnded

EXECUTING, ALL_DONE, REJECTED = "executing", "all_done", "rejected"


def parts(event: ListEvent, _shard: int) -> Iterable[tuple[str, ListEvent]]:
    yield event.list_id, event


def fold(document: Document | None, event: ListEvent, at: At) -> Document:
    """Raises ``ValueError`` if a list ends that was never placed."""
    if isinstance(event, OrderListPlaced):
        return _asked(event, EXECUTING, at)
    if isinstance(event, OrderListRejected):
        return {**_asked(event, REJECTED, at), "code": event.code, "detail": event.detail}
    if document is None:
        message = f"OrderListEnded for list {event.list_id}, which was never placed"
        raise ValueError(message)
    ended = {"status": ALL_DONE, "end_reason": event.reason, "updated_at_us": at.occurred_at_us}
    return {**document, **ended}


def begins(event: ListEvent) -> bool:
    return not isinstance(event, OrderListEnded)


def _asked(event: OrderListPlaced | OrderListRejected, status: str, at: At) -> Document:
    legs = [
        {
            "order_id": leg.order_id,
            "client_order_id": leg.client_order_id,
            "role": role_of(event.kind, index),
        }
        for index, leg in enumerate(event.legs)
    ]
    return {
        "account": event.account,
        "client_list_id": event.client_list_id,
        "symbol": event.symbol,
        "kind": event.kind,
        "status": status,
        "legs": legs,
        "created_at_us": at.occurred_at_us,
        "updated_at_us": at.occurred_at_us,
    }


PROJECTION = Projection(
    "order_lists",
    frozenset({OrderListPlaced, OrderListRejected, OrderListEnded}),
    parts,
    fold,
    begins=begins,
    ended=lambda document: document["status"] != EXECUTING,
)


def by_id(database: Database[Document], list_id: str) -> Document | None:
    return database["order_lists"].find_one({"_id": list_id})
