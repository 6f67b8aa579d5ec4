"""Requests that an API key signed: taken once, in time, from where and for what the key is good."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from litestar.exceptions import NotAuthorizedException

from api.authentication.authenticator import Authenticator
from api.identity import api_keys, users
from api.identity.api_keys import Wish
from api.identity.models import ApiKey
from api.identity.store import now
from api.problems import Problem
from stack.ports import HOST, free_ports
from stack.running import Stack, running_stack
from stack.settings import Settings
from stack.waiting import wait_until
from tests.integration.identity_service import NOTICED_MS_MAX, SECRET, Service, identity_service
from tests.integration.signing import Signer

ME = "/v1/identity/me"
KEYS = "/v1/identity/keys"
PAGE = Path(__file__).parents[2] / "docs" / "identity.md"
MakeKey = Callable[..., Signer]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("stores"))
    with running_stack(settings, servers=("postgres", "redis")) as stack:
        yield stack


@pytest.fixture(scope="module")
def service(stores: Stack) -> Iterator[Service]:
    with identity_service(stores) as running:
        yield running


@pytest.fixture
def make_key(service: Service) -> MakeKey:
    def make(**wish: object) -> Signer:
        owner = wish.pop("owner", None) or service.user()
        made = api_keys.create(service.store, "test", Wish(owner, **wish))  # type: ignore[arg-type] # as the test names them
        return Signer(made.key.id, made.secret)

    return make


@pytest.mark.parametrize("scheme", ["hmac-sha256", "ed25519"])
def test_a_signed_request_stands_for_the_keys_owner(service: Service, make_key: MakeKey, scheme: str) -> None:
    owner = service.user(roles=("trader", "analyst"), accounts=("alice", "bob"))
    signer = make_key(owner=owner, scheme=scheme, accounts=["alice"], scopes=["read", "trade"])
    told = signer.get(service.address, ME).json()
    assert told == {
        "subject": owner,
        "roles": ["analyst", "trader"],
        "accounts": ["alice"],
        "scopes": ["read", "trade"],
        "client": "",
        "key_id": signer.key_id,
    }


def page_block(language: str, beginning: str) -> str:
    """Return the block of docs/identity.md that begins so."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return next(block for block in blocks if block.startswith(beginning))


def test_the_pages_python_signs_a_request(service: Service, make_key: MakeKey) -> None:
    signer, names = make_key(), dict[str, Any]()
    exec(page_block("python", "import base64"), names)  # noqa: S102 - our own page

    def lets_in() -> bool:
        headers = names["signed"](signer.key_id, signer._secret, "GET", ME)
        return httpx.get(service.address + ME, headers=headers, timeout=60.0).is_success

    wait_until(lets_in, NOTICED_MS_MAX, "it is within the page's five seconds")


def test_the_pages_curl_and_openssl_sign_a_request(service: Service, make_key: MakeKey) -> None:
    signer = make_key()
    script = page_block("sh", "key=key_").replace("http://127.0.0.1:8002", service.address)
    script = script.replace("key=key_...", f"key={signer.key_id}").replace(
        "secret=...", f"secret={signer._secret}"
    )
    script = script.replace("/v1/orders?account=alice", KEYS + "?limit=1")

    def told() -> list[str]:
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=60)
        found = json.loads(done.stdout)
        return [key["id"] for key in found] if isinstance(found, list) else []

    wait_until(lambda: told() == [signer.key_id], NOTICED_MS_MAX, "it is within the page's five seconds")


def test_a_public_key_of_ones_own_is_enough(service: Service) -> None:
    private = Ed25519PrivateKey.generate()
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    made = api_keys.create(service.store, "test", Wish(service.user(), scheme="ed25519", public_key=pem))
    assert made.secret == ""
    assert made.key.public == private.public_key().public_bytes_raw()


