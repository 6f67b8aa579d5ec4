"""How long after it was sent an order shows in the query API: measured on a sample."""

import asyncio
from time import perf_counter

from stack.load import bounds
from stack.load.client import CommandClient
from stack.load.measurements import Measurements


class VisibilityProbe:
    """Asks for a few orders a second, with the token of their reply.

    ``missed`` counts those not seen in time.
    """

    def __init__(self, client: CommandClient, measurements: Measurements) -> None:
        self.client = client
        self.measurements = measurements
        self.missed = 0
        self._next = 0.0
        self._asking: set[asyncio.Task[None]] = set()

    def offer(self, order_id: str, token: str | None, since: float) -> None:
        """Look for this order, unless one was looked for a moment ago."""
        now = perf_counter()
        if not token or now < self._next or len(self._asking) >= bounds.VISIBLE_IN_FLIGHT_MAX:
            return
        self._next = now + 1 / bounds.VISIBLE_SAMPLES_PER_S
        task = asyncio.create_task(self._ask(order_id, token, since))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def finish(self) -> None:
        """Wait for the answers on their way."""
        await asyncio.gather(*self._asking)

    async def _ask(self, order_id: str, token: str, since: float) -> None:
        if await self.client.visible(order_id, token):
            self.measurements.became_visible(since)
        else:
            self.missed += 1
