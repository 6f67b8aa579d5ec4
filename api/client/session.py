"""Order entry over a WebSocket: many items a frame, each with its own reply, matched by id."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Self

import msgspec

from api.client import bounds
from api.client.amounts import encoded
from api.client.async_transport import AsyncTransport
from api.client.calls import Auth, Request
from api.client.errors import KINDS, NoAnswerError, ProblemError, UnavailableError
from api.client.types import (
    AmendItem,
    AuthItem,
    CancelAllItem,
    CancelItem,
    CancelReplaceItem,
    PingItem,
    PlaceItem,
    PlaceTestItem,
    Reply,
    SessionItem,
)
from api.client.wire import Frame, Wire, connect

Item = (
    PlaceItem
    | PlaceTestItem
    | CancelItem
    | AmendItem
    | CancelReplaceItem
    | CancelAllItem
    | SessionItem
    | PingItem
    | AuthItem
)
STATUS_OF = {
    "invalid_request": 400,
    "too_large": 413,
    "not_authenticated": 401,
    "not_allowed": 403,
    "order_not_open": 409,
    "too_many_requests": 429,
    "overloaded": 503,
    "unavailable": 503,
    "too_many_in_flight": 503,
}
UNPROCESSABLE = 422


class Session:
    """Enter it with ``async with``; it is not opened again once its connection is lost: open another one, and
    send what has no reply again, with the same client order ids.

    At most ``in_flight_max`` items are without a reply; more wait for their turn.
    """

    def __init__(
        self,
        transport: AsyncTransport,
        command_url: str,
        auth: Auth,
        note: Callable[[str], None],
        *,
        cancel_on_disconnect: bool,
    ) -> None:
        self.id = ""
        self.items_max = 1
        self.in_flight_max = 1
        self._transport = transport
        self._auth = auth
        self._note = note
        guarded = str(cancel_on_disconnect).lower()
        self._url = f"{command_url}/v1/ws?cancel_on_disconnect={guarded}"
        self._welcome = asyncio.Event()
        self._slots = asyncio.Semaphore(1)
        self._renewing: asyncio.Task[None] | None = None
        self._wire: Wire[Reply]

    async def __aenter__(self) -> Self:
        request = Request("GET", self._url, {})
        headers = dict(self._auth(request))
        socket = await connect(self._transport.http, self._url, headers)
        self._wire = Wire(socket, Frame[Reply], self._noticed)
        if not await self._unless_lost(self._welcome):
            await self._wire.close()
            raise NoAnswerError(f"no welcome came in {bounds.ANSWER_S_MAX:.0f} s", sent=False)
        self._slots = asyncio.Semaphore(self.in_flight_max)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
        await self._wire.close()

    @property
    def lost(self) -> bool:
        """Whether the connection is no more; with ``cancel_on_disconnect`` its orders end then."""
        return self._wire.lost.is_set()

    # --- One item -------------------------------------------------------------------------------------------

    async def place(self, order: PlaceItem) -> Reply:
        """Place an order. Raises ``ProblemError`` if it was rejected or refused, ``NoAnswerError``."""
        return await self.ask(order)

    async def cancel(self, account: str, order_id: str) -> Reply:
        """Cancel an order by its id. Raises as ``place`` does."""
        return await self.ask(CancelItem(account=account, order_id=order_id))

    async def amend(self, change: AmendItem) -> Reply:
        """Change an open order. Raises as ``place`` does."""
        return await self.ask(change)

    async def cancel_all(self, request: CancelAllItem) -> Reply:
        """Cancel all open orders of an account, or those of one market or side. Raises as ``place`` does."""
        return await self.ask(request)

    async def ask(self, item: Item) -> Reply:
        """Send one item, and return its reply, or raise what it says was wrong."""
        (reply,) = await self.send([item])
        if reply.code:
            raise problem_of(reply)
        return reply

    # --- Many -----------------------------------------------------------------------------------------------

    async def send(self, items: Sequence[Item]) -> list[Reply]:
        """Send items in order, as many a frame as the API takes. Return the reply of each, in order; none
        raises for what it says. Raises ``NoAnswerError`` when the connection is lost or a reply does not come
        in time: then any of them may have had an effect.
        """
        replies: list[Reply] = []
        most = min(self.items_max, self.in_flight_max)
        for start in range(0, len(items), most):
            replies += await self._send_some(items[start : start + most])
        return replies

    async def _send_some(self, items: Sequence[Item]) -> list[Reply]:
        found: list[Reply | None] = [None] * len(items)
        missing, done = len(items), asyncio.Event()

        def take(index: int, reply: Reply, token: str) -> None:
            nonlocal missing
            found[index] = reply
            self._note(token)
            missing -= 1
            if missing == 0:
                done.set()

        for taken in range(len(items)):
            try:
                async with asyncio.timeout(bounds.REPLY_S_MAX):
                    await self._slots.acquire()
            except TimeoutError:
                self._release(taken)
                why = f"{self.in_flight_max} items had no reply in {bounds.REPLY_S_MAX:.0f} s; none was sent"
                raise NoAnswerError(why, sent=False) from None
        numbers = self._wire.numbers(len(items), take)
        try:
            frame = [
                msgspec.structs.replace(item, id=number) for item, number in zip(items, numbers, strict=True)
            ]
            await self._wire.send(encoded(frame))
            if not await self._unless_lost(done):
                raise NoAnswerError(self._why(), sent=True)
        finally:
            self._wire.forget(numbers)
            self._release(len(items))
        return [reply for reply in found if reply is not None]

    def _release(self, count: int) -> None:
        for _ in range(count):
            self._slots.release()

    async def _unless_lost(self, event: asyncio.Event) -> bool:
        """Wait, bounded, for ``event``; false if it does not come, or the connection goes first."""
        tasks = [asyncio.create_task(each.wait()) for each in (event, self._wire.lost)]
        try:
            await asyncio.wait(tasks, timeout=bounds.REPLY_S_MAX, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return event.is_set()

    def _why(self) -> str:
        if self._wire.fault is not None:
            return str(self._wire.fault)
        if self.lost:
            return f"the connection was lost, closed with code {self._wire.close_code}"
        return f"no reply came in {bounds.REPLY_S_MAX:.0f} s"

    # --- What the server says unasked -----------------------------------------------------------------------

    async def _noticed(self, notice: Frame[Reply]) -> None:
        if notice.event == "welcome":
            self.id = notice.session
            self.items_max = max(1, notice.items_max)
            self.in_flight_max = max(1, min(notice.in_flight_max, bounds.IN_FLIGHT_MAX))
            self._welcome.set()
        elif notice.event == "token_expires":
            self._renewing = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        """Send a new token, if whoever signs has one; without, the API closes the connection in the end."""
        headers = self._auth(Request("GET", self._url, {}))
        token = headers.get("Authorization", "").partition(" ")[-1]
        with suppress(NoAnswerError):
            await self.send([AuthItem(token=token)])


def problem_of(reply: Reply) -> ProblemError:
    """Return a reply that says no as the exception its HTTP answer would be."""
    status = STATUS_OF.get(reply.code, UNPROCESSABLE)
    told = {name: getattr(reply, name) for name in ("code", "detail", "remedy", "order_id", "replayed")}
    kind = KINDS.get(status, UnavailableError)
    return kind(status, told, reply.retry_after_ms / 1000 or None)
