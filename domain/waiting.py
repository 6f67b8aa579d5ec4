"""Waiting: the orders of one market whose trigger has not fired yet, nearest to firing first."""

from bisect import bisect_left, insort

from domain.book import Order
from domain.event import TriggerSource
from domain.order import Trigger

Key = tuple[int, int, Order]


class Waiting:
    """For each source and direction a list sorted by trigger price, then by age."""

    __slots__ = ("_lists", "_trailing")

    def __init__(self) -> None:
        self._lists: dict[tuple[TriggerSource, bool], list[Key]] = {
            ("last", True): [],
            ("last", False): [],
            ("mark", True): [],
            ("mark", False): [],
        }
        self._trailing: dict[TriggerSource, dict[str, Order]] = {"last": {}, "mark": {}}

    def add(self, order: Order, trigger: Trigger) -> None:
        """Let the order wait; its ``priority`` is its age."""
        order.trigger = trigger
        insort(self._lists[trigger.source, trigger.rising], _key(order, trigger))
        if trigger.trails:
            self._trailing[trigger.source][order.order_id] = order

    def remove(self, order: Order) -> None:
        """Let the order wait no longer, if it does."""
        trigger, order.trigger = order.trigger, None
        if trigger is None:
            return
        waiting = self._lists[trigger.source, trigger.rising]
        del waiting[bisect_left(waiting, _key(order, trigger))]
        self._trailing[trigger.source].pop(order.order_id, None)

    def fired(self, source: TriggerSource, price: int) -> Order | None:
        """Return the order that fires next at ``price``, if one does."""
        rising, falling = self._lists[source, True], self._lists[source, False]
        if rising and rising[0][0] <= price:
            return rising[0][2]
        if falling and falling[0][0] <= -price:
            return falling[0][2]
        return None

    def followers(self, source: TriggerSource, price: int) -> list[tuple[Order, Trigger]]:
        """Return the trailing orders that ``price`` moves, each with where its trigger stands then."""
        moved = []
        for order in self._trailing[source].values():
            trigger = order.trigger
            assert trigger is not None  # noqa: S101 - it waits
            stands = trigger.following(price)
            if stands < trigger.price if trigger.rising else stands > trigger.price:
                fields = (trigger.rising, trigger.source, trigger.trail, trigger.trail_bps)
                moved.append((order, Trigger(stands, *fields)))
        return moved

    def trailing_ids(self) -> dict[TriggerSource, list[str]]:
        """Return the ids of the trailing orders, by what they follow, in the order in which they do."""
        return {source: list(orders) for source, orders in self._trailing.items()}

    def put_back(self, orders: list[Order]) -> None:
        """Let orders wait that did before, all of the market at once; for trailing ones see below."""
        for order in orders:
            trigger = order.trigger
            if trigger is not None:
                self._lists[trigger.source, trigger.rising].append(_key(order, trigger))
        for waiting in self._lists.values():
            waiting.sort()

    def put_back_trailing(self, source: TriggerSource, orders: list[Order]) -> None:
        self._trailing[source].update({order.order_id: order for order in orders})


def _key(order: Order, trigger: Trigger) -> Key:
    return (trigger.price if trigger.rising else -trigger.price, order.priority, order)