def test_the_same_request_counts_once(service: Service, make_key: MakeKey) -> None:
    headers = make_key().headers("GET", ME)
    answers = [httpx.get(service.address + ME, headers=headers, timeout=60.0) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert "was sent before" in answers[1].json()["detail"]


async def test_a_replay_is_known_by_every_process(service: Service, make_key: MakeKey) -> None:
    headers = {name.lower(): value for name, value in make_key().headers("GET", ME).items()}
    one, other = Authenticator(SECRET, service.config), Authenticator(SECRET, service.config)
    try:
        await one.check_signed(headers, "GET", ME, b"", HOST)
        with pytest.raises(NotAuthorizedException, match="was sent before"):
            await other.check_signed(headers, "GET", ME, b"", HOST)
    finally:
        await one.stop()
        await other.stop()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"ago_ms": 70_000, "window": ""}, "receive window is 5000"),
        ({"ago_ms": -60_000}, "ahead of this server's clock"),
        ({"ago_ms": 70_000, "window": "60000"}, "receive window is 60000"),
        ({"window": "60001"}, "at most 60000"),
        ({"window": "0"}, "at most 60000"),
        ({"window": "soon"}, "at most 60000"),
    ],
)
def test_a_request_has_its_time(
    service: Service, make_key: MakeKey, options: dict[str, object], why: str
) -> None:
    answer = make_key().get(service.address, ME, **options)
    assert answer.status_code == 401
    assert why in answer.json()["detail"]


def test_a_wider_window_lets_a_slow_request_in(service: Service, make_key: MakeKey) -> None:
    assert make_key().get(service.address, ME, ago_ms=8_000, window="").status_code == 401
    assert make_key().get(service.address, ME, ago_ms=8_000, window="60000").status_code == 200


@pytest.mark.parametrize("scheme", ["hmac-sha256", "ed25519"])
@pytest.mark.parametrize("changed", ["method", "path", "query", "body", "timestamp", "window", "signature"])
def test_whatever_is_changed_breaks_the_signature(
    service: Service, make_key: MakeKey, scheme: str, changed: str
) -> None:
    body = b'{"label": "mine"}'
    headers = make_key(scheme=scheme, scopes=["admin"]).headers("POST", KEYS + "?a=1", body)
    headers["Content-Type"] = "application/json"
    if changed == "timestamp":
        headers["OMS-Timestamp"] = str(int(headers["OMS-Timestamp"]) + 1)
    if changed == "window":
        headers["OMS-Receive-Window"] = "59999"
    if changed == "signature":
        headers["OMS-Signature"] = "AAAA" + headers["OMS-Signature"][4:]
    path = "/v1/identity/clients" if changed == "path" else KEYS
    query = "?a=2" if changed == "query" else "?a=1"
    answer = httpx.request(
        "PUT" if changed == "method" else "POST",
        service.address + path + query,
        headers=headers,
        content=b"{}" if changed == "body" else body,
        timeout=60.0,
    )
    assert answer.status_code in {401, 405} if changed == "method" else answer.status_code == 401


def test_a_signed_body_arrives(service: Service, make_key: MakeKey) -> None:
    body, clients = json.dumps({"id": "made-by-a-key"}).encode(), "/v1/identity/clients"
    boss = service.user(roles=("admin",))
    signer = make_key(owner=boss, roles=["admin"], scopes=["admin"])
    headers = signer.headers("POST", clients, body) | {"Content-Type": "application/json"}
    answer = httpx.post(service.address + clients, headers=headers, content=body, timeout=60.0)
    assert (answer.status_code, answer.json()["client"]["id"]) == (201, "made-by-a-key")


def test_a_key_makes_no_keys(service: Service, make_key: MakeKey) -> None:
    signer = make_key(scopes=["admin"])
    headers = signer.headers("POST", KEYS, b"{}") | {"Content-Type": "application/json"}
    answer = httpx.post(service.address + KEYS, headers=headers, content=b"{}", timeout=60.0)
    assert (answer.status_code, "makes no keys" in answer.json()["detail"]) == (403, True)


def test_a_key_does_what_its_scopes_say(service: Service, make_key: MakeKey) -> None:
    signer = make_key(scopes=["read"])
    headers = signer.headers("POST", KEYS, b"{}") | {"Content-Type": "application/json"}
    answer = httpx.post(service.address + KEYS, headers=headers, content=b"{}", timeout=60.0)
    assert answer.status_code == 403
    assert "this needs admin" in answer.json()["detail"]


def test_a_key_is_good_only_from_where_it_may_be_used(service: Service, make_key: MakeKey) -> None:
    assert make_key(networks=["203.0.113.0/24"]).get(service.address, ME).status_code == 401
    assert make_key(networks=["127.0.0.0/8"]).get(service.address, ME).status_code == 200


def test_an_address_that_a_stranger_claims_counts_for_nothing(service: Service, make_key: MakeKey) -> None:
    headers = make_key(networks=["203.0.113.0/24"]).headers("GET", ME) | {"X-Forwarded-For": "203.0.113.7"}
    assert httpx.get(service.address + ME, headers=headers, timeout=60.0).status_code == 401


