"""The identity service's application."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar, get
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from api import permissions
from api.authentication.authenticator import Authenticator, IdentityConfig
from api.authentication.middleware import authenticated
from api.identity import admin, clients, oauth, signing_keys
from api.identity.server import IdentityServer
from api.identity.store import Lives, Store
from api.problems import EXCEPTION_HANDLERS

BODY_BYTES_MAX = 65_536
OPEN_PATHS = ["^/health$", "^/schema", "^/.well-known/", "^/oauth/(authorize|token|revoke|jwks)$"]


@dataclass(frozen=True)
class IdentityServiceConfig:
    """``dashboard``: the addresses that the dashboard's signing in goes back to."""

    token_secret: str = field(repr=False)
    identity: IdentityConfig
    dashboard: tuple[str, ...]
    lives: Lives = field(default_factory=Lives)


@get("/health", operation_id="health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Say that the service answers."""
    return {"status": "ok"}


def create_app(config: IdentityServiceConfig) -> Litestar:
    """Return the identity service, ready to be served; its tables are there already."""
    store = Store(config.identity.postgres_dsn, config.identity.key, config.lives)
    authenticator = Authenticator(config.token_secret, config.identity)
    desk = oauth.Desk(store, IdentityServer(store, config.identity.issuer), authenticator.proxies)

    def begin() -> None:
        clients.ensure_dashboard(store, config.dashboard)
        signing_keys.current(store)

    app = Litestar(
        route_handlers=[health, *oauth.ROUTES, *admin.ROUTES],
        guards=[permissions.guard],
        dependencies={"desk": Provide(lambda: desk, sync_to_thread=False)},
        on_app_init=[authenticated(authenticator, exclude=OPEN_PATHS).on_app_init],
        on_startup=[begin],
        on_shutdown=[store.close],
        cors_config=_dashboard_may_ask(config.dashboard),
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=OpenAPIConfig(title="Crypto OMS identity", version="1.0.0"),
        request_max_body_size=BODY_BYTES_MAX,
    )
    permissions.close(app)
    return app


def _dashboard_may_ask(addresses: tuple[str, ...]) -> CORSConfig:
    """A page of the dashboard, in a browser, fetches its tokens from here; no other page does."""
    parts: list[Any] = [urlsplit(address) for address in addresses]
    origins = sorted({f"{part.scheme}://{part.netloc}" for part in parts})
    methods: Any = ["GET", "POST", "PUT", "DELETE"]
    return CORSConfig(
        allow_origins=origins, allow_methods=methods, allow_headers=["authorization", "content-type"]
    )
