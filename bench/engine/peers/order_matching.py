"""PyPI `order-matching`: float prices, orders placed first and matched after; no IOC and no modify."""

from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from bench.engine.messages import Message
from bench.engine.timing import Call, Engine

BEGAN = datetime(2026, 1, 1)  # noqa: DTZ001 - its own default, datetime.max, has no time zone


class OrderMatching(Engine):
    """Each message is placed and matched at once: a batch would hide who was first from its users."""

    def __init__(self) -> None:
        import_module("loguru").logger.remove()  # by default it prints each order
        self.engine = import_module("order_matching.matching_engine").MatchingEngine(seed=1)
        self.orders = import_module("order_matching.orders").Orders
        self.make = import_module("order_matching.order").LimitOrder
        sides = import_module("order_matching.enums").Side
        self.sides = {"buy": sides.BUY, "sell": sides.SELL}
        self.messages = 0
        self.ids: dict[int, str] = {}

    def place(self, order: Any) -> Any:
        self.engine.place(self.orders([order]))
        return self.engine.match(timestamp=order.timestamp)

    def take_now(self, order: Any) -> Any:
        """IOC: what did not trade is cancelled."""
        trades = self.place(order)
        if order.size:
            self.engine.cancel_order(order.order_id)
        return trades

    def replace(self, order_id: str, order: Any) -> Any:
        self.engine.cancel_order(order_id)
        return self.place(order)

    def call(self, message: Message) -> Call:
        known = self.ids.get(message.order, "")
        if message.kind == "cancel":
            return self.engine.cancel_order, (known,)
        order = self._order(message)
        self.ids[message.order] = order.order_id
        if message.kind == "modify":
            return self.replace, (known, order)
        return (self.take_now if message.ioc else self.place), (order,)

    def _order(self, message: Message) -> Any:
        self.messages += 1
        return self.make(
            side=self.sides[message.side],
            price=float(message.price),
            size=float(message.quantity),
            timestamp=BEGAN + timedelta(microseconds=self.messages),
            order_id=str(self.messages),
            trader_id=str(message.account),
        )

    def traded(self, outcome: Any) -> tuple[int, int]:
        if outcome is None:
            return 0, 0
        trades = outcome.trades
        return len(trades), int(sum(trade.size for trade in trades))
