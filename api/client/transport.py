"""Requests over httpx."""

import httpx

from api.client import bounds
from api.client.calls import Answer, Request
from api.client.errors import NoAnswerError

NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Transport:
    """Connections are kept; many threads may use them."""

    def __init__(self) -> None:
        self._http = httpx.Client(
            timeout=httpx.Timeout(bounds.ANSWER_S_MAX, connect=bounds.CONNECT_S_MAX),
            limits=httpx.Limits(max_connections=bounds.CONNECTIONS_MAX),
            follow_redirects=False,
            trust_env=False,
        )

    def close(self) -> None:
        self._http.close()

    def exchange(self, request: Request) -> Answer:
        """Send one request. Raises ``NoAnswerError``."""
        try:
            response = self._http.request(
                request.method, request.url, content=request.body or None, headers=request.headers
            )
        except httpx.TransportError as error:
            url = httpx.URL(request.url)
            why = f"{request.method} {url.scheme}://{url.netloc.decode()} did not answer"
            raise NoAnswerError(
                f"{why}: {type(error).__name__}: {error}", sent=not isinstance(error, NEVER_SENT)
            ) from None
        return Answer(response.status_code, response.headers, response.content)
