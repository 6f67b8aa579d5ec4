"""PyPI `fastlob`: Decimal prices, random ids given by the book, a thread for GTD; no IOC, no price change."""

from importlib import import_module
from typing import Any

from bench.engine.messages import Message
from bench.engine.timing import Call, Engine


class FastLob(Engine):
    """Ids become known when orders are placed; ``ids`` has them by our number."""

    def __init__(self) -> None:
        self.library = import_module("fastlob")
        self.sides = {"buy": self.library.OrderSide.BID, "sell": self.library.OrderSide.ASK}
        self.book = self.library.Orderbook(start=True)
        self.ids: dict[int, str] = {}

    def place(self, number: int, parameters: Any) -> Any:
        result = self.book.process(parameters)
        self.ids[number] = result.orderid()
        return result

    def take_now(self, parameters: Any) -> Any:
        """IOC: what did not trade is cancelled."""
        result = self.book.process(parameters)
        if result.kind().in_limit():
            self.book.cancel(result.orderid())
        return result

    def cancel(self, number: int) -> Any:
        return self.book.cancel(self.ids[number])

    def replace(self, number: int, parameters: Any) -> Any:
        self.book.cancel(self.ids[number])
        return self.place(number, parameters)

    def call(self, message: Message) -> Call:
        if message.kind == "cancel":
            return self.cancel, (message.order,)
        parameters = self.library.OrderParams(self.sides[message.side], message.price, message.quantity)
        if message.kind == "modify":
            return self.replace, (message.order, parameters)
        if message.ioc:
            return self.take_now, (parameters,)
        return self.place, (message.order, parameters)

    def traded(self, outcome: Any) -> tuple[int, int]:
        """It tells what was traded at each price, not how many trades that took."""
        if outcome.kind().name not in {"MARKET", "PARTIAL_MARKET"}:
            return 0, 0
        return outcome.n_orders_matched(), int(sum(outcome.execprices().values()))

    def close(self) -> None:
        self.book.stop()