def test_a_key_expires(service: Service, make_key: MakeKey) -> None:
    signer = make_key(expires_at=now() + timedelta(hours=1))
    assert signer.get(service.address, ME).status_code == 200
    with service.store.work() as session:
        session.get_one(ApiKey, signer.key_id).expires_at = now() - timedelta(seconds=1)
    wait_until(
        lambda: signer.get(service.address, ME).status_code == 401, NOTICED_MS_MAX, "the key has expired"
    )


def test_a_revoked_key_opens_nothing_within_seconds(service: Service, make_key: MakeKey) -> None:
    signer = make_key()
    assert signer.get(service.address, ME).status_code == 200
    api_keys.revoke(service.store, "test", signer.key_id)
    wait_until(
        lambda: signer.get(service.address, ME).status_code == 401, NOTICED_MS_MAX, "the key is revoked"
    )
    wait_until(
        lambda: "was revoked" in signer.get(service.address, ME).json()["detail"],
        NOTICED_MS_MAX,
        "it is told",
    )


def test_keys_of_a_locked_user_open_nothing(service: Service, make_key: MakeKey) -> None:
    owner = service.user()
    signer = make_key(owner=owner)
    assert signer.get(service.address, ME).status_code == 200
    users.lock(service.store, "test", owner, "left")
    wait_until(
        lambda: signer.get(service.address, ME).status_code == 401, NOTICED_MS_MAX, "the key is locked"
    )


def test_a_key_loses_what_its_owner_loses(service: Service, make_key: MakeKey) -> None:
    owner = service.user(accounts=("alice", "bob"))
    signer = make_key(owner=owner)
    users.set_roles(service.store, "test", owner, ["trader"], ["bob"])
    wait_until(
        lambda: signer.get(service.address, ME).json().get("accounts") == ["bob"],
        NOTICED_MS_MAX,
        "the key has the accounts of its owner",
    )


def test_a_key_that_nobody_made_is_refused(service: Service) -> None:
    answer = Signer("key_" + "0" * 32, "secret").get(service.address, ME)
    assert (answer.status_code, "there is no key" in answer.json()["detail"]) == (401, True)


def test_a_key_and_a_token_at_once_are_refused(service: Service, make_key: MakeKey) -> None:
    headers = make_key().headers("GET", ME) | service.admin()
    assert httpx.get(service.address + ME, headers=headers, timeout=60.0).status_code == 401


@pytest.mark.parametrize(
    "wish",
    [
        {"scopes": ["everything"]},
        {"scopes": []},
        {"scheme": "md5"},
        {"networks": ["here"]},
        {"expires_at": now() - timedelta(days=1)},
        {"scheme": "ed25519", "public_key": "mine"},
        {"roles": ["admin"]},
        {"accounts": ["somebody-elses"]},
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(make_key: MakeKey, wish: dict[str, object]) -> None:
    with pytest.raises(Problem):
        make_key(**wish)


def test_the_last_use_is_told(service: Service, make_key: MakeKey) -> None:
    signer = make_key()
    signer.get(service.address, ME)

    def told() -> bool:
        with service.store.work() as session:
            return session.get_one(ApiKey, signer.key_id).last_used_at is not None

    wait_until(told, NOTICED_MS_MAX, "the use is written down")


def test_while_redis_is_down_only_reading_and_cancelling_go_on(stores: Stack, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with identity_service(stores, redis_url=f"redis://{HOST}:{port}/0") as service:
        made = api_keys.create(service.store, "test", Wish(service.user(), scopes=["read", "admin"]))
        signer = Signer(made.key.id, made.secret)
        assert signer.get(service.address, ME).status_code == 200
        headers = signer.headers("GET", ME)
        replayed = [httpx.get(service.address + ME, headers=headers, timeout=60.0) for _ in range(2)]
        assert [answer.status_code for answer in replayed] == [200, 401], "own memory goes on"
        headers = signer.headers("POST", KEYS, b"{}") | {"Content-Type": "application/json"}
        answer = httpx.post(service.address + KEYS, headers=headers, content=b"{}", timeout=60.0)
        assert (answer.status_code, answer.json()["code"]) == (503, "replay_unknown")
        assert answer.headers["retry-after"] == "1"
        path = f"{KEYS}/{signer.key_id}"
        cancelled = httpx.delete(service.address + path, headers=signer.headers("DELETE", path), timeout=60.0)
        assert cancelled.status_code == 200
