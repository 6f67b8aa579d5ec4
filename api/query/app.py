"""The query API's application."""

from collections.abc import Callable
from dataclasses import dataclass, field

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from pymongo import MongoClient
from pymongo.database import Database

from api.authentication.authenticator import Authenticator, IdentityConfig
from api.authentication.middleware import authenticated
from api.problem_page import OPEN_PATH, problems_page
from api.problems import EXCEPTION_HANDLERS
from api.protection import Protection, ProtectionConfig
from api.query.account_list import AccountList
from api.query.activity import Activity
from api.query.analytics import Analytics
from api.query.audit import CONTROLLERS as AUDIT
from api.query.audit.desk import AuditConfig, AuditDesk
from api.query.candles import Candles
from api.query.controllers import Accounts, Markets, Orders, Reader, health, venue_status
from api.query.described import ABOUT, describe, only_known_parameters
from api.query.equity import Equity
from api.query.exports import Exports
from api.query.external_prices import ExternalPrices
from api.query.freshness import Freshness
from api.query.holdings import Holdings
from api.query.list_views import OrderLists
from api.query.listing import asked_of, form_of
from api.query.market_cache import MarketCache
from api.query.money import CONTROLLERS as MONEY
from api.query.order_events import OrderEvents
from api.query.order_search import OrderSearch
from api.query.pnl import Pnl
from api.query.portfolio import Portfolio
from api.query.risk import AccountRisk, Risk, RiskRecord
from api.query.trade_lists import CONTROLLERS as TRADES
from projections.generations import live_view
from projections.projection import Document
from streams.risk.migrating import engine
from streams.risk.reading import Reading

SEARCHES = [
    AccountList,
    Activity,
    OrderSearch,
    OrderEvents,
    *TRADES,
    Holdings,
    Pnl,
    Portfolio,
    Equity,
    Analytics,
    Candles,
    ExternalPrices,
]


@dataclass(frozen=True)
class QueryConfig:
    """What the query API connects to, and its bounds."""

    mongo_url: str
    mongo_database: str
    token_secret: str
    """Signs the bearer tokens; at least 32 bytes."""
    partitions: int = 4
    """Of each of the topics `executions` and `accounts`."""
    audit: AuditConfig | None = None
    """Where the event store is, for auditors; without it their routes are not there."""
    identity: IdentityConfig | None = None
    """Where users and keys are; without it only the local operator's tokens are taken."""
    read_after_ms_max: int = 2_000
    """How long a query waits for a write to become visible before it answers 503."""
    read_after_poll_ms: int = 25
    markets_cached_ms_max: int = 5_000
    markets_reread_ms_min: int = 100
    """How often an unknown symbol may cause another look, at most."""
    markets_max: int = 10_000
    mongo_answer_ms_max: int = 5_000
    mongo_connections_max: int = 32
    exports_max: int = 4
    """Exports that this process streams at a time."""
    export_s_max: float = 1_800
    export_rows_max: int = 5_000_000
    """Beyond these bounds an export breaks off, so that nobody takes a part for the whole."""
    protection: ProtectionConfig = field(default_factory=ProtectionConfig)


def create_app(config: QueryConfig) -> Litestar:
    """Return the application; nothing is connected before the first request."""
    database = _database(config)
    authenticator = Authenticator(config.token_secret, config.identity)
    protection = Protection(config.protection)
    desk = None if config.audit is None else AuditDesk(config.audit)
    audit = [] if desk is None else AUDIT
    risk = None if config.audit is None else RiskRecord(Reading(engine(config.audit.postgres_dsn)))
    app = Litestar(
        route_handlers=[
            *(health, problems_page, venue_status, Orders, OrderLists, Accounts, Markets),
            *MONEY,
            *SEARCHES,
            *audit,
            AccountRisk,
            *([] if risk is None else [Risk]),
        ],
        dependencies={
            "reader": Provide(_readers(config, database), sync_to_thread=True),
            "form": Provide(form_of),
            "asked": Provide(asked_of),
            "audit_desk": Provide(lambda: desk, sync_to_thread=False),
            "record": Provide(lambda: risk, sync_to_thread=False),
        },
        on_app_init=[authenticated(authenticator, exclude=["^/health$", "^/schema", OPEN_PATH]).on_app_init],
        guards=protection.guards,
        cors_config=protection.cors,
        before_request=only_known_parameters,
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=OpenAPIConfig(title="Crypto OMS query API", version="1.0.0", description=ABOUT),
        on_shutdown=[
            database.client.close,
            protection.close,
            *([] if desk is None else [desk.close]),
            *([] if risk is None else [risk.close]),
        ],
    )
    protection.put_around(app)
    describe(app)
    return app


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
    exports = Exports(config.exports_max, config.export_s_max, config.export_rows_max)

    def reader() -> Reader:
        view = live_view(database)
        freshness = Freshness(view, config.read_after_ms_max, config.read_after_poll_ms)
        return Reader(view, markets, freshness, exports, config.partitions)

    return reader
