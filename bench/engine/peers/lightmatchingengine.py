"""PyPI `lightmatchingengine`: one class, order ids counted from 1, no IOC and no modify."""

from importlib import import_module
from typing import Any

from bench.engine.messages import Message
from bench.engine.timing import Call, Engine

INSTRUMENT = "BTC-USD"


class LightMatchingEngine(Engine):
    """It counts order ids itself, so that they are known beforehand."""

    def __init__(self) -> None:
        library = import_module("lightmatchingengine.lightmatchingengine")
        self.engine = library.LightMatchingEngine()
        self.sides = {"buy": library.Side.BUY, "sell": library.Side.SELL}
        self.placed = 0
        self.ids: dict[int, int] = {}

    def place(self, price: int, quantity: int, side: int) -> Any:
        return self.engine.add_order(INSTRUMENT, price, quantity, side)

    def take_now(self, price: int, quantity: int, side: int) -> Any:
        """IOC: what did not trade is cancelled."""
        order, trades = self.engine.add_order(INSTRUMENT, price, quantity, side)
        if order.leaves_qty:
            self.engine.cancel_order(order.order_id, INSTRUMENT)
        return order, trades

    def cancel(self, order_id: int) -> Any:
        return self.engine.cancel_order(order_id, INSTRUMENT)

    def replace(self, order_id: int, price: int, quantity: int, side: int) -> Any:
        self.engine.cancel_order(order_id, INSTRUMENT)
        return self.engine.add_order(INSTRUMENT, price, quantity, side)

    def call(self, message: Message) -> Call:
        known = self.ids.get(message.order, 0)
        if message.kind == "cancel":
            return self.cancel, (known,)
        self.placed += 1
        self.ids[message.order] = self.placed
        order = (message.price, message.quantity, self.sides[message.side])
        if message.kind == "modify":
            return self.replace, (known, *order)
        return (self.take_now if message.ioc else self.place), order

    def traded(self, outcome: Any) -> tuple[int, int]:
        """It tells of both sides: one trade for the taker at each price, one for each maker."""
        if not isinstance(outcome, tuple):
            return 0, 0
        taker, trades = outcome
        makers = [trade for trade in trades if trade.order_id != taker.order_id]
        return len(makers), sum(trade.trade_qty for trade in makers)
