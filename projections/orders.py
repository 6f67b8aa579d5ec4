"""Orders: what became of an order. One document per order, with its state now and its last fills.

``price`` in price units and ``quantity`` in base units of its market; what adds up over fills (``notional``,
``fees``, in quote units) as strings. A rejected order has neither: ``sent_price`` and ``sent_quantity`` keep
what was sent, with the reason's ``code`` and ``detail``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pymongo.database import Database

from domain.event import Event
from domain.order import OrderCancelled, OrderFilled, OrderPlaced, OrderRejected
from projections.projection import At, Document, Projection

OrderEvent = OrderPlaced | OrderRejected | OrderFilled | OrderCancelled

OPEN, PARTIALLY_FILLED = "open", "partially_filled"
FILLED, CANCELLED, REJECTED = "filled", "cancelled", "rejected"
ENDED = frozenset({FILLED, CANCELLED, REJECTED})
STATUSES = (OPEN, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED)
FILLS_MAX = 50  # of one order kept with it, the latest; all of them are among the trades


def parts(event: OrderEvent, _shard: int) -> Iterable[tuple[str, OrderEvent]]:
    yield event.order_id, event


def fold(document: Document | None, event: OrderEvent, at: At) -> Document:
    """Raises ``ValueError`` if a fill or a cancel comes for an order that was never placed."""
    if isinstance(event, (OrderFilled, OrderCancelled)) and document is None:
        message = f"{type(event).__name__} for order {event.order_id}, which was never placed"
        raise ValueError(message)
    return FOLDS[type(event)](document, event, at)


def placed(_document: Document | None, event: OrderPlaced, at: At) -> Document:
    return {
        **_sent(event, at),
        "status": OPEN,
        "price": event.price,
        "quantity": event.quantity,
        "filled": 0,
        "remaining": event.quantity,
        "notional": "0",
        "fees": "0",
        "fills": [],
        "fills_count": 0,
    }


def rejected(_document: Document | None, event: OrderRejected, at: At) -> Document:
    return {
        **_sent(event, at),
        "status": REJECTED,
        "sent_price": event.price,
        "sent_quantity": event.quantity,
        "code": event.code,
        "detail": event.detail,
    }


def _sent(event: OrderPlaced | OrderRejected, at: At) -> Document:
    return {
        "account": event.account,
        "client_order_id": event.client_order_id,
        "symbol": event.symbol,
        "side": event.side,
        "order_type": event.order_type,
        "time_in_force": event.time_in_force,
        "created_at_us": at.occurred_at_us,
        "updated_at_us": at.occurred_at_us,
        "page_key": page_key(at.occurred_at_us, event.order_id),
    }


def filled(document: Document, event: OrderFilled, at: At) -> Document:
    return {
        **document,
        "status": PARTIALLY_FILLED if event.remaining else FILLED,
        "filled": document["filled"] + event.quantity,
        "remaining": event.remaining,
        "notional": str(int(document["notional"]) + event.notional),
        "fees": str(int(document["fees"]) + event.fee),
        "fills": [*document["fills"], _fill(event, at)][-FILLS_MAX:],
        "fills_count": document["fills_count"] + 1,
        "updated_at_us": at.occurred_at_us,
    }


def _fill(event: OrderFilled, at: At) -> Document:
    return {
        "trade_id": event.trade_id,
        "price": event.price,
        "quantity": event.quantity,
        "fee": str(event.fee),
        "liquidity": event.liquidity,
        "filled_at_us": at.occurred_at_us,
    }


def cancelled(document: Document, event: OrderCancelled, at: At) -> Document:
    return {
        **document,
        "status": CANCELLED,
        "remaining": 0,
        "cancelled": event.remaining,
        "cancel_reason": event.reason,
        "updated_at_us": at.occurred_at_us,
    }


FOLDS: dict[type[Event], Callable[[Any, Any, At], Document]] = {
    OrderPlaced: placed,
    OrderRejected: rejected,
    OrderFilled: filled,
    OrderCancelled: cancelled,
}

PROJECTION = Projection(
    "orders",
    frozenset(FOLDS),
    parts,
    fold,
    # Two serve every way of listing an account's orders, since a query always names the statuses it wants:
    # each index costs every write (measured on the emulator: 10,000 documents/s without, 5,000 with four).
    indexes=(("account", "status", "page_key"), ("account", "symbol", "status", "page_key")),
    begins=lambda event: isinstance(event, (OrderPlaced, OrderRejected)),
    ended=lambda document: document["status"] in ENDED,
)


def page_key(created_at_us: int, order_id: str) -> str:
    """Return what orders are listed by: when they were created; the id tells those of one moment apart."""
    return f"{created_at_us:017d}-{order_id}"


def by_id(database: Database[Document], order_id: str) -> Document | None:
    return database["orders"].find_one({"_id": order_id})


def of_account(
    database: Database[Document],
    account: str,
    *,
    statuses: Sequence[str] = STATUSES,
    symbol: str | None = None,
    before: str | None = None,
    orders_max: int,
) -> list[Document]:
    """Return the account's orders, newest first, from just after the page key ``before`` on."""
    wanted: Document = {"account": account, "status": {"$in": list(statuses)}}
    if symbol is not None:
        wanted["symbol"] = symbol
    if before is not None:
        wanted["page_key"] = {"$lt": before}
    return list(database["orders"].find(wanted).sort("page_key", -1).limit(orders_max))
