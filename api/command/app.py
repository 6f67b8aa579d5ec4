"""The command API's application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from litestar import Litestar, get
from litestar.openapi import OpenAPIConfig

from api.authentication.authenticator import Authenticator, IdentityConfig
from api.authentication.middleware import authenticated
from api.command import (
    adjustments,
    connection,
    controls,
    door,
    money,
    order_lists,
    orders,
    risk,
    trades,
    venue,
)
from api.command.bounds import WebSocketBounds
from api.command.described import ABOUT, describe
from api.command.desk import Desk
from api.command.directory import Directory
from api.command.door import Door
from api.command.gateway import Gateway
from api.command.idempotency import Idempotency
from api.command.intake import Intake
from api.command.listing import Lister
from api.command.routing import Router
from api.command.sessions import Sessions
from api.command.strictness import note_parameters, strict
from api.problem_page import OPEN_PATH, problems_page
from api.problems import EXCEPTION_HANDLERS
from api.protection import Protection, ProtectionConfig
from streams.adjustments import AdjustmentStore
from streams.idempotency_keys import IdempotencyKeys
from streams.listings import ListingStore
from streams.publisher import make_producer
from streams.risk.migrating import engine
from streams.risk.requests import LimitRequests

BODY_BYTES_MAX = 1_048_576
NOWHERE = "postgresql://127.0.0.1:1/none"  # without an address, requests of limits are answered 503
OPEN_PATHS = ["^/health$", "^/schema", OPEN_PATH, "^/v1/ws$"]  # the WebSocket asks for a token itself


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
    """For adjustments and limit requests that wait, and idempotency keys; and, where there are several
    shards, to learn which market is on which."""
    identity: IdentityConfig | None = None
    """Where users and keys are; without it only the local operator's tokens are taken."""
    protection: ProtectionConfig = field(default_factory=ProtectionConfig)


@get("/health", operation_id="health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Say that the service answers."""
    return {"status": "ok"}


HANDLERS = [
    *orders.ROUTES,
    *order_lists.ROUTES,
    *money.ROUTES,
    *adjustments.ROUTES,
    *venue.ROUTES,
    *controls.ROUTES,
    *trades.ROUTES,
    *risk.ROUTES,
    *door.ROUTES,
    health,
    problems_page,
]


def create_app(config: CommandApiConfig) -> Litestar:
    """Return the command API, ready to be served."""
    authenticator = Authenticator(config.token_secret, config.identity)
    protection = Protection(config.protection)
    state: dict[str, Any] = {}

    @asynccontextmanager
    async def gateway_runs(_: Litestar) -> AsyncIterator[None]:
        producer = make_producer(config.kafka_bootstrap, "command-api")
        gateway = Gateway(producer, config.redis_url, config.reply_ms_max)
        listings = ListingStore(config.postgres_dsn)
        directory = Directory(config.shards, listings)
        intake = Intake(config.valid_ms, directory)
        router = Router(gateway, directory, intake.new_id)
        sessions = Sessions(gateway, intake, config.redis_url)
        state["desk"] = Desk(router, intake, Lister(router, listings), protection.limits)
        state["door"] = Door(
            connection.Desk(gateway, intake, sessions, authenticator, config.websocket, protection.limits)
        )
        await gateway.start()
        await sessions.start()
        try:
            yield
        finally:
            state["door"].close_all()
            await sessions.stop()
            await gateway.stop()
            await protection.close()
            limit_requests.engine.dispose()

    async def desk() -> Desk:
        return cast("Desk", state["desk"])

    limit_requests = LimitRequests(engine(config.postgres_dsn or NOWHERE))

    async def requests() -> LimitRequests:
        return limit_requests

    async def own_door() -> Door:
        return cast("Door", state["door"])

    async def own_adjustments() -> AdjustmentStore:
        return AdjustmentStore(config.postgres_dsn)

    app = Litestar(
        HANDLERS,
        dependencies={"desk": desk, "door": own_door, "adjustments": own_adjustments, "requests": requests},
        middleware=[Idempotency(IdempotencyKeys(config.postgres_dsn))],
        before_request=strict,
        lifespan=[gateway_runs],
        guards=protection.guards,
        cors_config=protection.cors,
        exception_handlers=EXCEPTION_HANDLERS,
        on_app_init=[authenticated(authenticator, exclude=OPEN_PATHS).on_app_init],
        openapi_config=OpenAPIConfig(title="Crypto OMS command API", version="1.0.0", description=ABOUT),
        request_max_body_size=BODY_BYTES_MAX,
    )
    describe(app)
    note_parameters(app)
    protection.put_around(app)
    return app
