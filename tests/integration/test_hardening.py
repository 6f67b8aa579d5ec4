"""A real service before people who mean it no good: slow, large, nameless, or with an old TLS."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from api.auth import mint_token
from stack import certificate
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import Settings

HEADER_MS_MAX, BODY_MS_MAX = 1_500, 1_000
WAIT_S = 40
PAGE = "https://desk.example.com"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`./oms certificate`, then `./oms up` with it; health is asked over TLS."""
    folder: Path = tmp_path_factory.mktemp("hardening")
    pair = certificate.make(folder)
    settings = Settings.with_free_ports(
        folder,
        api_certificate=pair.certificate,
        api_key=pair.key,
        header_ms_max=HEADER_MS_MAX,
        body_ms_max=BODY_MS_MAX,
        cors_origins=(PAGE,),
        rate_clients={"eager": (1, 10)},
    )
    with running_stack(settings, ["command-api"]) as running:
        yield running


@pytest.fixture(scope="module")
def trusting(stack: Stack) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(stack.settings.api_certificate))


@pytest.fixture
def api(stack: Stack, trusting: ssl.SSLContext) -> Iterator[httpx.Client]:
    port = stack.settings.command_api_port
    with httpx.Client(base_url=f"https://{HOST}:{port}", verify=trusting, timeout=WAIT_S) as client:
        yield client


def bearer(stack: Stack, subject: str = "me", **claims: Any) -> dict[str, str]:
    claims = claims or {"roles": ["trader"], "accounts": ["ann"]}
    return {"Authorization": f"Bearer {mint_token(stack.settings.token_secret, subject, **claims)}"}


