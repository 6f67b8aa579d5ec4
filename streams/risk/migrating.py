"""Brings the tables of the schema ``risk`` to the newest version, and connects to them."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url

from streams.risk.tables import SCHEMA

FOLDER = Path(__file__).parent / "migrations"
CONNECT_S_MAX = 5
CONNECTIONS_MAX = 4
ANSWER_MS_MAX = 10_000
_LOCK = 0x6F6D7305  # a number of our own: one process migrates at a time


def engine(postgres_dsn: str, connections_max: int = CONNECTIONS_MAX) -> Engine:
    """Return an engine that connects when it is used; no statement takes longer than 10 s."""
    url = make_url(postgres_dsn).set(drivername="postgresql+psycopg")
    return create_engine(
        url,
        pool_size=connections_max,
        max_overflow=0,
        pool_timeout=CONNECT_S_MAX,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_S_MAX,
            "options": f"-c statement_timeout={ANSWER_MS_MAX}",
            "application_name": "oms-risk",
        },
    )


def migrate(postgres_dsn: str) -> None:
    """Make or change the tables; where they are as they should be, nothing happens."""
    made = engine(postgres_dsn)
    try:
        with made.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            command.upgrade(config(connection), "head")
    finally:
        made.dispose()


def config(connection: Connection) -> Config:
    found = Config()
    found.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    found.attributes["connection"] = connection
    return found


def version(connection: Connection) -> tuple[str | None, str | None]:
    """Return the version that the tables have, and the newest there is."""
    has = MigrationContext.configure(connection, opts={"version_table_schema": SCHEMA})
    return has.get_current_revision(), ScriptDirectory.from_config(config(connection)).get_current_head()
