"""Orders sent all the time, one every quarter of a second, to see when the system answers again."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from time import perf_counter

from stack.faults import bounds
from stack.faults.witness import Witness
from stack.load.client import CommandClient, Place
from stack.load.flow import MARKETS, TAKERS


@dataclass
class Seen:
    """The first order that was sent after a moment and accepted: when, and when the query API showed one."""

    since: float
    accepted: float | None = None
    visible: float | None = None
    both: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Prober:
    """Sends an order that never trades, again and again, each only once; its answers are witnessed."""

    client: CommandClient
    witness: Witness
    run_id: str
    watching: Seen | None = None
    _sent: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            if len(self._tasks) < bounds.PROBES_IN_FLIGHT_MAX:
                task = asyncio.create_task(self._probe())
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(bounds.PROBE_EVERY_S)

    async def finish(self) -> None:
        """Wait for the answers on their way."""
        await asyncio.gather(*self._tasks)

    async def recovered(self, since: float) -> Seen:
        """Wait, bounded, until an order sent after ``since`` was accepted, and one was visible."""
        self.watching = seen = Seen(since)
        with suppress(TimeoutError):
            await asyncio.wait_for(seen.both.wait(), bounds.RECOVERY_S_MAX)
        return seen

    async def _probe(self) -> None:
        sent = perf_counter()
        outcome = await self.client.place(self._order())
        self.witness.hear(outcome)
        seen = self.watching
        if outcome.status in {"pending", "rejected", "refused"} or seen is None or sent < seen.since:
            return
        if seen.accepted is None:
            seen.accepted = perf_counter()
        if not seen.both.is_set() and await self.client.visible(outcome.order_id, outcome.token or ""):
            seen.visible = seen.visible or perf_counter()
            seen.both.set()

    def _order(self) -> Place:
        """Immediate-or-cancel at a price far from the market."""
        self._sent += 1
        spec = MARKETS[0].spec
        return Place(
            account=TAKERS[0],
            client_order_id=f"{self.run_id}-probe-{self._sent}",
            symbol=spec.symbol,
            side="buy",
            type="limit",
            quantity=spec.lot_size,
            price="30000",
            time_in_force="ioc",
        )
