"""Orders: what became of an order. One document per order, with its state now and its last fills.

Prices in price units and quantities in base units of its market, ``budget`` in quote units; what adds up over
fills (``notional``, ``fees``, in quote units) as strings. What was not asked for is ``None``.

``trigger`` is what the order waits for, as placed or last amended: a trailing one follows the market without
an event of its own, so where it stands meanwhile only the order's processor knows. Once it has fired, it says
at which price and when.

``amendments``, of an order that has any: what it was amended to, the latest; ``amendments_count`` counts all.

``list_id``, ``role``: of which order list it is a leg, and what it is there. A pending leg shows the quantity
asked for; once it is in force, as much of that as the working leg has filled.

A rejected order has none of these: ``sent`` keeps what was sent, with the reason's ``code`` and ``detail``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from pymongo.database import Database

from domain.event import Event
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderRequest,
    OrderTriggered,
    TradePrevented,
    Trigger,
)
from projections.projection import At, Document, Projection

OrderEvent = (
    OrderPlaced
    | OrderRejected
    | OrderFilled
    | OrderTriggered
    | OrderAmended
    | OrderCancelled
    | TradePrevented
)

PENDING, WAITING, OPEN, PARTIALLY_FILLED = "pending", "waiting", "open", "partially_filled"
FILLED, CANCELLED, REJECTED = "filled", "cancelled", "rejected"
ENDED = frozenset({FILLED, CANCELLED, REJECTED})
STATUSES = (PENDING, WAITING, OPEN, PARTIALLY_FILLED, FILLED, CANCELLED, REJECTED)
FILLS_MAX = 50  # of one order kept with it, the latest; all of them are among the trades
AMENDMENTS_MAX = 10  # the same for what it was amended to
PREVENTED_MAX = 10  # the same for trades that self-trade prevention kept from happening


def parts(event: OrderEvent, _shard: int) -> Iterable[tuple[str, OrderEvent]]:
    yield event.order_id, event
    if isinstance(event, TradePrevented):
        other = msgspec.structs.replace(
            event, order_id=event.counter_order_id, counter_order_id=event.order_id
        )
        yield other.order_id, other


def fold(document: Document | None, event: OrderEvent, at: At) -> Document:
    """Raises ``ValueError`` if something happens to an order that was never placed."""
    if document is None and not begins(event):
        message = f"{type(event).__name__} for order {event.order_id}, which was never placed"
        raise ValueError(message)
    return FOLDS[type(event)](document, event, at)


def begins(event: OrderEvent) -> bool:
    return isinstance(event, (OrderPlaced, OrderRejected))


def placed(_document: Document | None, event: OrderPlaced, at: At) -> Document:
    return {
        **_asked(event, event, at),
        "status": _status_of_new(event),
        "role": _role(event),
        "price": event.price,
        "quantity": event.quantity,
        "budget": event.budget or None,
        "display": event.display or None,
        "trigger": None if event.trigger is None else _trigger(event.trigger),
        "expires_at_us": event.expires_at_us or None,
        "filled": 0,
        "remaining": event.quantity,
        "notional": "0",
        "fees": "0",
        "fills": [],
        "fills_count": 0,
        "prevented": [],
        "prevented_count": 0,
    }


def _status_of_new(event: OrderPlaced) -> str:
    if event.pending:
        return PENDING
    return OPEN if event.trigger is None else WAITING


def _role(event: OrderPlaced) -> str | None:
    """Return what it is in its order list, if it is in one."""
    if not event.list_id:
        return None
    return "pending" if event.pending else "working"


def rejected(_document: Document | None, event: OrderRejected, at: At) -> Document:
    return {
        **_asked(event, event.request, at),
        "status": REJECTED,
        "sent": _sent(event.request),
        "code": event.code,
        "detail": event.detail,
    }


def _asked(event: OrderPlaced | OrderRejected, asked: OrderPlaced | OrderRequest, at: At) -> Document:
    return {
        "account": event.account,
        "client_order_id": event.client_order_id,
        "symbol": event.symbol,
        "side": asked.side,
        "order_type": asked.order_type,
        "time_in_force": asked.time_in_force,
        "self_trade": asked.self_trade,
        "post_only": asked.post_only,
        "session": asked.session or None,
        "list_id": event.list_id or None,
        "created_at_us": at.occurred_at_us,
        "updated_at_us": at.occurred_at_us,
        "page_key": page_key(at.occurred_at_us, event.order_id),
    }


def _sent(request: OrderRequest) -> Document:
    """What was sent may be anything: a number as text, since it need not fit the database's integers."""
    amounts = {name: getattr(request, name) for name in AMOUNTS_SENT}
    return {name: None if amount is None else str(amount) for name, amount in amounts.items()} | {
        "trigger_source": request.trigger_source
    }


AMOUNTS_SENT = (
    "quantity",
    "quote_quantity",
    "price",
    "display_quantity",
    "trigger_price",
    "trailing_offset",
    "trailing_bps",
    "expires_at_us",
)


