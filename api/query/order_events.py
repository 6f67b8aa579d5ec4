"""What happened to one order, as the trader of its account may see it: from the order's document.

That keeps the latest of what can happen often: 50 fills, 10 amendments, 10 prevented trades. The whole
history is in the event store, for auditors.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath

from api.permissions import may_know
from api.query.controllers import AfterHeader, AfterQuery, AskedBy, Read, Reader, not_found
from api.query.decimals import Decimal, Price, Time, base_of, given, price_of, quote_of, time_of
from domain.event import Liquidity
from domain.market import MarketRules
from projections import orders, trade_changes
from projections.projection import Document

What = Literal[
    "placed",
    "rejected",
    "amended",
    "triggered",
    "filled",
    "trade_prevented",
    "trade_busted",
    "trade_corrected",
    "cancelled",
]


class OrderEventView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``price``, ``quantity``: of the order as amended, of the fill, of the trade
    that was prevented, or corrected; what was cancelled. ``reason``: why it was rejected or cancelled, or a
    trade was changed. What does not apply is ``null``.
    """

    what: What
    happened_at: Time
    price: Price | None = None
    quantity: Decimal | None = None
    trigger_price: Price | None = None
    trade_id: int | None = None
    fee: Decimal | None = None
    liquidity: Liquidity | None = None
    reason: str | None = None


class OrderEventsView(msgspec.Struct, frozen=True):
    """Oldest first. ``complete``: nothing was left out; else the order's fills, amendments or prevented
    trades are the latest of more.
    """

    order_id: str
    account: str
    events: list[OrderEventView]
    complete: bool


class OrderEvents(Controller):
    """The history of single orders."""

    path = "/v1/orders/{order_id:str}/events"
    tags = ("orders",)

    @get("/", operation_id="listOrderEvents", summary="What happened to one order, oldest first")
    async def of_order(
        self,
        request: AskedBy,
        reader: Read,
        order_id: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[OrderEventsView]:
        def read() -> OrderEventsView:
            order = orders.by_id(reader.database, order_id)
            if order is None or not may_know(request, order["account"]):
                raise not_found("order", order_id)
            return _events_view(reader, order)

        return await reader.answer("orders", (after, read_after), read, "trade_changes")


def _events_view(reader: Reader, order: Document) -> OrderEventsView:
    order_id, account = order["_id"], order["account"]
    if order["status"] == orders.REJECTED:
        rejected = OrderEventView(
            what="rejected",
            happened_at=time_of(order["created_at_us"]),
            reason=f"{order['code']}: {order['detail']}",
        )
        return OrderEventsView(order_id, account, [rejected], complete=True)
    changes = trade_changes.of_orders(reader.database, [order_id]).get(order_id, [])
    return OrderEventsView(
        order_id, account, events_of(order, reader.rules_visible(order["symbol"]), changes), _complete(order)
    )


def _complete(order: Document) -> bool:
    kept = (("fills_count", "fills"), ("prevented_count", "prevented"), ("amendments_count", "amendments"))
    return all(order.get(count, 0) == len(order.get(name, ())) for count, name in kept)


def events_of(order: Document, rules: MarketRules, changes: Sequence[Document]) -> list[OrderEventView]:
    """Return what happened to an order that was placed, oldest first; ``changes``: to its trades."""
    shown: list[tuple[int, OrderEventView]] = []
    for what, when, things in _things(order, changes):
        for thing in things:
            fields = SHOWS[what](thing, rules)
            at_us = thing[when]
            shown.append((at_us, OrderEventView(what=what, happened_at=time_of(at_us), **fields)))
    return [view for _, view in sorted(shown, key=lambda each: each[0])]


def _things(order: Document, changes: Sequence[Document]) -> Iterator[tuple[What, str, Sequence[Document]]]:
    """Yield what happened by kind, with the field that says when; of one moment, in this order."""
    fired = order["trigger"] is not None and order["trigger"]["fired_at_us"] is not None
    yield "placed", "created_at_us", [order]
    yield "amended", "amended_at_us", order.get("amendments", ())
    yield "triggered", "fired_at_us", [order["trigger"]] if fired else []
    yield "trade_prevented", "prevented_at_us", order["prevented"]
    yield "filled", "filled_at_us", order["fills"]
    yield "cancelled", "updated_at_us", [order] if order["status"] == orders.CANCELLED else []
    yield "trade_busted", "changed_at_us", [each for each in changes if each["status"] == "busted"]
    yield "trade_corrected", "changed_at_us", [each for each in changes if each["status"] == "corrected"]


def _filled(fill: Document, rules: MarketRules) -> dict[str, Any]:
    return {
        "price": price_of(rules, fill["price"]),
        "quantity": base_of(rules, fill["quantity"]),
        "fee": quote_of(rules, int(fill["fee"])),
        "trade_id": fill["trade_id"],
        "liquidity": fill["liquidity"],
    }


def _amended(amendment: Document, rules: MarketRules) -> dict[str, Any]:
    return {
        "price": given(price_of, rules, amendment["price"]),
        "quantity": base_of(rules, amendment["quantity"]),
        "trigger_price": given(price_of, rules, amendment["trigger_price"]),
    }


def _prevented(prevented: Document, rules: MarketRules) -> dict[str, Any]:
    return {
        "price": price_of(rules, prevented["price"]),
        "quantity": base_of(rules, prevented["quantity"]),
        "reason": prevented["mode"],
    }


def _cancelled(order: Document, rules: MarketRules) -> dict[str, Any]:
    return {"quantity": base_of(rules, order["cancelled"]), "reason": order["cancel_reason"]}


def _changed(change: Document, rules: MarketRules) -> dict[str, Any]:
    return {
        "price": given(price_of, rules, change["price"]),
        "trade_id": change["trade_id"],
        "reason": change["reason"],
    }


SHOWS: dict[str, Callable[[Document, MarketRules], dict[str, Any]]] = {
    "placed": lambda _order, _rules: {},
    "amended": _amended,
    "triggered": lambda trigger, rules: {"trigger_price": price_of(rules, trigger["fired_price"])},
    "trade_prevented": _prevented,
    "filled": _filled,
    "cancelled": _cancelled,
    "trade_busted": _changed,
    "trade_corrected": _changed,
}
