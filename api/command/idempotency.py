"""``Idempotency-Key`` (IETF draft-ietf-httpapi-idempotency-key-header): the same request again is done once.

Where a body names its order, list or transfer by the client's own id, the domain knows it for ever, and the
header may stand for that id. Everything else that comes with the header is claimed in the event store's
database before it is carried out, and its answer kept there: what was done has an answer of 2xx; what was
refused did nothing, and gives the key back.
"""

import json
import logging
import re
from hashlib import blake2b
from http import HTTPStatus
from typing import Any

import psycopg
from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.command.schemas import CLIENT_ID_PATTERN
from api.faults import shortened
from api.problems import Problem
from streams.idempotency_keys import Claim, Held, IdempotencyKeys

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
OWN_ID = "own_id"
CHANGES_NOTHING = "changes_nothing"
_PATTERN = re.compile(CLIENT_ID_PATTERN)
_UNREACHABLE = (psycopg.Error, OSError, TimeoutError)


def own_id(field: str) -> dict[str, Any]:
    """Return what a route says that takes the client's own id in ``field`` (a path: ``order.symbol``)."""
    return {OWN_ID: field}


def key_of(request: Request[Any, Any, Any]) -> str:
    """Return the header's key, none if it is not there; its quotes may be left out. Raises ``Problem``."""
    text = request.headers.get(HEADER)
    if text is None:
        return ""
    key = text[1:-1] if len(text) >= 2 and text[0] == text[-1] == '"' else text
    if not _PATTERN.fullmatch(key):
        detail = f"{HEADER} was {shortened(HEADER, text)}; it is of this form: {CLIENT_ID_PATTERN}"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid_request", detail, field=HEADER)
    return key


def demanded_key(request: Request[Any, Any, Any], field: str) -> str:
    """Return the key that stands for the client's own id. Raises ``Problem`` (400) if there is neither."""
    if key := key_of(request):
        return key
    detail = f"neither {field} in the body nor a header {HEADER}: one of them has to name the request"
    raise Problem(HTTPStatus.BAD_REQUEST, "idempotency_key_missing", detail, field=field)


class Idempotency(ASGIMiddleware):
    """Carries out once what comes with a key, and is named by nothing in its body."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, keys: IdempotencyKeys) -> None:
        self._keys = keys

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Pass on what is no business of this; answer repeats. Raises ``Problem``: 400, 409, 422, 503."""
        request: Request[Any, Any, Any] = Request(scope, receive=receive, send=send)
        if request.method != "POST" or not (key := key_of(request)) or "user" not in scope:
            await next_app(scope, receive, send)
            return
        body = await request.body()
        opt = scope["route_handler"].opt
        if opt.get(CHANGES_NOTHING) or _unnamed(opt.get(OWN_ID), body):
            await next_app(scope, receive, send)
            return
        claim = await self._claim(request, key, _fingerprint(request, body))
        if isinstance(claim, Held):
            await _answer_again(claim, send)
            return
        await self._carry_out(claim, scope, receive, send, next_app)

    async def _claim(self, request: Request[Any, Any, Any], key: str, fingerprint: bytes) -> Claim | Held:
        try:
            claim = await self._keys.claim(request.user.subject, key, fingerprint)
        except _UNREACHABLE as error:
            logger.warning("no look at the idempotency keys for now: %s", error)
            detail = f"whether {HEADER} {key!r} was used cannot be told: the event store does not answer"
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", detail, headers={"Retry-After": "1"}
            ) from None
        if isinstance(claim, Claim):
            return claim
        if claim.fingerprint != fingerprint:
            detail = f"{HEADER} {key!r} came before with another request: another address or another body"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "id_reused", detail, field=HEADER)
        if claim.status is None:
            detail = f"the request with {HEADER} {key!r} has no answer yet"
            raise Problem(
                HTTPStatus.CONFLICT,
                "idempotency_key_in_use",
                detail,
                headers={"Retry-After": "1"},
                field=HEADER,
            )
        return claim

    async def _carry_out(
        self, claim: Claim, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp
    ) -> None:
        """Keep the answer before it is sent, so that whoever has it finds it again."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        try:
            await next_app(scope, receive, keep)
        except BaseException:
            await self._end(claim, None, b"")
            raise
        status = next((each["status"] for each in messages if each["type"] == "http.response.start"), 500)
        body = b"".join(each["body"] for each in messages if each["type"] == "http.response.body")
        await self._end(claim, status if status < HTTPStatus.MULTIPLE_CHOICES else None, body)
        for message in messages:
            await send(message)

    async def _end(self, claim: Claim, status: int | None, body: bytes) -> None:
        """Where the answer cannot be kept, the claim ends by itself, and the domain knows the repeat."""
        try:
            if status is None:
                await self._keys.release(claim)
            else:
                await self._keys.keep(claim, status, body)
        except _UNREACHABLE as error:
            logger.warning("the answer to %s %r is not kept: %s", HEADER, claim.key, error)


def _unnamed(field: str | None, body: bytes) -> bool:
    """Tell whether the key stands for the client's own id, which the body leaves out."""
    if field is None:
        return False
    try:
        found = json.loads(body)
    except ValueError:
        return True  # it is refused in a moment, and does nothing
    for step in field.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return not found


def _fingerprint(request: Request[Any, Any, Any], body: bytes) -> bytes:
    asked = f"{request.url.path}?{request.url.query}\n".encode()
    return blake2b(asked + body, digest_size=32).digest()


async def _answer_again(held: Held, send: Send) -> None:
    body = held.body or b""
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"idempotent-replayed", b"true"),
    ]
    await send({"type": "http.response.start", "status": held.status or 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
