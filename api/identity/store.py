"""What identity works with: the database, the seal of secrets, and its bounds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from api.authentication.sealing import Seal
from api.identity.schema import engine_of


@dataclass(frozen=True)
class Lives:
    """How long things are good, in seconds."""

    access_token_s: int = 600
    code_s: int = 60
    refresh_idle_s: int = 86_400
    """A session that is not gone on with for so long ends."""
    refresh_total_s: int = 604_800
    """However often it is gone on with, a session ends then."""


class Store:
    """``key``: seals secrets, 32 bytes in hexadecimal. Nothing is connected before it is used."""

    def __init__(self, dsn: str, key: str, lives: Lives | None = None) -> None:
        self.engine: Engine = engine_of(dsn)
        self.seal = Seal(key)
        self.lives = lives or Lives()

    @contextmanager
    def work(self) -> Iterator[Session]:
        """Yield a session whose work is committed at the end, all of it or nothing."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


def now() -> datetime:
    return datetime.now(UTC)


def in_seconds(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)
