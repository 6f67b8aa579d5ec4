"""A history of a test's own, without a stack: written by the code that writes it live."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg

from bench.audit.history import write
from commands.auditor import Ledger
from commands.heads import HeadFiles, Signer
from stack.audit.findings import Findings
from stack.audit.verifying import Asked, Verification
from stack.settings import Settings

SHARD = 0
EVENTS = 12_000  # the accounts, the filling of the book, and then trades
COMMITS_PER_HEAD = 5


def write_history(settings: Settings) -> None:
    """Write some thousand events, and heads of them, into the store of ``settings``."""
    files, signer = HeadFiles(settings.heads), Signer(settings.head_signing_key)
    files.publish_key(signer)
    write(settings.postgres_dsn, EVENTS, 7, Ledger(SHARD, files, signer), COMMITS_PER_HEAD)


class Copy:
    """A copy of a store and of its heads, to tamper with."""

    def __init__(self, settings: Settings, connection: psycopg.Connection) -> None:
        self.settings = settings
        self.connection = connection
        self.heads = HeadFiles(settings.heads)

    def verify(self) -> Findings:
        """Verify it as a third machine would: no stack, and no read models."""
        return Verification(self.settings, Asked(read_models=False), lambda *_: None).run()

    def one(self, query: str, *values: object) -> tuple[object, ...]:
        row = self.connection.execute(query.encode(), values).fetchone()
        assert row is not None
        return tuple(row)

    def run(self, query: str, *values: object) -> None:
        assert self.connection.execute(query.encode(), values).rowcount > 0


@contextmanager
def copy_of(settings: Settings, folder: Path) -> Iterator[Copy]:
    """Copy the store and the heads that ``settings`` name; the copy goes with the block."""
    name = f"copy_{uuid4().hex}"
    server = settings.postgres_dsn.rsplit("/", 1)[0]
    shutil.copytree(settings.heads, folder / "heads")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE oms".encode())
        own = settings.model_copy(update={"postgres_dsn": f"{server}/{name}", "heads": folder / "heads"})
        with psycopg.connect(own.postgres_dsn, autocommit=True) as connection:
            yield Copy(own, connection)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