def _trigger(trigger: Trigger) -> Document:
    return {
        "price": trigger.price,
        "rising": trigger.rising,
        "source": trigger.source,
        "trail": trigger.trail or None,
        "trail_bps": trigger.trail_bps or None,
        "fired_price": None,
        "fired_at_us": None,
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


def triggered(document: Document, event: OrderTriggered, at: At) -> Document:
    fired = {"fired_price": event.trigger_price, "fired_at_us": at.occurred_at_us}
    return {
        **document,
        "status": OPEN,
        "price": event.price,
        "quantity": event.quantity,
        "remaining": event.quantity,
        "trigger": {**document["trigger"], **fired},
        "updated_at_us": at.occurred_at_us,
    }


def amended(document: Document, event: OrderAmended, at: At) -> Document:
    if event.trigger is not None:
        status, trigger = WAITING, _trigger(event.trigger)
    else:
        status, trigger = (PARTIALLY_FILLED if document["filled"] else OPEN), document["trigger"]
    return {
        **document,
        "status": status,
        "price": event.price,
        "quantity": event.quantity,
        "remaining": event.remaining,
        "trigger": trigger,
        "amendments": [*document.get("amendments", ()), _amendment(event, at)][-AMENDMENTS_MAX:],
        "amendments_count": document.get("amendments_count", 0) + 1,
        "updated_at_us": at.occurred_at_us,
    }


def _amendment(event: OrderAmended, at: At) -> Document:
    return {
        "price": event.price,
        "quantity": event.quantity,
        "trigger_price": None if event.trigger is None else event.trigger.price,
        "keeps_priority": event.keeps_priority,
        "amended_at_us": at.occurred_at_us,
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


def prevented(document: Document, event: TradePrevented, at: At) -> Document:
    one = {
        "counter_order_id": event.counter_order_id,
        "price": event.price,
        "quantity": event.quantity,
        "mode": event.mode,
        "prevented_at_us": at.occurred_at_us,
    }
    return {
        **document,
        "prevented": [*document["prevented"], one][-PREVENTED_MAX:],
        "prevented_count": document["prevented_count"] + 1,
        "updated_at_us": at.occurred_at_us,
    }


FOLDS: dict[type[Event], Callable[[Any, Any, At], Document]] = {
    OrderPlaced: placed,
    OrderRejected: rejected,
    OrderFilled: filled,
    OrderTriggered: triggered,
    OrderAmended: amended,
    OrderCancelled: cancelled,
    TradePrevented: prevented,
}

PROJECTION = Projection(
    "orders",
    frozenset(FOLDS),
    parts,
    fold,
    # Two serve every way of listing an account's orders, since a query always names the statuses it wants:
    # each index costs every write (measured on the emulator: 10,000 documents/s without, 5,000 with four).
    # The third serves those of all accounts, by time.
    indexes=(("account", "status", "page_key"), ("account", "symbol", "status", "page_key"), ("page_key",)),
    begins=begins,
    ended=lambda document: document["status"] in ENDED,
)


def page_key(created_at_us: int, order_id: str) -> str:
    """Return what orders are listed by: when they were created; the id tells those of one moment apart."""
    return f"{created_at_us:017d}-{order_id}"


def by_id(database: Database[Document], order_id: str) -> Document | None:
    return database["orders"].find_one({"_id": order_id})


def open_of_account(database: Database[Document], account: str, orders_max: int) -> list[Document]:
    """Return what the account's open orders could still trade, of at most ``orders_max`` of them."""
    wanted = {"account": account, "status": {"$in": [WAITING, OPEN, PARTIALLY_FILLED]}}
    names = ("account", "client_order_id", "symbol", "side", "status", "price", "remaining", "trigger")
    return list(database["orders"].find(wanted, dict.fromkeys(names, 1)).limit(orders_max))


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


def scan(
    database: Database[Document],
    *,
    accounts: Sequence[str] | None,
    statuses: Sequence[str],
    symbol: str | None,
    above: str,
    below: str,
    ascending: bool,
    orders_max: int,
) -> list[Document]:
    """Return orders with ``above`` < page key < ``below``, by that key: of ``accounts``, with these statuses
    and ``symbol``; or (``None``) of all accounts, whatever their status and symbol: what an index can tell.
    """
    wanted = _wanted(accounts, statuses, symbol, above, below)
    return list(database["orders"].find(wanted).sort("page_key", 1 if ascending else -1).limit(orders_max))


def count_all(database: Database[Document]) -> int:
    """Return about how many orders there are, without looking at them."""
    return database["orders"].estimated_document_count()


def _wanted(
    accounts: Sequence[str] | None, statuses: Sequence[str], symbol: str | None, above: str, below: str
) -> Document:
    wanted: Document = {"page_key": {"$gt": above, "$lt": below}}
    if accounts is not None:
        wanted["account"] = accounts[0] if len(accounts) == 1 else {"$in": list(accounts)}
        wanted["status"] = {"$in": list(statuses)}
        if symbol is not None:
            wanted["symbol"] = symbol
    return wanted
