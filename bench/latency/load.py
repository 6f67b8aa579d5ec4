"""Open-loop arrival: each order has its time, and its latency counts from then, whenever it was really sent.

So a pause of the system, or of the load itself, shows in every order that was due in it.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter

from domain.event import Side
from stack.load.client import CommandClient, NotNowError, Outcome, Place
from stack.load.measurements import Histogram, Measurements
from stack.load.visibility import VisibilityProbe
from stack.load.websocket import Take, WebSocketClient, Wire

SYMBOL = "LATENCY-USD"
ACCOUNTS = [f"latency-{number}" for number in range(1, 9)]
FRAME_MS = 5.0
"""Orders due within this time go out in one frame."""
DRAIN_S_MAX = 10.0
REST_IN_FLIGHT_MAX = 2_000
FRAME_ORDERS_MAX = 500
NOT_TAKEN = {"refused", "pending"}

Scheduled = Sequence[tuple[Place, float]]


@dataclass
class Measured:
    """``ack_ms``: to the outcome. ``visible_ms``, of a sample: until the query API shows it."""

    ack_ms: Histogram = field(default_factory=Histogram)
    outcomes: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    late_ms: Histogram = field(default_factory=Histogram)
    """How far the load itself was behind when it sent."""
    probed: Measurements = field(default_factory=Measurements)

    @property
    def open(self) -> int:
        """How many orders have no outcome yet."""
        return self.sent - self.outcomes.total()

    def answered(self, outcome: Outcome, due: float, *, counts: bool) -> None:
        self.outcomes[outcome.code or outcome.status] += 1
        if counts and outcome.status not in NOT_TAKEN:
            self.ack_ms.add((perf_counter() - due) * 1000)


def orders(run_id: str) -> Iterator[Place]:
    """Yield orders of which about half trade, at prices around 100, so that the book stays small."""
    number = 0
    while True:
        number += 1
        side: Side = "buy" if number % 2 else "sell"
        away = number * 7 % 40 - 20
        price = f"{100 + away / 100 if side == 'buy' else 100 - away / 100:.2f}"
        account = ACCOUNTS[number % len(ACCOUNTS)]
        yield Place(account, f"{run_id}-{number}", SYMBOL, side, "limit", "0.01", price)


@dataclass
class Run:
    """One rate over one transport; the first ``warm_s`` are sent and not counted."""

    run_id: str
    per_s: float
    seconds: float
    warm_s: float
    measured: Measured = field(default_factory=Measured)

    async def over_rest(self, client: CommandClient) -> Measured:
        """Send each order as a request of its own."""
        probe = VisibilityProbe(client, self.measured.probed)
        slots = asyncio.Semaphore(REST_IN_FLIGHT_MAX)
        began = perf_counter()

        async def one(order: Place, due: float) -> None:
            outcome = await client.place(order)
            slots.release()
            self._answered(probe, outcome, due, began)

        async with asyncio.TaskGroup() as group:
            for order, due in self._schedule(began):
                await _until(due)
                await slots.acquire()
                self._sends(1, due)
                group.create_task(one(order, due))
        await probe.finish()
        return self.measured

    async def over_websocket(self, client: WebSocketClient) -> Measured:
        """Send what is due within ``FRAME_MS`` in one frame, over one connection. Raises ``NotNowError``."""
        probe = VisibilityProbe(client, self.measured.probed)
        wire = await client.wire()
        began = perf_counter()
        schedule = self._schedule(began)
        for due in self._frame_times(began):
            await _until(due)
            frame = list(islice(schedule, self._due_by(perf_counter() - began) - self.measured.sent))
            for start in range(0, len(frame), FRAME_ORDERS_MAX):
                some = frame[start : start + FRAME_ORDERS_MAX]
                self._sends(len(some), some[0][1])
                await wire.send([order for order, _ in some], self._taking(probe, some, began))
        await self._drained(wire)
        await probe.finish()
        return self.measured

    def _frame_times(self, began: float) -> Iterator[float]:
        for number in range(1, int((self.seconds + self.warm_s) * 1000 / FRAME_MS) + 1):
            yield began + number * FRAME_MS / 1000

    def _due_by(self, elapsed_s: float) -> int:
        return int(self.per_s * elapsed_s)

    def _taking(self, probe: VisibilityProbe, some: Scheduled, began: float) -> Take:
        def take(index: int, outcome: Outcome) -> None:
            self._answered(probe, outcome, some[index][1], began)

        return take

    async def _drained(self, wire: Wire) -> None:
        """Wait, bounded, for the outcomes on their way. Raises ``NotNowError``."""
        for _ in range(int(DRAIN_S_MAX * 1000 / FRAME_MS)):
            if not self.measured.open or wire.lost.is_set():
                break
            await asyncio.sleep(FRAME_MS / 1000)
        if self.measured.open:
            raise NotNowError(f"{self.measured.open} orders had no answer {DRAIN_S_MAX:g} s after the last")

    def _schedule(self, began: float) -> Iterator[tuple[Place, float]]:
        count = int(self.per_s * (self.seconds + self.warm_s))
        for number, order in zip(range(count), orders(self.run_id), strict=False):
            yield order, began + number / self.per_s

    def _sends(self, count: int, due: float) -> None:
        self.measured.sent += count
        self.measured.late_ms.add(max(0.0, perf_counter() - due) * 1000)

    def _answered(self, probe: VisibilityProbe, outcome: Outcome, due: float, began: float) -> None:
        counts = due >= began + self.warm_s
        self.measured.answered(outcome, due, counts=counts)
        if counts and outcome.status not in NOT_TAKEN:
            probe.offer(outcome.order_id, outcome.token, due)


async def _until(when: float) -> None:
    await asyncio.sleep(max(0.0, when - perf_counter()))
