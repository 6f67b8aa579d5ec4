"""The market-data API's application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.openapi import OpenAPIConfig

from api.market_data import door, rest
from api.market_data.door import Door
from api.market_data.service import MarketData, MarketDataConfig
from api.problems import EXCEPTION_HANDLERS


def create_app(config: MarketDataConfig) -> Litestar:
    """Return the market-data API, ready to be served. What is public needs no token, from any origin."""
    state: dict[str, Any] = {}

    @asynccontextmanager
    async def follows(_: Litestar) -> AsyncIterator[None]:
        service = state["market_data"] = MarketData(config)
        state["door"] = Door(service)
        await service.start()
        clock = asyncio.create_task(state["door"].keep_time())
        try:
            yield
        finally:
            clock.cancel()
            state["door"].close_all()
            await service.stop()

    async def market_data() -> MarketData:
        return cast("MarketData", state["market_data"])

    async def own_door() -> Door:
        return cast("Door", state["door"])

    return Litestar(
        [*door.ROUTES, *rest.ROUTES],
        dependencies={"market_data": market_data, "door": own_door},
        lifespan=[follows],
        exception_handlers=EXCEPTION_HANDLERS,
        cors_config=CORSConfig(allow_origins=["*"], allow_methods=["GET"]),
        openapi_config=OpenAPIConfig(title="Crypto OMS market-data API", version="1.0.0"),
    )
