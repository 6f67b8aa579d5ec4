"""Ten times the load: what is too much must be turned away at once, and what is accepted be answered in time.

Nothing is sent again here: a client that would multiply its load in an overload is another test.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from stack.faults import bounds
from stack.faults.witness import Witness
from stack.load.client import Command, CommandClient, Outcome, Place
from stack.load.flow import MARKETS, TAKERS
from stack.load.measurements import Histogram


@dataclass
class Overload:
    """Batches at a fixed rate, whatever the answers. ``accepted_ms``: how long it took what got in."""

    client: CommandClient
    witness: Witness
    run_id: str
    outcomes: Counter[str] = field(default_factory=Counter)
    accepted_ms: Histogram = field(default_factory=Histogram)
    _sent: int = 0

    async def run(self, for_s: float) -> None:
        """Send for so long, then wait for the answers on their way."""
        every_s = bounds.OVERLOAD_BATCH / bounds.OVERLOAD_PER_S
        due, end = perf_counter(), perf_counter() + for_s
        async with asyncio.TaskGroup() as group:
            while due < end:
                await asyncio.sleep(max(0.0, due - perf_counter()))
                group.create_task(self._send(due))
                due += every_s

    def as_object(self) -> dict[str, Any]:
        """Say what was sent, what became of it, and how long the accepted waited."""
        return {
            "sent": self._sent,
            "outcomes": dict(sorted(self.outcomes.items())),
            "accepted_ms": self.accepted_ms.percentiles(),
        }

    async def _send(self, due: float) -> None:
        outcomes, _ = await self.client.batch([self._order() for _ in range(bounds.OVERLOAD_BATCH)])
        for outcome in outcomes:
            self._hear(outcome, (perf_counter() - due) * 1_000)

    def _hear(self, outcome: Outcome, took_ms: float) -> None:
        self.witness.hear(outcome)
        self.outcomes["not now" if outcome.status == "pending" else outcome.status] += 1
        if outcome.status not in {"pending", "rejected", "refused"}:
            self.accepted_ms.add(took_ms)

    def _order(self) -> Command:
        self._sent += 1
        spec = MARKETS[self._sent % len(MARKETS)].spec
        return Place(
            account=TAKERS[self._sent % len(TAKERS)],
            client_order_id=f"{self.run_id}-over-{self._sent}",
            symbol=spec.symbol,
            side="buy",
            type="limit",
            quantity=spec.lot_size,
            price="10",
            time_in_force="ioc",
        )
