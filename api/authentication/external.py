"""Tokens of another issuer (Cognito, Keycloak, any OpenID Connect provider), where one is configured.

Its keys are fetched from its own address, kept, and fetched again when they are old, or when a token names
one that is not among them: not more often than the bounds say, so that tokens made up by strangers cause no
storm. Only signatures by key pairs are taken: a list that cannot contain ``none`` or a shared secret.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import msgspec
from litestar.exceptions import NotAuthorizedException

from api.authentication.identity import Credential, Identity, Role
from api.authentication.tokens import CLOCK_SKEW_S, UnknownKeyError, key_id

logger = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
REQUIRED = ("exp", "iss", "sub")
DISCOVERY = "/.well-known/openid-configuration"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class ExternalIssuerConfig:
    """``issuer``: as in its tokens. ``audience``: what they have to be for, read from ``audience_claim``
    (Cognito's access tokens name the client in ``client_id`` instead of ``aud``).

    ``roles_claim``, ``accounts_claim``: where the roles' and the accounts' names are; dots lead into objects
    (``realm_access.roles``). ``role_names``: what a name of theirs is here, where it is not the same.
    """

    issuer: str
    audience: str
    jwks_url: str = ""
    audience_claim: str = "aud"
    roles_claim: str = "roles"
    accounts_claim: str = "accounts"
    role_names: Mapping[str, Role] = field(default_factory=dict)
    answer_ms_max: int = 5_000
    document_bytes_max: int = 262_144
    keys_max: int = 100
    keys_kept_ms_max: int = 300_000
    """So long keys are used before they are fetched again."""
    keys_stale_ms_max: int = 3_600_000
    """So long at most they are used while their issuer does not answer."""
    refetch_ms_min: int = 10_000
    """How often an unknown key may cause another look, at most."""

    def __post_init__(self) -> None:
        if not self.audience:
            raise ValueError(
                f"external issuer {self.issuer} needs an audience: whom its tokens are to be for"
            )
        for url in filter(None, (self.issuer, self.jwks_url)):
            _secure(url)


class Names(msgspec.Struct):
    """Roles or accounts, as issuers write them: a list, or one text with blanks."""

    found: list[str] | str = []


class ExternalIssuer:
    """Its keys as they were fetched last, and what its tokens prove."""

    def __init__(self, config: ExternalIssuerConfig) -> None:
        self.name = config.issuer
        self._config = config
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._one_fetch = Lock()

    def credential(self, encoded: str, header: Mapping[str, Any]) -> Credential:
        """Raises ``NotAuthorizedException``, ``PyJWTError``."""
        name = key_id(header)
        key = None if self._age_ms() > self._config.keys_stale_ms_max else self._keys.get(name)
        if key is None:
            raise UnknownKeyError(f"the token's key {name!r} is not known of {self.name}")
        by_aud = self._config.audience_claim == "aud"
        claims = jwt.decode(
            encoded,
            key,  # says its own algorithm, which the header then has to say as well
            algorithms=list(ALGORITHMS),
            audience=self._config.audience if by_aud else None,
            issuer=self.name,
            leeway=CLOCK_SKEW_S,
            options={"require": [*REQUIRED, self._config.audience_claim], "verify_aud": by_aud},
        )
        if not by_aud and claims.get(self._config.audience_claim) != self._config.audience:
            raise NotAuthorizedException(f"the token is not for {self._config.audience}")
        if claims.get("token_use", "access") != "access":
            raise NotAuthorizedException(
                "an id token says who somebody is, and opens nothing: send an access token"
            )
        return Credential(self._identity(claims), float(claims["exp"]), str(claims.get("jti", "")))

    def _identity(self, claims: dict[str, Any]) -> Identity:
        """An external subject carries its issuer's host, so that it is never taken for one of ours."""
        subject = f"{claims['sub']}@{urlsplit(self.name).hostname}"
        named = _names(claims, self._config.roles_claim)
        ours = {self._config.role_names.get(name, name) for name in named}
        roles = frozenset(role for role in _ROLES if role in ours)
        client = str(claims.get("client_id", claims.get("azp", "")))
        accounts = frozenset(_names(claims, self._config.accounts_claim)) - {"*"}  # every account: no one's
        return Identity(subject, roles, accounts, client=client)

    # --- Keys --------------------------------------------------------------------------------------------

    @property
    def is_due(self) -> bool:
        """Tell whether the keys are old, and it was not tried just now to fetch newer ones."""
        return self._age_ms() > self._config.keys_kept_ms_max and self._may_try()

    def fetch(self) -> None:
        """Fetch the keys unless that was tried just now. Failing is logged: then the old ones stay."""
        with self._one_fetch:
            if not self._may_try():
                return
            self._tried = monotonic()
            try:
                self._keys = self._fetched_keys()
            except (httpx.HTTPError, ValueError, jwt.PyJWTError, msgspec.MsgspecError) as error:
                logger.warning("the keys of %s could not be fetched: %s", self.name, error)
            else:
                self._fetched = monotonic()

    def _may_try(self) -> bool:
        return (monotonic() - self._tried) * 1_000 > self._config.refetch_ms_min

    def _age_ms(self) -> float:
        return (monotonic() - self._fetched) * 1_000

    def _fetched_keys(self) -> dict[str, jwt.PyJWK]:
        with httpx.Client(timeout=self._config.answer_ms_max / 1_000, follow_redirects=False) as client:
            document = _document(client, self._jwks_url(client), self._config.document_bytes_max)
        found = document.get("keys")
        if not isinstance(found, list) or len(found) > self._config.keys_max:
            raise ValueError(f"its answer has no list of at most {self._config.keys_max} keys")
        return dict(filter(None, map(_usable, found)))

    def _jwks_url(self, client: httpx.Client) -> str:
        if self._config.jwks_url:
            return self._config.jwks_url
        discovered = _document(client, self.name.rstrip("/") + DISCOVERY, self._config.document_bytes_max)
        if discovered.get("issuer") != self.name:
            raise ValueError(f"its configuration is of the issuer {discovered.get('issuer')!r}")
        url = str(discovered.get("jwks_uri", ""))
        _secure(url)
        return url


_ROLES: tuple[Role, ...] = ("trader", "analyst", "auditor", "operator", "risk", "admin")


def _usable(found: Any) -> tuple[str, jwt.PyJWK] | None:
    """Return a key for signatures by its name; others, and kinds we do not know, are passed over."""
    if (
        not isinstance(found, dict)
        or found.get("use", "sig") != "sig"
        or not isinstance(found.get("kid"), str)
    ):
        return None
    try:
        key = jwt.PyJWK(found)
    except jwt.PyJWTError:
        return None
    return (found["kid"], key) if key.algorithm_name in ALGORITHMS else None


def _document(client: httpx.Client, url: str, bytes_max: int) -> dict[str, Any]:
    """Return the JSON object at ``url``. Raises ``httpx.HTTPError``, ``ValueError``, ``MsgspecError``."""
    with client.stream("GET", url) as answer:
        if answer.status_code != httpx.codes.OK:
            raise ValueError(f"{url} answered {answer.status_code}")
        content = bytearray()
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > bytes_max:
                raise ValueError(f"{url} answers with more than {bytes_max} bytes")
    return msgspec.json.decode(bytes(content), type=dict[str, Any])


def _names(claims: dict[str, Any], path: str) -> list[str]:
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for step in path.split("."):
            found = found.get(step) if isinstance(found, dict) else None
    if found is None:
        return []
    try:
        names = msgspec.convert({"found": found}, Names).found
    except msgspec.ValidationError:
        raise NotAuthorizedException(f"the token's claim {path} is no list of names") from None
    return names.split() if isinstance(names, str) else names


def _secure(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return
    raise ValueError(f"{url!r} is no address by https")
