"""The issuer itself: Authlib's server between Litestar's requests and our tables."""

import base64
import hashlib
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import jwt
from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Request
from authlib.oauth2.rfc6749.requests import OAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from litestar import Response
from litestar.exceptions import NotAuthorizedException

from api.authentication.scopes import OPENID_SCOPES, SCOPES
from api.authentication.tokens import OwnIssuer, access_token
from api.identity import clients, sessions, signing_keys
from api.identity.grants import CodeGrant, Family, ItselfGrant, OnlyS256, Revocation, RotatingGrant
from api.identity.models import User
from api.identity.store import Store

PARAMETERS_MAX = 50
ID_TOKEN = "JWT"  # noqa: S105 - a type's name


@dataclass(frozen=True)
class Asked:
    """A request of OAuth's. ``pairs``: its parameters, from the query or the form."""

    method: str
    uri: str
    pairs: list[tuple[str, str]]
    headers: Mapping[str, str]


class Payload(OAuth2Payload):  # type: ignore[misc] # Authlib has no types of its own
    """Parameters, the first where one comes twice; all of them where Authlib looks for that."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in pairs:
            self._lists[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._lists.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


class Request(OAuth2Request):  # type: ignore[misc] # Authlib has no types of its own
    """A request, as Authlib asks about it."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked.method, asked.uri, headers=asked.headers)
        self.payload = Payload(asked.pairs)

    @property
    def form(self) -> dict[str, str]:
        return dict(self.payload.data)

    @property
    def args(self) -> dict[str, str]:
        return dict(self.payload.data)


class IdentityServer(AuthorizationServer):  # type: ignore[misc] # Authlib has no types of its own
    """``issuer``: its address, as it stands in tokens."""

    def __init__(self, store: Store, issuer: str) -> None:
        super().__init__(scopes_supported=[*OPENID_SCOPES, *SCOPES])
        self.store = store
        self.issuer = issuer
        self.register_grant(CodeGrant, [OnlyS256(required=True), self._with_id_token])
        self.register_grant(RotatingGrant)
        self.register_grant(ItselfGrant)
        self.register_endpoint(Revocation)
        self.register_token_generator("default", self._generated)

    def query_client(self, client_id: str) -> clients.OAuthClient | None:
        return clients.find(self.store, client_id)

    def create_oauth2_request(self, request: Asked | Request) -> Request:
        return request if isinstance(request, Request) else Request(request)

    def handle_response(self, status: int, body: Any, headers: Any) -> Response[Any]:
        return Response(
            content=body or None, status_code=status, headers=dict(headers) | {"Cache-Control": "no-store"}
        )

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: what matters is recorded where it is done."""

    # --- Tokens ------------------------------------------------------------------------------------------

    def _generated(
        self, *, client: clients.OAuthClient, scope: str | None, user: User | None = None, **_: Any
    ) -> dict[str, Any]:
        granted = BearerTokenGenerator.get_allowed_scope(client, scope)
        return {
            "token_type": "Bearer",
            "expires_in": self.store.lives.access_token_s,
            "scope": granted,
            "user": user,
        }

    def save_token(self, token: dict[str, Any], request: Request) -> None:
        """Sign what was granted, and begin or go on with the session it belongs to."""
        user: User | None = token.pop("user")
        client: clients.OAuthClient = request.client
        claims = {"client_id": client.get_client_id(), "scope": token["scope"]}
        if user is None:
            claims |= {"roles": client.row.roles, "accounts": client.row.accounts}
            subject = clients.SUBJECT_PREFIX + client.get_client_id()
        else:
            family, token["refresh_token"] = self._session_goes_on(request)
            claims |= {"roles": user.roles, "accounts": user.accounts, "sid": family}
            subject = user.name
        key = signing_keys.current(self.store)
        life_s = self.store.lives.access_token_s
        token["access_token"] = access_token(key, self.issuer, subject, life_s, claims)

    def _session_goes_on(self, request: Request) -> tuple[str, str]:
        with self.store.work() as session:
            if isinstance(request.refresh_token, Family):
                family = request.refresh_token.row.id
            else:
                sessions.begin(session, self.store.lives, request.authorization_code.row)
                family = request.authorization_code.row.family
            return family, sessions.new_refresh_token(session, family)

    def _with_id_token(self, grant: Any) -> None:
        grant.register_hook("after_create_token_response", self._add_id_token)

    def _add_id_token(self, grant: Any, response: tuple[int, dict[str, Any], Any]) -> None:
        """OpenID Connect Core 3.1.3.3: who signed in, for the client that asked for `openid`."""
        token = response[1]
        if "openid" not in token["scope"].split():
            return
        code = grant.request.authorization_code.row
        at = int(time.time())
        half = hashlib.sha512(token["access_token"].encode()).digest()[:32]
        claims = {
            "iss": self.issuer,
            "sub": code.user_name,
            "aud": code.client_id,
            "iat": at,
            "exp": at + self.store.lives.access_token_s,
            "auth_time": int(code.signed_in_at.timestamp()),
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            **({"nonce": code.nonce} if code.nonce else {}),
            **({"preferred_username": code.user_name} if "profile" in token["scope"].split() else {}),
        }
        token["id_token"] = signing_keys.current(self.store).sign(claims, ID_TOKEN)

    def read_token(self, encoded: str) -> dict[str, Any] | None:
        """Return the claims of an access token of ours that is still good."""
        with self.store.work() as session:
            published = signing_keys.published(session)
        try:
            issuer = OwnIssuer(self.issuer, published)
            return issuer.claims(encoded, jwt.get_unverified_header(encoded))
        except (jwt.PyJWTError, NotAuthorizedException):
            return None


def pairs_of(encoded: bytes) -> list[tuple[str, str]]:
    """Return the parameters of a query or a form. Raises ``ValueError`` for too many of them."""
    return parse_qsl(encoded.decode("ascii"), keep_blank_values=True, max_num_fields=PARAMETERS_MAX)
