"""The command API's application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from litestar import Litestar, get
from litestar.openapi import OpenAPIConfig

from api.auth import bearer_tokens
from api.command import connection, controls, door, money, order_lists, orders, trades, venue
from api.command.bounds import WebSocketBounds
from api.command.desk import Desk
from api.command.directory import Directory
from api.command.door import Door
from api.command.gateway import Gateway
from api.command.intake import Intake
from api.command.listing import Lister
from api.command.routing import Router
from api.command.sessions import Sessions
from api.problems import EXCEPTION_HANDLERS
from streams.listings import ListingStore
from streams.publisher import make_producer

BODY_BYTES_MAX = 1_048_576
OPEN_PATHS = ["^/health$", "^/schema", "^/v1/ws$"]  # the WebSocket asks for a token itself


@dataclass(frozen=True)
class CommandApiConfig:
    """Where everything is, and the bounds: how long to wait for an outcome, how long an order stays valid."""

    kafka_bootstrap: str
    redis_url: str
    token_secret: str
    reply_ms_max: int
    valid_ms: int
    websocket: WebSocketBounds = field(default_factory=WebSocketBounds)
    shards: int = 1
    postgres_dsn: str = field(default="", repr=False)
    """Read only where there are several shards, to learn which market is on which."""


@get("/health", operation_id="health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Say that the service answers."""
    return {"status": "ok"}


def create_app(config: CommandApiConfig) -> Litestar:
    """Return the command API, ready to be served."""
    producer = make_producer(config.kafka_bootstrap, "command-api")
    state: dict[str, Any] = {}

    @asynccontextmanager
    async def gateway_runs(_: Litestar) -> AsyncIterator[None]:
        gateway = Gateway(producer, config.redis_url, config.reply_ms_max)
        listings = ListingStore(config.postgres_dsn)
        directory = Directory(config.shards, listings)
        intake = Intake(config.valid_ms, directory)
        router = Router(gateway, directory, intake.new_id)
        sessions = Sessions(gateway, intake, config.redis_url)
        state["desk"] = Desk(router, intake, Lister(router, listings))
        state["door"] = Door(
            connection.Desk(gateway, intake, sessions, config.token_secret, config.websocket)
        )
        await gateway.start()
        await sessions.start()
        try:
            yield
        finally:
            state["door"].close_all()
            await sessions.stop()
            await gateway.stop()

    async def desk() -> Desk:
        return cast("Desk", state["desk"])

    async def own_door() -> Door:
        return cast("Door", state["door"])

    return Litestar(
        [
            *orders.ROUTES,
            *order_lists.ROUTES,
            *money.ROUTES,
            *venue.ROUTES,
            *controls.ROUTES,
            *trades.ROUTES,
            *door.ROUTES,
            health,
        ],
        dependencies={"desk": desk, "door": own_door},
        lifespan=[gateway_runs],
        exception_handlers=EXCEPTION_HANDLERS,
        on_app_init=[bearer_tokens(config.token_secret, exclude=OPEN_PATHS).on_app_init],
        openapi_config=OpenAPIConfig(title="Crypto OMS command API", version="1.0.0"),
        request_max_body_size=BODY_BYTES_MAX,
    )
