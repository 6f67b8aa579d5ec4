"""Book: the resting orders of one market, in price-time priority.

An iceberg shows a part of itself. When that part has traded, the next part shows, behind all that rests at
the price: hidden quantity has no time priority.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator

from mypy_extensions import i64

from domain.event import Side
from domain.order import Trigger
from domain.state_hash import Hashed, digest_of, digest_of_text, mixed


class Order(Hashed):
    """An order that is not done. ``price`` is ``None`` where it trades at any; ``held`` is what its account
    holds for it, in quote units for a buy and base units for a sell.

    ``shown`` is what the book has of it (0: it does not rest). ``display``: an iceberg shows at most that
    much. ``trigger``: it waits until that fires. ``budget``: a market order may spend (or, selling, is to
    earn) that many quote units; its ``quantity`` is then what it traded. ``list_id``: the order list it is a
    leg of; a pending leg has quantity 0. ``owner``: of its account, as it is now; it follows from the
    account's group and is no state of the order's own.
    """

    __slots__ = (
        "account",
        "after",
        "before",
        "budget",
        "client_order_id",
        "display",
        "expires_at_us",
        "held",
        "level",
        "list_id",
        "maker_fee_ppm",
        "order_id",
        "order_type",
        "owner",
        "post_only",
        "price",
        "priority",
        "quantity",
        "remaining",
        "seed",
        "self_trade",
        "session",
        "shown",
        "side",
        "symbol",
        "taker_fee_ppm",
        "time_in_force",
        "trigger",
    )

    def __init__(  # the parts that identify it; all others are set by who makes it
        self, order_id: str, account: str, client_order_id: str, symbol: str, side: Side
    ) -> None:
        super().__init__()
        self.order_id = order_id
        self.account = account
        self.owner = account
        self.client_order_id = client_order_id
        self.symbol = symbol
        self.side = side
        self.order_type = "limit"
        self.time_in_force = "gtc"
        self.price: int | None = None
        self.quantity = 0
        self.remaining = 0
        self.budget = 0
        self.held = 0
        self.display = 0
        self.shown = 0
        self.maker_fee_ppm = 0
        self.taker_fee_ppm = 0
        self.self_trade = "none"
        self.trigger: Trigger | None = None
        self.expires_at_us = 0
        self.session = ""
        self.post_only = False
        self.list_id = ""
        self.priority = 0
        self.seed: i64 = 0
        self.level: Level | None = None
        self.before: Order | None = None
        self.after: Order | None = None

    def fresh_digest(self) -> int:
        """Return the digest of ``seed``, which stands for what never changes, and of all that may."""
        digest = mixed(mixed(self.seed, -1 if self.price is None else self.price), self.quantity)
        digest = mixed(mixed(digest, self.remaining), self.held)
        digest = mixed(mixed(digest, self.shown), self.priority)
        trigger = self.trigger
        if trigger is None:
            return digest
        return digest_of(
            digest, trigger.price, trigger.rising, trigger.source, trigger.trail, trigger.trail_bps
        )

    @property
    def filled(self) -> int:
        return self.quantity - self.remaining

    def settle_seed(self) -> None:
        """Digest what never changes, once."""
        seed: i64 = digest_of_text(
            f"{self.order_id}\0{self.account}\0{self.client_order_id}\0{self.symbol}\0{self.side}"
            f"\0{self.order_type}\0{self.time_in_force}\0{self.self_trade}\0{self.session}\0{self.list_id}"
        )
        seed = mixed(mixed(mixed(seed, self.post_only), self.budget), self.display)
        seed = mixed(mixed(seed, self.maker_fee_ppm), self.taker_fee_ppm)
        self.seed = mixed(seed, self.expires_at_us)

    def to_show(self, remaining: int) -> int:
        """Return how much of ``remaining`` shows when the order joins the queue."""
        return min(self.display, remaining) if self.display else remaining


class Match:
    """What a new order meets: ``quantity`` of ``maker`` at ``price``. If ``maker`` is an iceberg,
    ``revealed`` is how much more of it shows then, behind the others.
    """

    __slots__ = ("maker", "price", "quantity", "revealed")

    def __init__(self, maker: Order, price: int, quantity: int, revealed: int) -> None:
        self.maker = maker
        self.price = price
        self.quantity = quantity
        self.revealed = revealed


class Level:
    """All orders resting at one price, first come first, as a linked list: leaving is as quick as joining.

    ``quantity`` is what they show, ``icebergs`` how many of them show only a part.
    """

    __slots__ = ("first", "icebergs", "last", "price", "quantity")

    def __init__(self, price: int) -> None:
        self.price = price
        self.quantity = 0
        self.icebergs = 0
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
        self.quantity += order.shown
        self.icebergs += bool(order.display)

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
        self.quantity -= order.shown
        self.icebergs -= bool(order.display)

    def queue(self) -> Iterator[tuple[Order, int, int]]:
        """Yield (order, quantity, quantity still hidden behind it) as a taker meets them: what shows first,
        then the fresh parts of icebergs, each behind all that rests.
        """
        if not self.icebergs:
            for order in self:
                yield order, order.remaining, 0
            return
        waiting = deque((order, order.shown, order.remaining - order.shown) for order in self)
        while waiting:
            order, shown, hidden = waiting.popleft()
            yield order, shown, hidden
            if hidden:
                fresh = order.to_show(hidden)
                waiting.append((order, fresh, hidden - fresh))


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

    def add(self, order: Order, price: int) -> None:
        level = self.levels.get(price)
        if level is None:
            level = self.levels[price] = Level(price)
            insort(self.keys, price * self.sign)
        level.append(order)

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

    def against(self, side: Side) -> BookSide:
        return self.asks if side == "buy" else self.bids

    def rest(self, order: Order, price: int, shown: int) -> None:
        """Let the order rest at ``price``, showing ``shown`` of it, behind all that rests there."""
        self.last_priority += 1
        order.priority = self.last_priority
        order.shown = shown
        self.side(order.side).add(order, price)

    def show(self, order: Order, shown: int) -> None:
        """Let a resting order show ``shown`` from now on, in its place; nothing: it leaves."""
        level = order.level
        if level is None:
            return
        if shown == 0:
            self.leave(order)
        else:
            level.quantity += shown - order.shown
            order.shown = shown

    def leave(self, order: Order) -> None:
        """Take the order out, if it rests."""
        if order.level is not None:
            self.side(order.side).remove(order, order.level)
        order.shown = 0

    def is_met(self, side: Side, limit: int | None) -> bool:
        """Whether an order at ``limit`` (``None``: at any price) meets anything that rests."""
        best = self.against(side).best_price()
        return best is not None and (limit is None or crosses(side, limit, best))

    def met(self, side: Side, limit: int | None) -> Iterator[tuple[int, Order, int, int]]:
        """Yield (price, maker, quantity, hidden) in the order in which a taker meets what rests."""
        for level in self.against(side).best_first():
            if limit is not None and not crosses(side, limit, level.price):
                return
            for maker, quantity, hidden in level.queue():
                yield level.price, maker, quantity, hidden


def crosses(side: Side, price: int, other: int) -> bool:
    """Whether an order at ``price`` trades with one that rests at ``other``."""
    return price >= other if side == "buy" else price <= other
