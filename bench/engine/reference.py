"""A small order book that tells what has to come of a flow; quick to read rather than quick.

It is nobody's engine: the flow is made with it (a cancel names an order that is open), and every engine's
trades are compared with its trades.
"""

from sortedcontainers import SortedList

from bench.engine.messages import BookSide


class Resting:
    """An order in the book."""

    __slots__ = ("account", "order", "price", "remaining", "side", "slot")

    def __init__(self, order: int, account: int, side: BookSide, price: int, remaining: int) -> None:
        self.order = order
        self.account = account
        self.side = side
        self.price = price
        self.remaining = remaining
        self.slot = 0


class ReferenceBook:
    """Price-time priority. ``slots`` lists the open orders in any order, for drawing one at random."""

    def __init__(self) -> None:
        self.prices: dict[BookSide, SortedList[int]] = {"buy": SortedList(), "sell": SortedList()}
        self.levels: dict[BookSide, dict[int, dict[int, Resting]]] = {"buy": {}, "sell": {}}
        self.slots: list[Resting] = []
        self.trades = 0
        self.volume = 0
        self.filled_orders = 0

    def best(self, side: BookSide) -> int | None:
        prices = self.prices[side]
        if not prices:
            return None
        return int(prices[-1] if side == "buy" else prices[0])

    def rest(self, order: Resting) -> None:
        level = self.levels[order.side].get(order.price)
        if level is None:
            level = self.levels[order.side][order.price] = {}
            self.prices[order.side].add(order.price)
        level[order.order] = order
        order.slot = len(self.slots)
        self.slots.append(order)

    def remove(self, order: Resting) -> None:
        level = self.levels[order.side][order.price]
        del level[order.order]
        if not level:
            del self.levels[order.side][order.price]
            self.prices[order.side].remove(order.price)
        last = self.slots.pop()
        if last is not order:
            self.slots[order.slot] = last
            last.slot = order.slot

    def take(self, side: BookSide, limit: int, quantity: int) -> int:
        """Trade up to ``quantity`` at ``limit`` or better; return what is left."""
        makers: BookSide = "sell" if side == "buy" else "buy"
        while quantity:
            price = self.best(makers)
            if price is None or (price > limit if side == "buy" else price < limit):
                break
            quantity = self._trade(next(iter(self.levels[makers][price].values())), quantity)
        return quantity

    def _trade(self, maker: Resting, quantity: int) -> int:
        traded = min(maker.remaining, quantity)
        maker.remaining -= traded
        self.trades += 1
        self.volume += traded
        if not maker.remaining:
            self.filled_orders += 1
            self.remove(maker)
        return quantity - traded
