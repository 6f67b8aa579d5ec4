"""nx-27017, MongoDB-compatible: the read models. An emulator; production has DocumentDB or MongoDB."""

import sys
from pathlib import Path

from stack.ports import HOST
from stack.settings import Settings
from stack.supervision import Program, after_removing, leash


def program(settings: Settings) -> Program:
    """Its pid file outlives a crash and would then block every restart: remove it before each start."""
    pid_file = settings.folder / "run" / "nx-27017.pid"
    server = [
        *(sys.executable, "-m", "stack.servers.nx", "--data-dir", data(settings)),
        *("--host", HOST, "-p", settings.mongo_port),
        # It says everything on standard error as well, which supervisord keeps and rotates.
        *("--pid-file", pid_file, "--log-file", "/dev/null"),
    ]
    return Program("mongo", "servers", [*leash("TERM"), *after_removing(pid_file, server)])


def prepare(settings: Settings) -> None:
    data(settings).mkdir(parents=True, exist_ok=True)


def ready(settings: Settings) -> None:
    """Raise unless the server answers `ping`."""
    import pymongo

    with pymongo.MongoClient[dict[str, object]](settings.mongo_url, serverSelectionTimeoutMS=2_000) as client:
        client.admin.command("ping")


def data(settings: Settings) -> Path:
    return settings.folder / "data" / "mongo"
