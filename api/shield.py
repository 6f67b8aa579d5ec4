"""The shield before an application: what holds for every request, whatever it asks for.

It limits headers, the time in which a body arrives, and how often an address may come; gives each request an
id; and adds the headers that tell browsers to be careful. Answers here are made without the framework: what
is refused here must cost little.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from time import monotonic
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api import passage
from api.permissions import OPEN_PATHS
from api.problems import Problem
from api.rate_limits import RateLimits, headers_of

Headers = Sequence[tuple[bytes, bytes]]

_ALWAYS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_DATA: Headers = (
    *_ALWAYS,
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
# the API's description is a page with scripts of its own
_PAGE: Headers = (*_ALWAYS, (b"content-security-policy", b"frame-ancestors 'none'"))
_ONLY_TLS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")

UNLIMITED_PATHS = ("/health",)
"""A probe that is refused would have the service taken for dead."""


@dataclass(frozen=True)
class ShieldConfig:
    """``tls``: the service speaks HTTPS alone; ``proxies``: so many proxies of ours stand before it, each of
    which adds the address it was asked from to ``X-Forwarded-For``.
    """

    tls: bool = False
    proxies: int = 0
    headers_max: int = 64
    header_bytes_max: int = 16_384
    """Of all headers together."""
    url_bytes_max: int = 8_192
    body_ms_max: int = 10_000
    """In which all of a body arrives."""


class Shield:
    """An ASGI application around another one. Without ``limits`` an address may come as often as it likes."""

    def __init__(self, app: ASGIApp, config: ShieldConfig, limits: RateLimits | None = None) -> None:
        self._app = app
        self._config = config
        self._limits = limits
        only_tls = [_ONLY_TLS] if config.tls else []
        self._data = [*_DATA, *only_tls]
        self._page = [*_PAGE, *only_tls]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {
            ScopeType.HTTP,
            ScopeType.WEBSOCKET,
        }:  # the framework's own: its beginning and its end
            await self._app(scope, receive, send)
            return
        passed = passage.enter(_header(scope, b"x-request-id"), self._address(scope))
        path = scope["path"]
        headers = self._page if path.startswith(OPEN_PATHS) else self._data

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with(message["headers"], headers, passed)
            await send(message)

        try:
            self._check(scope)
            if self._limits is not None and path not in UNLIMITED_PATHS:
                await self._limits.of_address(passed.address)
        except Problem as problem:
            await _refuse(scope, receive, sent, problem)
            return
        if scope["type"] == ScopeType.HTTP:
            receive = _in_time(receive, self._config.body_ms_max)
        await self._app(scope, receive, sent)

    def _check(self, scope: Scope) -> None:
        """Raises ``Problem`` (414, 431)."""
        config, headers = self._config, list(scope["headers"])
        size = sum(len(name) + len(value) for name, value in headers)
        if len(headers) > config.headers_max or size > config.header_bytes_max:
            detail = (
                f"the request has {len(headers)} headers of {size} bytes; {config.headers_max} headers of "
                f"{config.header_bytes_max} bytes are the most"
            )
            raise Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_large", detail)
        length = len(scope["raw_path"] or b"") + len(scope["query_string"])
        if length > config.url_bytes_max:
            detail = f"the address has {length} bytes; {config.url_bytes_max} are the most"
            raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "too_large", detail)

    def _address(self, scope: Scope) -> str:
        """Return where the request comes from: the last address that our own proxies saw, not what the client
        says that others saw.
        """
        client = scope.get("client")
        address = client[0] if client else ""
        if self._config.proxies:
            forwarded = (_header(scope, b"x-forwarded-for") or b"").decode("latin-1").split(",")
            if len(forwarded) >= self._config.proxies:
                address = forwarded[-self._config.proxies].strip()[:64] or address
        return address


def _with(own: Any, more: Headers, passed: passage.Passage) -> list[tuple[bytes, bytes]]:
    """Return an answer's headers with those that all answers have; what the answer says itself stays."""
    said = {name for name, _ in own}
    return [
        *own,
        *(header for header in more if header[0] not in said),
        (b"x-request-id", passed.request_id.encode()),
        *headers_of(passed.charges),
    ]


def _header(scope: Scope, name: bytes) -> bytes | None:
    return next((value for key, value in reversed(list(scope["headers"])) if key == name), None)


def _in_time(receive: Receive, ms_max: int) -> Receive:
    """Return what raises ``Problem`` (408) unless the whole body arrives in time."""
    until = 0.0
    whole = False

    async def received() -> Any:
        nonlocal until, whole
        if whole:
            return await receive()
        until = until or monotonic() + ms_max / 1_000
        try:
            async with asyncio.timeout(until - monotonic()):
                message = await receive()
        except TimeoutError:
            whole = True
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT, "too_slow", f"the body was not there after {ms_max} ms"
            ) from None
        whole = message["type"] != "http.request" or not message.get("more_body")
        return message

    return received


async def _refuse(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    if scope["type"] == ScopeType.WEBSOCKET:
        await receive()
        await send({"type": "websocket.close", "code": 1013, "reason": problem.detail[:120]})
        return
    body = msgspec.json.encode(
        {
            "status": problem.status_code,
            "type": problem.type_,
            "title": problem.title,
            "detail": problem.detail,
            **(problem.extra if isinstance(problem.extra, dict) else {}),
        }
    )
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in (problem.headers or {}).items()),
    ]
    status: Any = problem.status_code
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
