"""A seeded flow of messages as an exchange sees it: most orders never trade.

Passive orders come in a power law around a moving mid price. Of 100 orders placed 15 are IOC and one is a
limit order priced to trade; of the others 20 in 100 are modified, and about 95 in 100 are cancelled, the rest
trades. The book keeps its size. Buyers and sellers are different accounts, so that no engine's rules about
trading with oneself play a part; a modify never crosses the spread.
"""

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from bench.engine.messages import BookSide, Message
from bench.engine.reference import ReferenceBook, Resting

ACCOUNTS = 1_000
MID_TICKS = 1_000_000
DISTANCE_TICKS_MAX = 100_000
DISTANCE_SCALE_TICKS = 100  # half of the passive orders are nearer to the mid than this
MODIFIES_PER_PASSIVE = 0.20
CANCELS_PER_PASSIVE = 0.95
IOC_SHARE = 0.15
MARKETABLE_SHARE = 0.01
QUANTITY_LOTS_MAX = 10_000
TAKER_SIZE = 0.27  # of a passive order's: so much less is taken than is offered
SLIPPAGE_TICKS_MAX = 5
MID_MOVES_MAX = 0.05  # a message; in a deep book the mid moves less often
MID_MOVES_DEPTH = 10


@dataclass(frozen=True)
class Shape:
    """A book that holds about so many ``resting`` orders all the time."""

    name: str
    resting: int


THIN = Shape("thin", 200)
DEEP = Shape("deep", 20_000)


@dataclass
class Flow:
    """``setup`` fills the book, without a trade; ``measured`` is what is timed.

    ``trades`` and ``volume_lots`` tell, after each measured message, what must have traded so far.
    """

    shape: Shape
    setup: list[Message] = field(default_factory=list)
    measured: list[Message] = field(default_factory=list)
    trades: list[int] = field(default_factory=list)
    volume_lots: list[int] = field(default_factory=list)
    filled_orders: int = 0

    def mix(self) -> dict[str, float]:
        """Return shares in percent: of all messages by kind, and what becomes of the orders."""
        kinds = Counter(message.kind for message in self.measured)
        ioc = sum(message.ioc for message in self.measured)
        takes = sum(before < after for before, after in pairwise([0, *self.trades]))
        placed = kinds["rest"] + kinds["take"]
        ended = kinds["cancel"] + self.filled_orders
        return {
            **{f"{kind}_pct": _percent(kinds[kind], len(self.measured)) for kind in sorted(kinds)},
            "trading_pct": _percent(takes, len(self.measured)),
            "ioc_of_placed_pct": _percent(ioc, placed),
            "modified_of_passive_pct": _percent(kinds["modify"], kinds["rest"]),
            "cancelled_of_ended_pct": _percent(kinds["cancel"], ended),
        }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / max(whole, 1), 1)


def generate(shape: Shape, messages: int, seed: int) -> Flow:
    """Return a flow; the same arguments give the same flow on every machine."""
    source = _Source(shape, Random(f"{seed} {shape}"))  # noqa: S311 - repeatable is what it has to be
    flow = Flow(shape)
    for _ in range(shape.resting):
        flow.setup.append(source.rest())
    for _ in range(messages):
        flow.measured.append(source.next())
        flow.trades.append(source.book.trades)
        flow.volume_lots.append(source.book.volume)
    flow.filled_orders = source.book.filled_orders
    return flow


class _Source:
    """Draws one message after the other, and keeps the book that they make."""

    def __init__(self, shape: Shape, random: Random) -> None:
        self.random = random
        self.resting = shape.resting
        self.mid_moves = min(MID_MOVES_MAX, MID_MOVES_DEPTH / shape.resting)
        self.mid = MID_TICKS
        self.orders = 0
        self.book = ReferenceBook()

    def next(self) -> Message:
        """Draw a message; the fuller the book, the more cancels."""
        if self.random.random() < self.mid_moves:
            self.mid += self.random.choice((-1, 1))
        passive = 1 - IOC_SHARE - MARKETABLE_SHARE
        fullness = min(2.0, (len(self.book.slots) / self.resting) ** 4)
        weights = (
            passive,
            1 - passive,
            passive * CANCELS_PER_PASSIVE * fullness,
            passive * MODIFIES_PER_PASSIVE,
        )
        if not self.book.slots:
            return self.rest()
        return self.random.choices((self.rest, self.take, self.cancel, self.modify), weights)[0]()

    def rest(self) -> Message:
        side: BookSide = self.random.choice(("buy", "sell"))
        order = Resting(
            self._number(), self._account(side), side, self._passive_price(side), self._quantity()
        )
        self.book.rest(order)
        return Message(
            "rest", order.order, side, order.price, order.remaining, ioc=False, account=order.account
        )

    def take(self) -> Message:
        side = self._taking_side()
        best = self.book.best("sell" if side == "buy" else "buy")
        slippage = self.random.randint(0, SLIPPAGE_TICKS_MAX)
        touch = self.mid if best is None else best
        price = touch + slippage if side == "buy" else touch - slippage
        quantity = self._quantity(TAKER_SIZE)
        ioc = self.random.random() < IOC_SHARE / (IOC_SHARE + MARKETABLE_SHARE)
        number, account = self._number(), self._account(side)
        left = self.book.take(side, price, quantity)
        if left and not ioc:
            self.book.rest(Resting(number, account, side, price, left))
        return Message("take", number, side, price, quantity, ioc, account)

    def cancel(self) -> Message:
        order = self.random.choice(self.book.slots)
        self.book.remove(order)
        return Message(
            "cancel", order.order, order.side, order.price, order.remaining, ioc=False, account=order.account
        )

    def modify(self) -> Message:
        """Move an order to another price that does not cross."""
        order = self.random.choice(self.book.slots)
        self.book.remove(order)
        price = self._passive_price(order.side)
        if price == order.price:
            price += -1 if order.side == "buy" else 1
        order.price = price
        self.book.rest(order)
        return Message(
            "modify", order.order, order.side, price, order.remaining, ioc=False, account=order.account
        )

    def _number(self) -> int:
        self.orders += 1
        return self.orders - 1

    def _account(self, side: BookSide) -> int:
        """Even accounts buy, odd ones sell."""
        return 2 * self.random.randrange(ACCOUNTS // 2) + (side == "sell")

    def _quantity(self, size: float = 1.0) -> int:
        lots = round(size * self.random.lognormvariate(3.0, 1.0))
        return min(max(lots, 1), QUANTITY_LOTS_MAX)

    def _passive_price(self, side: BookSide) -> int:
        """Draw from the power law P(distance > d) = 1 / (1 + d / scale), and stay behind the other side."""
        drawn = DISTANCE_SCALE_TICKS * (1 / (1 - self.random.random()) - 1)
        distance = 1 + min(int(drawn), DISTANCE_TICKS_MAX)
        if side == "buy":
            ask = self.book.best("sell")
            return self.mid - distance if ask is None else min(self.mid - distance, ask - 1)
        bid = self.book.best("buy")
        return self.mid + distance if bid is None else max(self.mid + distance, bid + 1)

    def _taking_side(self) -> BookSide:
        """Takers push the book to where the mid has moved."""
        bid, ask = self.book.best("buy"), self.book.best("sell")
        if bid is None or ask is None:
            return self.random.choice(("buy", "sell"))
        behind = (2 * self.mid > bid + ask) - (2 * self.mid < bid + ask)
        return "buy" if self.random.random() < 0.5 + 0.3 * behind else "sell"
