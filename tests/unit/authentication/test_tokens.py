"""Which tokens count: those an issuer that is trusted signed, for this audience, now, and no others."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from litestar.exceptions import NotAuthorizedException

from api.authentication.local_key import SigningKey, local_key
from api.authentication.tokens import (
    ACCESS_TOKEN,
    AUDIENCE,
    ISSUER,
    OwnIssuer,
    TokenChecker,
    UnknownKeyError,
    access_token,
    check_token,
    local_issuer,
    mint_token,
)

SECRET = "t" * 32
URL = "https://identity.example"
KEY = SigningKey(b"k" * 32)


@pytest.fixture
def checker() -> TokenChecker:
    return TokenChecker([local_issuer(SECRET), OwnIssuer(URL, {KEY.kid: KEY.public_bytes})])


def signed(key: SigningKey = KEY, kind: str = ACCESS_TOKEN, **changed: Any) -> str:
    now = int(time.time())
    claims = {"iss": URL, "aud": AUDIENCE, "sub": "ann", "exp": now + 60, "iat": now, "roles": ["trader"]}
    return key.sign({name: what for name, what in (claims | changed).items() if what is not None}, kind)


def forged(header: dict[str, Any], signature: Callable[[bytes], bytes]) -> str:
    """Return a token with the claims of a good one, and another header and signature."""
    claims = signed().split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    mark = base64.urlsafe_b64encode(signature(f"{head}.{claims}".encode())).rstrip(b"=").decode()
    return f"{head}.{claims}.{mark}"


def test_a_good_token_says_who_it_is(checker: TokenChecker) -> None:
    found = checker.check(signed(accounts=["alice"], scope="openid read", client_id="page", jti="1", sid="2"))
    assert (found.identity.subject, found.identity.accounts) == ("ann", frozenset({"alice"}))
    assert (found.identity.scopes, found.identity.client) == (frozenset({"read"}), "page")
    assert (found.token_id, found.session) == ("1", "2")


def test_a_token_of_the_local_operator_has_no_bounds_but_its_roles(checker: TokenChecker) -> None:
    found = checker.check(mint_token(SECRET, "me", ["trader"], ["alice"]))
    assert (found.identity.subject, found.identity.scopes) == ("me", None)
    assert jwt.get_unverified_header(mint_token(SECRET, "me", []))["alg"] == "EdDSA"


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"iss": ISSUER},
        {"aud": "somebody-else"},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"nbf": int(time.time()) + 86_400},
        {"iat": int(time.time()) + 86_400},
        {"roles": ["king"]},
        {"roles": "admin"},
        {"roles": None},
    ],
)
def test_a_token_that_is_not_in_order_lets_nobody_in(checker: TokenChecker, changed: dict[str, Any]) -> None:
    with pytest.raises(NotAuthorizedException):
        checker.check(signed(**changed))


def test_a_clock_may_be_off_by_seconds_and_no_more(checker: TokenChecker) -> None:
    now = int(time.time())
    assert checker.check(signed(nbf=now + 2)).identity.subject == "ann"
    with pytest.raises(NotAuthorizedException):
        checker.check(signed(nbf=now + 30))


def test_the_kind_of_token_counts(checker: TokenChecker) -> None:
    with pytest.raises(NotAuthorizedException, match="type"):
        checker.check(signed(kind="JWT"))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_no_signature_is_no_token(checker: TokenChecker, algorithm: str) -> None:
    header = {"alg": algorithm, "kid": KEY.kid, "typ": ACCESS_TOKEN}
    with pytest.raises(NotAuthorizedException):
        checker.check(forged(header, lambda _: b""))


@pytest.mark.parametrize("secret", [KEY.public_bytes, KEY.kid.encode(), b""])
def test_the_public_key_is_no_secret_to_sign_with(checker: TokenChecker, secret: bytes) -> None:
    header = {"alg": "HS256", "kid": KEY.kid, "typ": ACCESS_TOKEN}
    with pytest.raises(NotAuthorizedException):
        checker.check(forged(header, lambda text: hmac.digest(secret, text, hashlib.sha256)))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_that_was_tampered_with_is_refused(checker: TokenChecker, part: int) -> None:
    parts = signed().split(".")
    parts[part] = parts[part][:5] + ("A" if parts[part][5] != "A" else "B") + parts[part][6:]
    with pytest.raises(NotAuthorizedException):
        checker.check(".".join(parts))


def test_a_key_that_the_issuer_does_not_have_is_refused(checker: TokenChecker) -> None:
    with pytest.raises(UnknownKeyError):
        checker.check(signed(SigningKey(b"o" * 32)))


def test_another_key_by_the_name_of_a_good_one_is_refused(checker: TokenChecker) -> None:
    other = SigningKey(b"o" * 32)
    other.kid = KEY.kid
    with pytest.raises(NotAuthorizedException):
        checker.check(signed(other))


def test_the_key_of_one_issuer_signs_for_no_other(checker: TokenChecker) -> None:
    with pytest.raises(NotAuthorizedException):
        checker.check(signed(local_key(SECRET)))
    with pytest.raises(NotAuthorizedException):
        checker.check(access_token(KEY, ISSUER, "me", 60, {"roles": ["admin"]}))


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "x" * 20_000])
def test_what_is_no_token_is_refused(checker: TokenChecker, token: str) -> None:
    with pytest.raises(NotAuthorizedException):
        checker.check(token)


def test_a_token_without_the_name_of_its_key_is_refused(checker: TokenChecker) -> None:
    bare = jwt.encode({"iss": URL}, KEY._private, "EdDSA", headers={"typ": ACCESS_TOKEN})
    with pytest.raises(NotAuthorizedException, match="kid"):
        checker.check(bare)


def test_two_secrets_make_two_keys() -> None:
    with pytest.raises(NotAuthorizedException):
        check_token("u" * 32, mint_token(SECRET, "me", ["admin"]))
