"""The servers as child processes, where there is no Docker engine."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stack.ports import HOST
from stack.servers import kafka, mongo, postgres, valkey
from stack.settings import Settings
from stack.supervision import Program


@dataclass(frozen=True)
class Server:
    """What bringing up one server takes."""

    title: str
    port_setting: str
    prepare: Callable[[Settings], None]
    program: Callable[[Settings], Program]
    ready: Callable[[Settings], None]
    """Asks in the server's own protocol, and raises unless it answers: also of a server in Docker."""

    def port(self, settings: Settings) -> int:
        return int(getattr(settings, self.port_setting))

    def address(self, settings: Settings) -> str:
        return f"{HOST}:{self.port(settings)}"


# In the order of their names' importance to a reader; they start all at once.
SERVERS: Mapping[str, Server] = {
    "postgres": Server(
        "PostgreSQL: event store", "postgres_port", postgres.prepare, postgres.program, postgres.ready
    ),
    "kafka": Server("Kafka: commands and events", "kafka_port", kafka.prepare, kafka.program, kafka.ready),
    "redis": Server("Valkey: replies and caches", "redis_port", valkey.prepare, valkey.program, valkey.ready),
    "mongo": Server("nx-27017: read models", "mongo_port", mongo.prepare, mongo.program, mongo.ready),
}


def prepare(settings: Settings, names: Iterable[str]) -> None:
    """Make data folders where they are missing; all at once, the first time takes seconds."""
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(SERVERS[name].prepare, settings) for name in names]:
            done.result()
