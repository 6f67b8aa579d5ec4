"""Makes and migrates the schema ``identity``; fine to run twice, and by several at once."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, text

from api.identity.models import SCHEMA

MIGRATIONS = Path(__file__).with_name("migrations")
CONNECT_WAIT_S = 10
CONNECTIONS_MAX = 8
WAIT_FOR_CONNECTION_S = 5
STATEMENT_MS_MAX = 10_000
_LOCK = 0x6F6D7304  # a number of our own: one migrates at a time


def engine_of(dsn: str, connections_max: int = CONNECTIONS_MAX) -> Engine:
    """Return a bounded pool of connections; nothing is connected yet. ``dsn``: libpq's form."""
    return create_engine(
        dsn.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=WAIT_FOR_CONNECTION_S,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_WAIT_S,
            "options": f"-c statement_timeout={STATEMENT_MS_MAX}",
            "application_name": "oms-identity",
        },
    )


def migrate(dsn: str) -> None:
    """Bring the schema to its newest form; what is in it stays."""
    engine = engine_of(dsn, 1)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            command.upgrade(config(connection), "head")
    finally:
        engine.dispose()


def config(connection: Connection) -> Config:
    """Return what Alembic's commands want; there is no file: the connection says all else."""
    made = Config(attributes={"connection": connection})
    made.set_main_option("script_location", str(MIGRATIONS))
    made.set_main_option("path_separator", "os")
    return made
