"""Plays the demo's flow: each action at its time, as long as the system answers in time."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter

from stack.load import bounds
from stack.load.client import Command, CommandClient, Outcome, Place
from stack.load.flow import MARKETS, Action, Flow
from stack.load.measurements import Measurements
from stack.load.playing import OPEN, batches
from stack.load.visibility import VisibilityProbe

GOVERN_S = 1.0
BEHIND_S_MAX = 1.0


@dataclass
class Governor:
    """Decides how many commands a second are sent: what was asked for, or less while latency is too high."""

    wanted_per_s: float
    per_s: float = 0.0
    lowest_per_s: float = 0.0
    _looked: float = field(default_factory=perf_counter)

    def __post_init__(self) -> None:
        self.per_s = self.lowest_per_s = self.wanted_per_s

    def look(self, measurements: Measurements) -> None:
        """Once a second, look at the latencies of the last few."""
        if perf_counter() - self._looked < GOVERN_S:
            return
        self._looked = perf_counter()
        p99_ms = measurements.recent_ms.histogram().percentile(99)
        if p99_ms is not None:
            self.adjust(p99_ms)

    def adjust(self, p99_ms: float) -> None:
        if p99_ms > bounds.DEMO_P99_MS_MAX:
            least = min(self.wanted_per_s, bounds.DEMO_COMMANDS_PER_S_MIN)
            self.per_s = max(self.per_s * 0.85, least)
        elif p99_ms < bounds.DEMO_P99_MS_MAX / 2:
            self.per_s = min(self.per_s * 1.05, self.wanted_per_s)
        self.lowest_per_s = min(self.lowest_per_s, self.per_s)


@dataclass
class Trading:
    """The demo while it runs.

    By symbol: ``last_prices`` and ``trades`` as the replies told them, ``best`` bid and ask as the query API
    shows them.
    """

    client: CommandClient
    measurements: Measurements
    probe: VisibilityProbe
    flow: Flow
    governor: Governor
    last_prices: dict[str, str] = field(default_factory=dict)
    trades: Counter[str] = field(default_factory=Counter)
    best: dict[str, tuple[str, str]] = field(default_factory=dict)
    commands_sent: int = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until ``stop``, then wait for the replies on their way, and take the quotes back."""
        slots = asyncio.Semaphore(bounds.IN_FLIGHT_MAX)
        # What one trader sends stays in order: a cancel must not overtake the order it is for.
        latest: dict[str, asyncio.Task[None]] = {}
        due = perf_counter()
        async with asyncio.TaskGroup() as group:
            for action in self.flow:
                if await _stopped(stop, due - perf_counter()):
                    break
                self.governor.look(self.measurements)
                await slots.acquire()
                task = group.create_task(self._act(action, due, latest.get(action.account)))
                task.add_done_callback(lambda _: slots.release())
                latest[action.account] = task
                due += len(action.commands) / self.governor.per_s
                # What could not be sent in time is not made up for by a burst.
                due = max(due, perf_counter() - BEHIND_S_MAX)
        await self.probe.finish()

    async def look(self) -> None:
        """See where the markets stand, for the screen."""
        for plan in MARKETS:
            symbol = plan.spec.symbol
            self.best[symbol] = await self.client.best(symbol) or self.best.get(symbol, ("-", "-"))

    async def withdraw(self) -> None:
        """Take all quotes out of the books: the next run begins afresh."""
        for batch in batches(self.flow.withdrawals()):
            await self.client.batch(batch)

    async def _act(self, action: Action, due: float, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        self.commands_sent += len(action.commands)
        self.measurements.orders_sent += sum(isinstance(command, Place) for command in action.commands)
        if len(action.commands) == 1 and isinstance(order := action.commands[0], Place):
            self._answered(order, await self.client.place(order), due)
            return
        outcomes, token = await self.client.batch(action.commands)
        for command, outcome in zip(action.commands, outcomes, strict=True):
            self._answered(command, outcome, due, token)

    def _answered(self, command: Command, outcome: Outcome, since: float, token: str = "") -> None:
        if not isinstance(command, Place):
            self.measurements.cancels_sent += 1
            self.measurements.cancel_answered(outcome, since)
            return
        self.measurements.order_answered(outcome, since)
        self.trades[command.symbol] += len(outcome.fills)
        if outcome.fills:
            self.last_prices[command.symbol] = outcome.fills[-1].price
        if outcome.fills or outcome.status in OPEN:
            self.probe.offer(outcome.order_id, outcome.token or token, since)


async def _stopped(stop: asyncio.Event, wait_s: float) -> bool:
    """Wait for the next send time, or for the end."""
    if wait_s > 0 and not stop.is_set():
        try:
            async with asyncio.timeout(wait_s):
                await stop.wait()
        except TimeoutError:
            pass
    return stop.is_set()
