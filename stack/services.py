"""Our own services: what `./oms up` starts once the servers are ready, in this order."""

from dataclasses import dataclass


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
    Service("auditor", "signs heads of the history, outside the database"),
    Service("command-api", "place, cancel and amend orders", "command_api_port"),
    Service("query-api", "orders, positions, balances, audit", "query_api_port"),
)

STANDBY = Service("order-processor-1", "takes over the shards of a processor that died")
"""Started with the others where the setting `standby` asks for it."""
