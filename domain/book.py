"""Book: the resting orders of one market, in price-time priority."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from domain.event import Side


class Order:
    """An open order. ``price`` is ``None`` for a market order; ``held`` is what its account holds for it,
    in quote units for a buy and base units for a sell.
    """

    __slots__ = (
        "account",
        "after",
        "before",
        "client_order_id",
        "digest",
        "held",
        "level",
        "order_id",
        "price",
        "priority",
        "quantity",
        "remaining",
        "side",
        "symbol",
    )

    def __init__(
        self,
        order_id: str,
        account: str,
        client_order_id: str,
        symbol: str,
        side: Side,
        price: int | None,
        quantity: int,
    ) -> None:
        self.order_id = order_id
        self.account = account
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.side = side
        self.price = price
        self.quantity = quantity
        self.remaining = quantity
        self.held = 0
        self.priority = 0
        self.digest = 0
        self.level: Level | None = None
        self.before: Order | None = None
        self.after: Order | None = None


class Level:
    """All orders resting at one price, first come first, as a linked list: leaving is as quick as joining."""

    __slots__ = ("first", "last", "price", "quantity")

    def __init__(self, price: int) -> None:
        self.price = price
        self.quantity = 0
        self.first: Order | None = None
        self.last: Order | None = None

    def __iter__(self) -> Iterator[Order]:
        order = self.first
        while order is not None:
            yield order
            order = order.after

    def append(self, order: Order) -> None:
        order.level, order.before, order.after = self, self.last, None
        if self.last is None:
            self.first = order
        else:
            self.last.after = order
        self.last = order

    def remove(self, order: Order) -> None:
        if order.before is None:
            self.first = order.after
        else:
            order.before.after = order.after
        if order.after is None:
            self.last = order.before
        else:
            order.after.before = order.before
        order.level = order.before = order.after = None


class BookSide:
    """One side's levels. ``keys`` holds the prices worst first (asks negated), so that the best is last."""

    __slots__ = ("keys", "levels", "sign")

    def __init__(self, side: Side) -> None:
        self.sign = 1 if side == "buy" else -1
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def best_first(self) -> Iterator[Level]:
        for key in reversed(self.keys):
            yield self.levels[key * self.sign]

    def best_price(self) -> int | None:
        return self.keys[-1] * self.sign if self.keys else None

    def add(self, order: Order, price: int, quantity: int) -> None:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(price)
            insort(self.keys, price * self.sign)
        level.append(order)
        level.quantity += quantity

    def remove(self, order: Order, level: Level) -> None:
        level.remove(order)
        if level.first is None:
            del self.levels[level.price]
            del self.keys[bisect_left(self.keys, level.price * self.sign)]


class Book:
    """Both sides of one market. Orders enter, shrink and leave; matching only reads."""

    __slots__ = ("asks", "bids", "last_priority")

    def __init__(self) -> None:
        self.bids = BookSide("buy")
        self.asks = BookSide("sell")
        self.last_priority = 0

    def side(self, side: Side) -> BookSide:
        return self.bids if side == "buy" else self.asks

    def rest(self, order: Order, price: int, quantity: int) -> None:
        """Let ``quantity`` of the order rest at ``price``, behind all that rests there."""
        self.last_priority += 1
        order.priority = self.last_priority
        self.side(order.side).add(order, price, quantity)

    def reduce(self, order: Order, quantity: int) -> None:
        """Take ``quantity`` of a resting order out of the book; nothing left: the order leaves."""
        level = order.level
        if level is None:
            return
        level.quantity -= quantity
        if order.remaining == 0:
            self.side(order.side).remove(order, level)

    def matches(self, taker: Side, quantity: int, limit: int | None) -> Iterator[tuple[Order, int, int]]:
        """Yield (maker, price, quantity) in the order in which a taker of ``quantity`` trades."""
        makers = self.asks if taker == "buy" else self.bids
        for level in makers.best_first():
            if limit is not None and (limit - level.price) * makers.sign > 0:
                return
            for maker in level:
                traded = min(maker.remaining, quantity)
                yield maker, level.price, traded
                quantity -= traded
                if quantity == 0:
                    return
