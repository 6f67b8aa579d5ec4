"""Bearer tokens (JWT, RFC 9068): made by the local operator, and checked whoever made them.

A token counts only if an issuer that is trusted here signed it, with a key that it names and an algorithm
that this issuer is known to use, for this audience, and now. What a token says about itself decides nothing
but which issuer is to be asked.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import uuid4

import jwt
import msgspec
from jwt.exceptions import PyJWTError
from litestar.exceptions import NotAuthorizedException

from api.authentication import scopes
from api.authentication.identity import Credential, Identity, Role
from api.authentication.local_key import ALGORITHM, SigningKey, local_key, public_key

ISSUER = "crypto-oms"
AUDIENCE = "crypto-oms"
ACCESS_TOKEN = "at+jwt"  # noqa: S105 - a type's name
REQUIRED_CLAIMS = ("exp", "iss", "aud", "sub")
TOKEN_CHARS_MAX = 16_384
CLOCK_SKEW_S = 5
"""By so much another machine's clock may be off."""


class Issuer(Protocol):
    """Whose tokens are taken, and what they mean. ``name``: as it stands in a token."""

    name: str

    def credential(self, encoded: str, header: Mapping[str, Any]) -> Credential:
        """Return what a token proves. Raises ``NotAuthorizedException``, ``PyJWTError``."""


class Claims(msgspec.Struct):
    """What a token of ours says beside the registered claims."""

    sub: str
    exp: float
    roles: frozenset[Role]
    accounts: frozenset[str] = frozenset()
    scope: str | None = None
    client_id: str = ""
    jti: str = ""
    sid: str = ""


class UnknownKeyError(NotAuthorizedException):
    """The token names a key that its issuer did not have when it was asked last."""


class OwnIssuer:
    """Tokens in our own form. ``keys``: the public keys by their names, as they are now."""

    def __init__(self, name: str, keys: Mapping[str, bytes]) -> None:
        self.name = name
        self.keys = keys

    def credential(self, encoded: str, header: Mapping[str, Any]) -> Credential:
        """Raises ``NotAuthorizedException``, ``PyJWTError``."""
        return _credential(self.claims(encoded, header))

    def claims(self, encoded: str, header: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a token of this issuer says. Raises ``NotAuthorizedException``, ``PyJWTError``."""
        key = self.keys.get(key_id(header))
        if key is None:
            raise UnknownKeyError(f"the token's key {key_id(header)!r} is none of {self.name}")
        if header.get("typ") != ACCESS_TOKEN:
            raise NotAuthorizedException(f"the token's type is {header.get('typ')!r}, not {ACCESS_TOKEN}")
        claims: dict[str, Any] = jwt.decode(
            encoded,
            public_key(key),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=self.name,
            leeway=CLOCK_SKEW_S if self.name != ISSUER else 0,
            options={"require": list(REQUIRED_CLAIMS)},
        )
        return claims


def _credential(payload: dict[str, Any]) -> Credential:
    try:
        claims = msgspec.convert(payload, Claims)
    except msgspec.ValidationError as error:
        raise NotAuthorizedException(f"the token's claims are none of ours: {error}") from None
    limited = None if claims.scope is None else scopes.ours(claims.scope)
    identity = Identity(claims.sub, claims.roles, claims.accounts, limited, claims.client_id)
    return Credential(identity, claims.exp, claims.jti, claims.sid)


class TokenChecker:
    """Asks the issuer that a token names, if it is one of those that are trusted."""

    def __init__(self, issuers: Sequence[Issuer]) -> None:
        self._issuers = {issuer.name: issuer for issuer in issuers}

    def check(self, encoded: str) -> Credential:
        """Return what a token proves. Raises ``NotAuthorizedException``."""
        if len(encoded) > TOKEN_CHARS_MAX:
            raise NotAuthorizedException(
                f"the token has {len(encoded)} characters; {TOKEN_CHARS_MAX} are the most"
            )
        try:
            header = jwt.get_unverified_header(encoded)
            claimed = jwt.decode(encoded, options={"verify_signature": False}).get("iss")
            issuer = self._issuers.get(claimed) if isinstance(claimed, str) else None
            if issuer is None:
                raise NotAuthorizedException(f"the token's issuer {claimed!r} is not trusted here")
            return issuer.credential(encoded, header)
        except PyJWTError as error:
            raise NotAuthorizedException(f"the token is not valid: {error}") from None


def local_issuer(secret: str) -> OwnIssuer:
    """Return the issuer that stands for the local operator. Raises ``ValueError`` for a short secret."""
    key = local_key(secret)
    return OwnIssuer(ISSUER, {key.kid: key.public_bytes})


def mint_token(
    secret: str, subject: str, roles: list[Role], accounts: list[str] | None = None, valid_s: int = 3_600
) -> str:
    """Return a token signed by the local operator's key, valid for ``valid_s`` seconds."""
    claims = {"roles": roles, "accounts": accounts or []}
    return access_token(local_key(secret), ISSUER, subject, valid_s, claims)


def access_token(key: SigningKey, issuer: str, subject: str, valid_s: int, claims: dict[str, Any]) -> str:
    """Return a signed access token with the registered claims and ``claims``."""
    now = int(time.time())
    registered = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": now,
        "exp": now + valid_s,
        "jti": uuid4().hex,
    }
    return key.sign(registered | claims, ACCESS_TOKEN)


def check_token(secret: str, encoded: str) -> tuple[Identity, float]:
    """Return who a token of the local operator stands for, and until when (seconds since 1970).

    Raises ``NotAuthorizedException``.
    """
    found = TokenChecker([local_issuer(secret)]).check(encoded)
    return found.identity, found.expires


def key_id(header: Mapping[str, Any]) -> str:
    """Return the name of the key that signed. Raises ``NotAuthorizedException`` where there is none."""
    found = header.get("kid")
    if not isinstance(found, str) or not found:
        raise NotAuthorizedException("the token does not name its key (kid)")
    return found
