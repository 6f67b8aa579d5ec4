"""The asynchronous client."""

from api.client.async_commands import AsyncCommands
from api.client.async_queries import AsyncQueries
from api.client.calls import Request
from api.client.session import Session
from api.client.wire import Frame, R, Wire, connect


class AsyncClient(AsyncCommands, AsyncQueries):
    """All routes of the command API and the query API, and sessions over a WebSocket."""

    def session(self, *, cancel_on_disconnect: bool = False) -> Session:
        """Return a session for order entry; enter it with ``async with``. ``cancel_on_disconnect``: its
        orders end with it, however it ends.
        """
        return Session(
            self._transport,
            self.urls["command"],
            self.auth,
            self._note,
            cancel_on_disconnect=cancel_on_disconnect,
        )

    async def wire(self, kind: type[Frame[R]]) -> Wire[R]:
        """Return a bare connection for order entry, for those who number and encode their items themselves.

        Raises ``NoAnswerError``.
        """
        url = f"{self.urls['command']}/v1/ws"
        headers = dict(self.auth(Request("GET", url, {})))
        return Wire(await connect(self._transport.http, url, headers), kind)
