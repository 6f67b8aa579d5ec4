"""The query API's application."""

from dataclasses import dataclass

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from pymongo import MongoClient
from pymongo.database import Database

from api.auth import bearer_tokens
from api.problems import EXCEPTION_HANDLERS
from api.query.audit import CONTROLLERS as AUDIT
from api.query.audit.desk import AuditConfig, AuditDesk
from api.query.controllers import Accounts, Markets, Orders, Reader, health, venue_status
from api.query.freshness import Freshness
from api.query.list_views import OrderLists
from api.query.market_cache import MarketCache
from api.query.money import CONTROLLERS as MONEY
from projections.projection import Document


@dataclass(frozen=True)
class QueryConfig:
    """What the query API connects to, and its bounds."""

    mongo_url: str
    mongo_database: str
    token_secret: str
    """Signs the bearer tokens; at least 32 bytes."""
    audit: AuditConfig | None = None
    """Where the event store is, for auditors; without it their routes are not there."""
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
    reader = _reader(config)
    desk = None if config.audit is None else AuditDesk(config.audit)
    audit = [] if desk is None else AUDIT
    return Litestar(
        route_handlers=[health, venue_status, Orders, OrderLists, Accounts, Markets, *MONEY, *audit],
        dependencies={
            "reader": Provide(lambda: reader, sync_to_thread=False),
            "audit_desk": Provide(lambda: desk, sync_to_thread=False),
        },
        on_app_init=[bearer_tokens(config.token_secret, exclude=["^/health$", "^/schema"]).on_app_init],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=OpenAPIConfig(title="Crypto OMS query API", version="1.0.0"),
        on_shutdown=[reader.database.client.close, *([] if desk is None else [desk.close])],
    )


def _reader(config: QueryConfig) -> Reader:
    client: MongoClient[Document] = MongoClient(
        config.mongo_url,
        connect=False,
        serverSelectionTimeoutMS=config.mongo_answer_ms_max,
        socketTimeoutMS=config.mongo_answer_ms_max,
        maxPoolSize=config.mongo_connections_max,
    )
    database: Database[Document] = client[config.mongo_database]
    markets = MarketCache(
        database, config.markets_cached_ms_max, config.markets_reread_ms_min, config.markets_max
    )
    freshness = Freshness(database, config.read_after_ms_max, config.read_after_poll_ms)
    return Reader(database, markets, freshness)
