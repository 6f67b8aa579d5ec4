"""Our own services: what `./oms up` starts once the servers are ready, in this order."""

from dataclasses import dataclass

from stack.settings import PROCESSORS_MAX, Settings


@dataclass(frozen=True)
class Service:
    """Runs as `python -m stack.service <name>` with `OMS_FOLDER` telling it where its settings are."""

    name: str
    what: str
    port_setting: str | None = None
    """The setting that holds its HTTP port: then `GET /health` says when it is ready.
    Without one, the service says so by creating `<folder>/run/<name>.ready`."""


SERVICES = (
    Service("order-processor", "decides and stores, one shard each"),
    Service("read-models", "Faust workers: events into MongoDB"),
    Service("risk", "limits, breaches, and what is done about them"),
    Service("auditor", "signs heads of the history, outside the database"),
    Service("command-api", "place, cancel and amend orders", "command_api_port"),
    Service("query-api", "orders, positions, balances, audit", "query_api_port"),
    Service("identity", "signs users in, issues tokens, keeps API keys", "identity_port"),
    Service("market-data", "live books, trades, tickers; private streams", "market_data_port"),
)

FIRST_PROCESSOR = "order-processor"
MORE_PROCESSORS = tuple(
    Service(f"{FIRST_PROCESSOR}-{number}", "the same, beside the first")
    for number in range(1, PROCESSORS_MAX)
)
"""As many are started as the setting `processors` asks for; the first one is among `SERVICES`."""

STANDBY = Service("standby-processor", "takes over the shards of a processor that died")
"""Started with the others where the setting `standby` asks for it."""

FEEDS = Service("feeds", "prices from other venues, or from recordings")
MARK_PRICER = Service("mark-pricer", "index and mark prices from what the feeds say")
"""Both are started with the others where the settings name a venue or a recording."""


def processors(settings: Settings) -> list[str]:
    """Return the names of the order processors that decide orders: without the standby."""
    return [FIRST_PROCESSOR, *(service.name for service in MORE_PROCESSORS[: settings.processors - 1])]


def names(settings: Settings) -> list[str]:
    """Return the names of all services that the settings ask for, in the order in which they start."""
    others = [service.name for service in SERVICES if service.name != FIRST_PROCESSOR]
    standby = [STANDBY.name] if settings.standby else []
    pricing = [FEEDS.name, MARK_PRICER.name] if settings.feeds or settings.feed_recordings else []
    return [*processors(settings), *others, *pricing, *standby]
