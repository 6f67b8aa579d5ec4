"""Tokens of another issuer, which is a real server with keys of its own."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from litestar.exceptions import NotAuthorizedException

from api.authentication.external import ExternalIssuer, ExternalIssuerConfig
from api.authentication.tokens import TokenChecker
from stack.ports import HOST

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CURVE = ec.generate_private_key(ec.SECP256R1())


class Provider:
    """``keys``: as it publishes them; ``asked``: how often; ``answer``: what it says instead, if anything."""

    def __init__(self) -> None:
        self.keys = [jwk("rsa-1", RSA, "RS256"), jwk("ec-1", CURVE, "ES256")]
        self.asked = 0
        self.answer: bytes | None = None
        self.status = 200
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = provider.told(self.path)
                self.send_response(provider.status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """The test's output is no place for it."""

        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        self.issuer = f"http://{HOST}:{self.server.server_address[1]}/pool"

    def told(self, path: str) -> bytes:
        if self.answer is not None:
            return self.answer
        if path.endswith("openid-configuration"):
            return json.dumps({"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}).encode()
        self.asked += 1
        return json.dumps({"keys": self.keys}).encode()

    def token(self, key: Any = RSA, kid: str = "rsa-1", algorithm: str = "RS256", **changed: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": "oms",
            "sub": "7f3a",
            "exp": now + 60,
            "iat": now,
            "cognito:groups": ["oms-traders", "auditor", "unheard-of"],
            "accounts": "alice bob",
        }
        sent = {name: what for name, what in (claims | changed).items() if what is not None}
        return jwt.encode(sent, key, algorithm, headers={"kid": kid})


def jwk(kid: str, key: Any, algorithm: str) -> dict[str, Any]:
    made = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return {**made, "kid": kid, "alg": algorithm, "use": "sig"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    running = Provider()
    thread = Thread(target=running.server.serve_forever, daemon=True)
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join()


def trusting(provider: Provider, **changed: Any) -> tuple[ExternalIssuer, TokenChecker]:
    options: dict[str, Any] = {
        "audience": "oms",
        "roles_claim": "cognito:groups",
        "role_names": {"oms-traders": "trader"},
        "refetch_ms_min": 0,
    }
    external = ExternalIssuer(ExternalIssuerConfig(provider.issuer, **(options | changed)))
    external.fetch()
    return external, TokenChecker([external])


@pytest.mark.parametrize(("key", "kid", "algorithm"), [(RSA, "rsa-1", "RS256"), (CURVE, "ec-1", "ES256")])
def test_its_token_says_who_it_is(provider: Provider, key: Any, kid: str, algorithm: str) -> None:
    _, checker = trusting(provider)
    found = checker.check(provider.token(key, kid, algorithm)).identity
    assert found.subject == f"7f3a@{HOST}", "never taken for a user of ours"
    assert (found.roles, found.accounts) == (frozenset({"trader", "auditor"}), frozenset({"alice", "bob"}))


def test_roles_may_lie_deeper(provider: Provider) -> None:
    _, checker = trusting(provider, roles_claim="realm_access.roles", role_names={})
    found = checker.check(provider.token(realm_access={"roles": ["risk"]}))
    assert found.identity.roles == {"risk"}


def test_an_access_token_of_cognitos_names_its_client_instead_of_an_audience(provider: Provider) -> None:
    _, checker = trusting(provider, audience_claim="client_id")
    found = checker.check(provider.token(aud=None, client_id="oms", token_use="access"))
    assert found.identity.client == "oms"
    for changed in ({"client_id": "other"}, {"client_id": None}, {"client_id": "oms", "token_use": "id"}):
        with pytest.raises(NotAuthorizedException):
            checker.check(provider.token(aud=None, **changed))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "other"},
        {"aud": None},
        {"exp": int(time.time()) - 60},
        {"exp": None},
        {"nbf": int(time.time()) + 86_400},
        {"iss": "https://elsewhere.example"},
        {"sub": None},
        {"key": OTHER_RSA},
        {"kid": "rsa-9"},
        {"kid": "ec-1"},
        {"algorithm": "PS256"},
        {"cognito:groups": {"admin": True}},
    ],
)
def test_a_token_that_is_not_in_order_lets_nobody_in(provider: Provider, changed: dict[str, Any]) -> None:
    _, checker = trusting(provider)
    assert checker.check(provider.token()).identity.subject
    with pytest.raises(NotAuthorizedException):
        checker.check(provider.token(**changed))


@pytest.mark.parametrize("algorithm", ["HS256", "none"])
def test_a_secret_or_nothing_signs_no_token(provider: Provider, algorithm: str) -> None:
    _, checker = trusting(provider)
    secret = "a secret that is long enough for HS256" if algorithm == "HS256" else None
    with pytest.raises(NotAuthorizedException):
        checker.check(provider.token(secret, algorithm=algorithm))


def test_a_shared_secret_among_its_keys_is_passed_over(provider: Provider) -> None:
    secret = {
        "kty": "oct",
        "k": "c2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2gtZm9yLWhz",
        "kid": "oct-1",
        "alg": "HS256",
    }
    provider.keys.append(secret)
    _, checker = trusting(provider)
    with pytest.raises(NotAuthorizedException):
        checker.check(provider.token("secret-that-is-long-enough-for-hs", "oct-1", "HS256"))


def test_a_new_key_of_its_is_found(provider: Provider) -> None:
    external, checker = trusting(provider)
    provider.keys.append(jwk("rsa-2", OTHER_RSA, "RS256"))
    external.fetch()
    assert checker.check(provider.token(OTHER_RSA, "rsa-2")).identity.subject


def test_strangers_cause_no_storm(provider: Provider) -> None:
    external, _ = trusting(provider, refetch_ms_min=60_000)
    for _ in range(20):
        external.fetch()
    assert provider.asked == 1


def test_its_old_keys_count_while_it_is_down_but_not_for_ever(provider: Provider) -> None:
    external, checker = trusting(provider)
    provider.status = 500
    external.fetch()
    assert checker.check(provider.token()).identity.subject
    impatient, hasty = trusting(provider, keys_stale_ms_max=0)
    impatient.fetch()
    with pytest.raises(NotAuthorizedException):
        hasty.check(provider.token())


@pytest.mark.parametrize(
    "answer",
    [
        b"no JSON",
        b"[]",
        b'{"issuer": "https://other.example", "jwks_uri": "https://other.example/jwks"}',
        b" " * 300_000,
    ],
)
def test_an_answer_that_makes_no_sense_opens_nothing(provider: Provider, answer: bytes) -> None:
    provider.answer = answer
    _, checker = trusting(provider)
    with pytest.raises(NotAuthorizedException):
        checker.check(provider.token())


@pytest.mark.parametrize(
    "changed",
    [{"audience": ""}, {"jwks_url": "http://keys.example/jwks"}, {"issuer": "http://issuer.example"}],
)
def test_a_configuration_that_is_not_safe_is_refused(changed: dict[str, str]) -> None:
    options = {"issuer": "https://issuer.example", "audience": "oms"} | changed
    with pytest.raises(ValueError, match=r"audience|https"):
        ExternalIssuerConfig(**options)  # type: ignore[arg-type] # texts, as the environment has them
