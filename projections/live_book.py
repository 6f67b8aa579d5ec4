"""A live book: one market's orders in memory, changed event by event, and what has changed since last asked.

The same changes as in ``book_orders`` (and so in ``books``), whose documents it can start from; kept sorted,
so that the best prices are at hand after each event. Every change is told as what stands there now, never as
a difference: whoever is told twice, or only the last, has the same book.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from sortedcontainers import SortedDict

from domain.event import Side
from projections import book_orders
from projections.book_orders import BookEvent, BookOrder, Change, Queues
from projections.projection import Document

Levels = list[tuple[int, int]]


class OrderPlace(NamedTuple):
    side: Side
    price: int
    order_id: str


class Changes(NamedTuple):
    """What changed: at which (side, price) another quantity shows, 0: none; and which orders, with what shows
    of them now and the seq at which they joined the queue; 0: they are not there any more.
    """

    levels: dict[tuple[Side, int], int]
    orders: dict[OrderPlace, tuple[int, int]]


class _BookSide:
    """``quantities``: (price, what shows there), best first by ``sign`` times the price."""

    __slots__ = ("quantities", "queues", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.quantities: SortedDict[int, int] = SortedDict()
        self.queues: dict[int, dict[str, BookOrder]] = {}

    def best(self, levels_max: int | None) -> Levels:
        return [(self.sign * key, quantity) for key, quantity in islice(self.quantities.items(), levels_max)]

    def best_queues(self, levels_max: int | None) -> Queues:
        keys = islice(self.quantities, levels_max)
        return [(price, list(self.queues[price].values())) for price in (self.sign * key for key in keys)]


class LiveBook:
    """``seq``: the last event that changed it. Made of the documents of ``book_orders``, each as of its own
    seq: what they have seen already is skipped.
    """

    def __init__(self, bands: Iterable[Document] = ()) -> None:
        self.seq = 0
        self._sides: dict[Side, _BookSide] = {"buy": _BookSide(-1), "sell": _BookSide(1)}
        self._levels_changed: set[tuple[Side, int]] = set()
        self._orders_changed: dict[OrderPlace, tuple[int, int]] = {}
        self._seen: dict[str, int] = {}
        for band in bands:
            self._load(band)

    def _load(self, band: Document) -> None:
        side = self._sides[band["side"]]
        for order in sorted(book_orders.orders_of(band), key=lambda order: order.joined):
            side.queues.setdefault(order.price, {})[order.order_id] = order
            key = side.sign * order.price
            side.quantities[key] = side.quantities.get(key, 0) + order.quantity
        self._seen[band["_id"]] = band["seq"]
        self.seq = max(self.seq, band["seq"])

    def take(self, event: BookEvent, seq: int) -> None:
        """Raises ``ValueError`` if less of an order shows than leaves: events are missing."""
        if self._seen and seq > self.seq:
            self._seen = {}
        for band_id, (_, side, changes) in book_orders.parts(event, 0):
            if self._seen and seq <= self._seen.get(band_id, 0):
                continue
            for change in changes:
                self._apply(side, change, seq)
            self.seq = max(self.seq, seq)

    def take_changes(self) -> Changes:
        """Return what changed since the last call, as it is now."""
        levels = {
            (side, price): self._sides[side].quantities.get(self._sides[side].sign * price, 0)
            for side, price in self._levels_changed
        }
        orders = self._orders_changed
        self._levels_changed, self._orders_changed = set(), {}
        return Changes(levels, orders)

    def best(self, side: Side, levels_max: int | None = None) -> Levels:
        """Return (price, quantity), best price first."""
        return self._sides[side].best(levels_max)

    def queues(self, side: Side, levels_max: int | None = None) -> Queues:
        """Return (price, orders in the order in which they trade), best price first."""
        return self._sides[side].best_queues(levels_max)

    def _apply(self, side_name: Side, change: Change, seq: int) -> None:
        side = self._sides[side_name]
        queue = side.queues.get(change.price) or {}
        before = queue.get(change.order_id)
        shown = 0 if before is None else before.quantity
        left = shown + change.quantity
        if left < 0:
            message = f"{-change.quantity} of order {change.order_id} leaves the book, where {shown} shows"
            raise ValueError(message)
        joined = seq if before is None or change.joins else before.joined
        self._stand(queue, BookOrder(change.order_id, change.price, left, joined), moves=change.joins)
        self._show(side, change, queue)
        self._levels_changed.add((side_name, change.price))
        self._orders_changed[OrderPlace(side_name, change.price, change.order_id)] = (left, joined)

    @staticmethod
    def _stand(queue: dict[str, BookOrder], order: BookOrder, *, moves: bool) -> None:
        """A dict keeps the order in which things were put into it: that of the queue."""
        if moves or not order.quantity:
            queue.pop(order.order_id, None)
        if order.quantity:
            queue[order.order_id] = order

    @staticmethod
    def _show(side: _BookSide, change: Change, queue: dict[str, BookOrder]) -> None:
        key = side.sign * change.price
        quantity = side.quantities.get(key, 0) + change.quantity
        if quantity:
            side.quantities[key], side.queues[change.price] = quantity, queue
        else:
            side.quantities.pop(key, None)
            side.queues.pop(change.price, None)
