"""Requests over aiohttp, which also carries the WebSocket, and which the load generator was measured with."""

import aiohttp
from yarl import URL

from api.client import bounds
from api.client.calls import Answer, Request
from api.client.errors import NoAnswerError

NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class AsyncTransport:
    """Connections are opened when they are needed, in the event loop of whoever asks first."""

    def __init__(self) -> None:
        self._http: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=bounds.CONNECTIONS_MAX),
                timeout=aiohttp.ClientTimeout(total=bounds.ANSWER_S_MAX, sock_connect=bounds.CONNECT_S_MAX),
            )
        return self._http

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def exchange(self, request: Request) -> Answer:
        """Send one request. Raises ``NoAnswerError``."""
        url = URL(request.url, encoded=True)  # as it was signed
        data = request.body or None
        try:
            async with self.http.request(
                request.method, url, data=data, headers=request.headers, allow_redirects=False
            ) as response:
                body = await response.read()
                return Answer(response.status, response.headers, body)
        except (aiohttp.ClientError, TimeoutError) as error:
            why = f"{request.method} {url.origin()} did not answer: {type(error).__name__}: {error}"
            raise NoAnswerError(why, sent=not isinstance(error, NEVER_SENT)) from None
