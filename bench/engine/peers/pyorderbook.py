"""PyPI `pyorderbook`: order objects with random ids and Decimal prices; no IOC and no modify."""

from importlib import import_module
from typing import Any

from bench.engine.messages import Message
from bench.engine.timing import Call, Engine

SYMBOL = "BTC-USD"


class PyOrderBook(Engine):
    """A user makes the order object and hands it over, so making it is not timed."""

    def __init__(self) -> None:
        library = import_module("pyorderbook")
        self.book = library.Book()
        self.make = {"buy": library.bid, "sell": library.ask}
        self.orders: dict[int, Any] = {}

    def take_now(self, order: Any) -> Any:
        """IOC: what did not trade is cancelled."""
        blotter = self.book.match(order)
        if order.quantity:
            self.book.cancel(order)
        return blotter

    def replace(self, old: Any, new: Any) -> Any:
        self.book.cancel(old)
        return self.book.match(new)

    def call(self, message: Message) -> Call:
        known = self.orders.get(message.order)
        if message.kind == "cancel":
            return self.book.cancel, (known,)
        order = self.make[message.side](SYMBOL, message.price, message.quantity)
        self.orders[message.order] = order
        if message.kind == "modify":
            return self.replace, (known, order)
        return (self.take_now if message.ioc else self.book.match), (order,)

    def traded(self, outcome: Any) -> tuple[int, int]:
        if outcome is None:
            return 0, 0
        return len(outcome.trades), sum(trade.fill_quantity for trade in outcome.trades)
