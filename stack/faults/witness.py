"""What clients were told during a round, compared with what is stored."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from domain.order import OrderCancelled, OrderFilled, OrderPlaced, OrderRejected
from stack.load.client import Outcome
from stack.load.measurements import Measurements
from streams.codec import RecordedEvent


@dataclass
class Witness(Measurements):
    """Measures as a run does, and remembers every answer. ``told``: by order, whether it was rejected;
    ``fills``: (order, trade) of every fill told; ``cancelled``: orders whose cancel was confirmed.
    """

    told: dict[str, bool] = field(default_factory=dict)
    fills: set[tuple[str, int]] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    def order_answered(self, outcome: Outcome, since: float) -> None:
        super().order_answered(outcome, since)
        self.hear(outcome)

    def cancel_answered(self, outcome: Outcome, since: float) -> None:
        super().cancel_answered(outcome, since)
        if outcome.status == "cancelled" and outcome.order_id:
            self.cancelled.add(outcome.order_id)

    def hear(self, outcome: Outcome) -> None:
        if outcome.status in {"pending", "refused"} or not outcome.order_id:
            return
        self.told[outcome.order_id] = outcome.status == "rejected"
        self.fills.update((outcome.order_id, fill.trade_id) for fill in outcome.fills)

    def compare(self, events: Iterable[RecordedEvent]) -> list[str]:
        """Return in words what was told and is not stored, or is stored twice."""
        return list(_Comparison(self).run(events))


class _Comparison:
    def __init__(self, witness: Witness) -> None:
        self.witness = witness
        self.times: Counter[str] = Counter()
        self.rejected: set[str] = set()
        self.cancelled: set[str] = set()
        self.fills: Counter[tuple[str, int]] = Counter()

    def run(self, events: Iterable[RecordedEvent]) -> Iterator[str]:
        for recorded in events:
            self._see(recorded.event)
        yield from self._orders()
        for order, trade in self.witness.fills - self.fills.keys():
            yield f"trade {trade} of order {order} was told and is not stored"
        for order in self.witness.cancelled - self.cancelled:
            yield f"order {order} was said to be cancelled and is not, in the store"
        for (order, trade), times in self.fills.items():
            if times > 1:
                yield f"trade {trade} of order {order} is stored {times} times"

    def _orders(self) -> Iterator[str]:
        for order, rejected in self.witness.told.items():
            if order not in self.times:
                yield f"order {order} was acknowledged and is not stored"
            elif rejected != (order in self.rejected):
                said = "rejected" if rejected else "accepted"
                yield f"order {order} was said to be {said}; stored is the opposite"
        for order, times in self.times.items():
            if times > 1:
                yield f"order {order} is stored {times} times"

    def _see(self, event: object) -> None:
        if isinstance(event, OrderPlaced | OrderRejected):
            self.times[event.order_id] += 1
            if isinstance(event, OrderRejected):
                self.rejected.add(event.order_id)
        elif isinstance(event, OrderFilled):
            self.fills[event.order_id, event.trade_id] += 1
        elif isinstance(event, OrderCancelled):
            self.cancelled.add(event.order_id)
