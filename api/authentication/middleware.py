"""The check that each request passes: a bearer token, or a signature by an API key."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from litestar.config.app import AppConfig
from litestar.connection import ASGIConnection
from litestar.enums import ScopeType
from litestar.exceptions import NotAuthorizedException
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult, DefineMiddleware
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)

from api.authentication import signed
from api.authentication.authenticator import Authenticator
from api.authentication.identity import Credential
from api.problems import Problem

TOKENS_REMEMBERED_MAX = 10_000
SCHEME_NAME = "BearerToken"
_KEY_HEADER = signed.KEY_HEADER.encode()
_BODY = "signed_body"


class RememberingMiddleware(AbstractAuthenticationMiddleware):
    """Checks a token's signature once, not with each of its thousand requests; its end every time.

    *Measured:* the full check costs 150 us, a third of what a whole order costs the command API.
    """

    def __init__(self, app: ASGIApp, authenticator: Authenticator, exclude: list[str]) -> None:
        super().__init__(app, exclude)
        self._authenticator = authenticator
        self._known: dict[str, Credential] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A signature covers the body, so it is read here, and handed on."""
        if scope["type"] == ScopeType.HTTP and any(name == _KEY_HEADER for name, _ in scope["headers"]):
            kept = KeptBody(receive)
            scope.setdefault("state", {})[_BODY] = kept
            receive = kept.receive
        await super().__call__(scope, receive, send)

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Raises ``NotAuthorizedException``, ``Problem``."""
        if signed.KEY_HEADER in connection.headers:
            credential = await self._signed(connection)
        else:
            credential = await self._token(connection.headers.get("authorization", ""))
        return AuthenticationResult(user=credential.identity, auth=credential)

    async def _token(self, header: str) -> Credential:
        kind, _, encoded = header.partition(" ")
        if kind.lower() != "bearer" or not encoded:
            raise NotAuthorizedException(
                "there is no bearer token in the header Authorization, and no signature"
            )
        found = self._known.get(encoded)
        if found is None:
            found = await self._authenticator.check_token_or_learn(encoded)
            if len(self._known) >= TOKENS_REMEMBERED_MAX:
                self._known.clear()
            self._known[encoded] = found
        else:
            self._authenticator.check_revoked(found)
        return found

    async def _signed(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Credential:
        if "authorization" in connection.headers:
            raise NotAuthorizedException("send a token or a signature, not both: which one counts is unclear")
        kept = connection.scope.get("state", {}).get(_BODY)
        return await self._authenticator.check_signed(
            connection.headers,
            str(connection.scope.get("method", "GET")),
            target_of(connection),
            await kept.whole() if isinstance(kept, KeptBody) else b"",
            self._authenticator.proxies.client_of(connection),
        )


class KeptBody:
    """A request's body, read to its end once, and then given to whoever asks for it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._body: bytes | None = None
        self._given = False

    async def whole(self) -> bytes:
        """Raises ``Problem`` (413), ``NotAuthorizedException`` where the client is gone."""
        pieces, size, more = [], 0, True
        while more:
            message = await self._receive()
            if message["type"] != "http.request":
                raise NotAuthorizedException("the request ended before its body did")
            pieces.append(message["body"])
            size += len(message["body"])
            more = message["more_body"]
            if size > signed.BODY_BYTES_MAX:
                detail = f"a signed body has at most {signed.BODY_BYTES_MAX} bytes"
                raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", detail)
        self._body = b"".join(pieces)
        return self._body

    async def receive(self) -> HTTPReceiveMessage | WebSocketReceiveMessage:
        if self._body is None or self._given:
            return await self._receive()
        self._given = True
        return {"type": "http.request", "body": self._body, "more_body": False}


def target_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return path and query as they were sent."""
    raw: bytes = connection.scope.get("raw_path") or connection.scope["path"].encode()
    query = connection.scope.get("query_string", b"")
    return (raw.partition(b"?")[0] + (b"?" + query if query else b"")).decode("latin-1")


@dataclass
class Authentication:
    """What an application is given (``on_app_init``) so that its requests are checked."""

    authenticator: Authenticator
    exclude: list[str]

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """Check each request, but for paths that ``exclude`` matches; say so in the API's document."""
        app_config.middleware.insert(
            0, DefineMiddleware(RememberingMiddleware, authenticator=self.authenticator, exclude=self.exclude)
        )
        app_config.on_startup.append(self.authenticator.start)
        app_config.on_shutdown.append(self.authenticator.stop)
        if app_config.openapi_config:
            _describe(app_config)
        return app_config


def _describe(app_config: AppConfig) -> None:
    scheme = SecurityScheme(
        type="http",
        scheme="Bearer",
        name="Authorization",
        bearer_format="JWT",
        description="JWT api-key authentication and authorization.",
    )
    described = app_config.openapi_config
    if described is None:
        return
    components = Components(security_schemes={SCHEME_NAME: scheme})
    existing = described.components
    described.components = [components, *(existing if isinstance(existing, list) else [existing])]
    described.security = [*(described.security or []), {SCHEME_NAME: []}]


def authenticated(authenticator: Authenticator, exclude: list[str]) -> Authentication:
    return Authentication(authenticator, exclude)


def bearer_tokens(secret: str, exclude: list[str]) -> Authentication:
    """Return the check by the local operator's tokens alone. Raises ``ValueError`` for a short secret."""
    return Authentication(Authenticator(secret), exclude)
