"""The identity service behind a real server, on a database of its own, and a browser of sorts."""

import asyncio
import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar

from api.auth import mint_token
from api.authentication.authenticator import IdentityConfig
from api.authentication.external import ExternalIssuerConfig
from api.identity import users
from api.identity.app import IdentityServiceConfig, create_app
from api.identity.schema import migrate
from api.identity.store import Lives, Store
from stack.ports import HOST, free_ports
from stack.running import Stack
from stack.waiting import wait_until
from tests.integration.databases import own_database

READY_MS_MAX = 60_000
NOTICED_MS_MAX = 60_000
SECRET = "s" * 32
KEY = "0f" * 32
REDIRECT = "http://127.0.0.1:8080/callback"
PASSWORD = "correct horse battery"
VERIFIER = "v" * 64


@dataclass
class Service:
    """``address``: where it answers; ``store``: its tables, to look into and to prepare."""

    address: str
    config: IdentityConfig
    store: Store
    clients: list[httpx.Client] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.http = self.new_client()

    def new_client(self) -> httpx.Client:
        """Return a client with cookies of its own, closed with the service."""
        self.clients.append(httpx.Client(timeout=60.0))
        return self.clients[-1]

    def user(
        self, name: str = "", roles: tuple[str, ...] = ("trader",), accounts: tuple[str, ...] = ()
    ) -> str:
        """Make a user whose password is PASSWORD; return the name."""
        name = name or f"user-{secrets.token_hex(4)}"
        users.create(self.store, "test", name, PASSWORD, roles, accounts or (name,))
        return name

    def admin(self) -> dict[str, str]:
        """Return the header of the local operator's token."""
        return {"Authorization": f"Bearer {mint_token(SECRET, 'boss', ['admin'])}"}

    def get(self, path: str, token: str) -> httpx.Response:
        return self.http.get(self.address + path, headers={"Authorization": f"Bearer {token}"})

    def me(self, token: str) -> int:
        return self.get("/v1/identity/me", token).status_code

    def post(self, path: str, form: dict[str, str], **options: Any) -> httpx.Response:
        return self.http.post(self.address + path, data=form, **options)

    def exchange(self, code: str, **changed: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "client_id": "dashboard",
            "redirect_uri": REDIRECT,
            "code": code,
            "code_verifier": VERIFIER,
        }
        return self.post(
            "/oauth/token", {name: value for name, value in {**form, **changed}.items() if value}
        )

    def refresh(self, token: str, **changed: str) -> httpx.Response:
        form = {"grant_type": "refresh_token", "client_id": "dashboard", "refresh_token": token}
        return self.post("/oauth/token", form | changed)

    def session(self, name: str, scope: str = "openid profile read trade") -> dict[str, Any]:
        """Sign a user in; return the tokens."""
        code = Browser(self).code(name, scope=scope)
        answer = self.exchange(code)
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens


class Browser:
    """Keeps cookies, fills in the form of the page it is shown, and does not go where it is sent."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = service.new_client()

    def page(self, **changed: str) -> httpx.Response:
        asked = {
            "response_type": "code",
            "client_id": "dashboard",
            "redirect_uri": REDIRECT,
            "scope": "openid profile read trade",
            "state": "somewhere",
            "nonce": "n-1",
            "code_challenge": challenge(VERIFIER),
            "code_challenge_method": "S256",
        }
        sent = {name: value for name, value in {**asked, **changed}.items() if value}
        return self.http.get(f"{self.service.address}/oauth/authorize", params=sent)

    def submit(self, page: httpx.Response, name: str, password: str, **changed: str) -> httpx.Response:
        hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', page.text))
        form = {field: unescape(value) for field, value in hidden.items()}
        form |= {"name": name, "password": password}
        return self.http.post(f"{self.service.address}/oauth/authorize", data=form | changed)

    def sign_in(self, name: str, password: str = PASSWORD, **changed: str) -> httpx.Response:
        return self.submit(self.page(**changed), name, password)

    def code(self, name: str, **changed: str) -> str:
        answer = self.sign_in(name, **changed)
        assert answer.status_code == 302, answer.text
        return led_to(answer)["code"]


def led_to(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of the address that an answer leads to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@contextmanager
def identity_service(
    servers: Stack, external: ExternalIssuerConfig | None = None, redis_url: str = "", **lives: int
) -> Iterator[Service]:
    """Yield the service, on a fresh database of the running servers."""
    (port,) = free_ports(1)
    with own_database(servers.settings.postgres_dsn) as dsn:
        migrate(dsn)
        config = IdentityConfig(
            postgres_dsn=dsn,
            redis_url=redis_url or servers.settings.redis_url,
            key=KEY,
            issuer=f"http://{HOST}:{port}",
            external=external,
            refresh_ms=200,
        )
        store = Store(dsn, KEY, Lives(**lives))
        app = create_app(IdentityServiceConfig(SECRET, config, (REDIRECT,), Lives(**lives)))
        try:
            with served(app, port) as address:
                service = Service(address, config, store)
                yield service
                for client in service.clients:
                    client.close()
        finally:
            store.close()


@contextmanager
def served(app: Litestar, port: int) -> Iterator[str]:
    server = Server(app, address=HOST, port=port, interface=Interfaces.ASGI, log_enabled=False)
    loop = asyncio.new_event_loop()
    thread = Thread(target=lambda: loop.run_until_complete(server.serve()), name="identity", daemon=True)
    thread.start()
    address = f"http://{HOST}:{port}"
    wait_until(lambda: _answers(address), READY_MS_MAX, "identity answers")
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(READY_MS_MAX / 1000)
        loop.close()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/health").is_success
    except httpx.TransportError:
        return False