def connected(stack: Stack, trusting: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection((HOST, stack.settings.command_api_port), timeout=WAIT_S)
    return trusting.wrap_socket(plain, server_hostname=HOST)


def hangs_up_after(sock: socket.socket) -> float:
    """Return after how many seconds the other side ends the connection."""
    started = monotonic()
    while sock.recv(4_096):
        pass
    return monotonic() - started


# --- TLS --------------------------------------------------------------------------------------------------


def test_tls_1_3_is_spoken_and_nothing_older(stack: Stack, trusting: ssl.SSLContext) -> None:
    with connected(stack, trusting) as sock:
        assert sock.version() == "TLSv1.3"
    old = ssl.create_default_context(cafile=str(stack.settings.api_certificate))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connected(stack, old)


def test_who_does_not_know_the_certificate_does_not_trust_it(stack: Stack) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(stack, ssl.create_default_context())


# --- Slow clients -----------------------------------------------------------------------------------------


def test_headers_that_come_drop_by_drop_are_not_waited_for(stack: Stack, trusting: ssl.SSLContext) -> None:
    with connected(stack, trusting) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert hangs_up_after(sock) < WAIT_S


def test_a_connection_that_says_nothing_is_ended(stack: Stack, trusting: ssl.SSLContext) -> None:
    with connected(stack, trusting) as sock:
        assert hangs_up_after(sock) < WAIT_S


def test_a_connection_that_says_nothing_more_is_ended(stack: Stack, trusting: ssl.SSLContext) -> None:
    """So a load balancer must keep silent connections for a shorter time: helm/values.yaml."""
    with connected(stack, trusting) as sock:
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert sock.recv(65_536).startswith(b"HTTP/1.1 200")
        assert hangs_up_after(sock) < WAIT_S


def test_a_body_that_comes_drop_by_drop_is_refused(stack: Stack, trusting: ssl.SSLContext) -> None:
    head = f"POST /v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer(stack)['Authorization']}\r\n"
    with connected(stack, trusting) as sock:
        sock.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{".encode())
        answer = sock.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"code":"too_slow"' in answer


def test_slow_clients_keep_nobody_else_waiting(
    stack: Stack, trusting: ssl.SSLContext, api: httpx.Client
) -> None:
    slow = [connected(stack, trusting) for _ in range(50)]
    try:
        for sock in slow:
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert api.get("/health").status_code == 200
    finally:
        for sock in slow:
            sock.close()


# --- Large requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "path", "body", "status"),
    [
        ({"X-Large": "x" * 20_000}, "/v1/orders", "{}", 431),
        ({f"X-{number}": "x" for number in range(80)}, "/v1/orders", "{}", 431),
        ({}, f"/v1/orders?{'x' * 9_000}", "{}", 414),
        ({}, "/v1/orders", "[" + "1," * 800_000 + "1]", 413),
    ],
)
def test_what_is_too_large_is_refused(
    stack: Stack, api: httpx.Client, headers: dict[str, str], path: str, body: str, status: int
) -> None:
    answer = api.post(path, headers={**bearer(stack), **headers}, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, "too_large")


def test_headers_beyond_all_measure_never_reach_the_application(stack: Stack, api: httpx.Client) -> None:
    try:
        answer = api.get("/health", headers={"X-Large": "x" * 200_000})
    except httpx.TransportError:
        return  # hung up in the middle of it
    assert answer.status_code in {400, 431}


# --- Headers of answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/orders", "/health", "/nothing/here"])
def test_browsers_are_told_to_be_careful(stack: Stack, api: httpx.Client, path: str) -> None:
    headers = api.get(path, headers=bearer(stack)).headers
    assert headers["strict-transport-security"].startswith("max-age=31536000")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_an_answer_names_its_request(api: httpx.Client) -> None:
    assert api.get("/health", headers={"X-Request-ID": "mine-17"}).headers["x-request-id"] == "mine-17"
    ids = {api.get("/health", headers={"X-Request-ID": "no good: <b>"}).headers["x-request-id"] for _ in "ab"}
    assert len(ids) == 2
    assert all(each.isalnum() for each in ids)


def test_only_pages_that_are_named_may_call(api: httpx.Client) -> None:
    def asked(origin: str) -> httpx.Response:
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        return api.options("/v1/orders", headers=headers)

    assert asked(PAGE).headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-origin" not in asked("https://evil.example.com").headers
    assert "access-control-allow-credentials" not in asked(PAGE).headers


# --- Too often --------------------------------------------------------------------------------------------


def test_who_asks_too_often_is_told_when_to_come_again_and_may_still_cancel(
    stack: Stack, api: httpx.Client
) -> None:
    eager = bearer(stack, "eager", roles=["trader"], accounts=["ann"])
    first = api.post("/v1/orders", headers=eager, json={})
    assert first.headers["ratelimit-policy"] == '"address";q=200000;w=2, "subject";q=10;w=10'
    assert first.headers["ratelimit"].split(", ")[1].startswith('"subject";r=9;t=1')
    answers = [api.post("/v1/orders", headers=eager, json={}) for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert refused[0].json()["code"] == "rate_limited"
    assert int(refused[0].headers["retry-after"]) >= 1
    cancelled = api.delete(
        "/v1/orders/0000abcd-a8ca-83ed-8e46-b8dd03b4639c", headers=eager, params={"account": "bob"}
    )
    assert cancelled.status_code != 429
    assert api.post("/v1/orders", headers=bearer(stack), json={}).status_code == 400, "nobody else minds"


# --- Secrets ----------------------------------------------------------------------------------------------


def test_no_log_and_no_repr_has_a_secret_in_it(stack: Stack, api: httpx.Client) -> None:
    token = bearer(stack)["Authorization"].partition(" ")[2]
    for path in ("/v1/orders", "/nothing/here", f"/v1/orders?token={'x' * 10}"):
        api.post(path, headers=bearer(stack), content="no json")
    settings = stack.settings
    secrets = [settings.token_secret, settings.postgres_password, settings.head_signing_key, token]
    logs = [path.read_text(errors="replace") for path in (settings.folder / "log").iterdir()]
    assert logs
    for text in (*logs, repr(settings), str(settings)):
        assert not any(secret in text for secret in secrets)
