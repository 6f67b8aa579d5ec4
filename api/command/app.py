"""The command API's application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from litestar import Litestar, get
from litestar.openapi import OpenAPIConfig

from api.auth import bearer_tokens
from api.command import order_lists, orders, venue
from api.command.desk import Desk
from api.command.gateway import Gateway
from api.problems import EXCEPTION_HANDLERS
from streams.publisher import make_producer

BODY_BYTES_MAX = 1_048_576
LINGER_MS = 2


@dataclass(frozen=True)
class CommandApiConfig:
    """Where everything is, and the bounds: how long to wait for an outcome, how long an order stays valid."""

    kafka_bootstrap: str
    redis_url: str
    token_secret: str
    reply_ms_max: int
    valid_ms: int


@get("/health", operation_id="health", sync_to_thread=False)
def health() -> dict[str, str]:
    """Say that the service answers."""
    return {"status": "ok"}


def create_app(config: CommandApiConfig) -> Litestar:
    """Return the command API, ready to be served."""
    producer = make_producer(config.kafka_bootstrap, "command-api", LINGER_MS)
    state: dict[str, Desk] = {}

    @asynccontextmanager
    async def gateway_runs(_: Litestar) -> AsyncIterator[None]:
        gateway = Gateway(producer, config.redis_url, config.reply_ms_max)
        await gateway.start()
        state["desk"] = Desk(gateway, config.valid_ms)
        try:
            yield
        finally:
            await gateway.stop()

    async def desk() -> Desk:
        return state["desk"]

    return Litestar(
        [*orders.ROUTES, *order_lists.ROUTES, *venue.ROUTES, health],
        dependencies={"desk": desk},
        lifespan=[gateway_runs],
        exception_handlers=EXCEPTION_HANDLERS,
        on_app_init=[bearer_tokens(config.token_secret, exclude=["^/health$", "^/schema"]).on_app_init],
        openapi_config=OpenAPIConfig(title="Crypto OMS command API", version="1.0.0"),
        request_max_body_size=BODY_BYTES_MAX,
    )
