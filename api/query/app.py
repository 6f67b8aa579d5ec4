"""The query API's application."""

from collections.abc import Callable
from dataclasses import dataclass

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from pymongo import MongoClient
from pymongo.database import Database

from api.auth import bearer_tokens
from api.problems import EXCEPTION_HANDLERS
from api.query.activity import Activity
from api.query.controllers import Accounts, Markets, Orders, Reader, health, venue_status
from api.query.freshness import Freshness
from api.query.list_views import OrderLists
from api.query.market_cache import MarketCache
from api.query.money import CONTROLLERS as MONEY
from projections.generations import live_view
from projections.projection import Document


@dataclass(frozen=True)
class QueryConfig:
    """What the query API connects to, and its bounds."""

    mongo_url: str
    mongo_database: str
    token_secret: str
    """Signs the bearer tokens; at least 32 bytes."""
    partitions: int = 4
    """Of each of the topics `executions` and `accounts`."""
    read_after_ms_max: int = 2_000
    """How long a query waits for a write to become visible before it answers 503."""
    read_after_poll_ms: int = 10
    markets_cached_ms_max: int = 5_000
    markets_reread_ms_min: int = 100
    """How often an unknown symbol may cause another look, at most."""
    markets_max: int = 10_000
    mongo_answer_ms_max: int = 5_000
    mongo_connections_max: int = 32


def create_app(config: QueryConfig) -> Litestar:
    """Return the application; nothing is connected before the first request."""
    database = _database(config)
    return Litestar(
        route_handlers=[health, venue_status, Orders, OrderLists, Accounts, Activity, Markets, *MONEY],
        dependencies={"reader": Provide(_readers(config, database), sync_to_thread=True)},
        on_app_init=[bearer_tokens(config.token_secret, exclude=["^/health$", "^/schema"]).on_app_init],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=OpenAPIConfig(title="Crypto OMS query API", version="1.0.0"),
        on_shutdown=[database.client.close],
    )


def _database(config: QueryConfig) -> Database[Document]:
    client: MongoClient[Document] = MongoClient(
        config.mongo_url,
        connect=False,
        serverSelectionTimeoutMS=config.mongo_answer_ms_max,
        socketTimeoutMS=config.mongo_answer_ms_max,
        maxPoolSize=config.mongo_connections_max,
    )
    return client[config.mongo_database]


def _readers(config: QueryConfig, database: Database[Document]) -> Callable[[], Reader]:
    """Return what makes the reader of one query: it looks once which generations are live."""
    markets = MarketCache(
        database, config.markets_cached_ms_max, config.markets_reread_ms_min, config.markets_max
    )

    def reader() -> Reader:
        view = live_view(database)
        freshness = Freshness(view, config.read_after_ms_max, config.read_after_poll_ms)
        return Reader(view, markets, freshness, config.partitions)

    return reader
