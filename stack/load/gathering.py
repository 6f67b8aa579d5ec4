"""A client that sends what is due at the same moment together, as machines do: one request for all of it."""

import asyncio
from contextlib import suppress
from typing import Self

from stack.load import bounds
from stack.load.client import Cancel, Command, CommandClient, Outcome, Place


class GatheringClient(CommandClient):
    """Gathers commands for a few milliseconds and sends them as batches, in order; each gets its own outcome.

    A request costs the API and its client several times what one more command in it costs.
    """

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self._gathered: list[tuple[Command, asyncio.Future[Outcome]]] = []
        self._something = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._sender = asyncio.create_task(self._send_gathered())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._sender.cancel()
        with suppress(asyncio.CancelledError):
            await self._sender
        await asyncio.gather(*self._sending)
        await super().__aexit__(*exception)

    async def place(self, order: Place) -> Outcome:
        return await self._gather(order)

    async def cancel(self, account: str, order_id: str) -> Outcome:
        return await self._gather(Cancel(account, order_id))

    def _gather(self, command: Command) -> asyncio.Future[Outcome]:
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._gathered.append((command, answer))
        self._something.set()
        return answer

    async def _send_gathered(self) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(bounds.GATHER_MS / 1000)
            self._something.clear()
            due, self._gathered = self._gathered, []
            for start in range(0, len(due), bounds.BATCH_COMMANDS_MAX):
                sending = asyncio.create_task(self._send_some(due[start : start + bounds.BATCH_COMMANDS_MAX]))
                self._sending.add(sending)
                sending.add_done_callback(self._sending.discard)

    async def _send_some(self, due: list[tuple[Command, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes, _ = await self.batch([command for command, _ in due])
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            for _, answer in due:
                answer.set_exception(error)
            return
        for (_, answer), outcome in zip(due, outcomes, strict=True):
            answer.set_result(outcome)
