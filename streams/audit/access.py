"""Who looked at what: every look into the history by way of the audit leaves a row, before the answer is
given. The table takes new rows only, and each row's hash covers the one before: what is missing or was
changed shows.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec
import psycopg

from streams.audit.units import time_of

PAGE = 1_000

TABLES = """
    CREATE TABLE IF NOT EXISTS audit_access (
        id bigint PRIMARY KEY,
        at_us bigint NOT NULL,
        who text NOT NULL,
        via text NOT NULL,
        what text NOT NULL,
        which text NOT NULL,
        items bigint NOT NULL,
        hash bytea NOT NULL
    );
    CREATE OR REPLACE FUNCTION audit_access_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'audit_access takes new rows only'; END $$;
    CREATE OR REPLACE TRIGGER audit_access_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_access
        EXECUTE FUNCTION audit_access_is_append_only();
"""
_LOCK = 0x6F6D7303  # a number of our own: the chain has one end
_INSERT = """
    INSERT INTO audit_access (id, at_us, who, via, what, which, items, hash)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_COLUMNS = "id, at_us, who, via, what, which, items, hash"


class Access(msgspec.Struct, frozen=True):
    """One look. ``via``: api or cli; ``what``: an order, a book ...; ``which``: as it was asked for, with all
    that was given beside it; ``items``: how many things the answer has.
    """

    id: int
    at: str
    who: str
    via: str
    what: str
    which: str
    items: int


class Row(msgspec.Struct, frozen=True, array_like=True):
    """What the hash covers."""

    id: int
    at_us: int
    who: str
    via: str
    what: str
    which: str
    items: int


def create(connection: psycopg.Connection) -> None:
    """Create what is missing; what is there stays."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        there = connection.execute("SELECT to_regclass('audit_access')").fetchone()
        if there is None or there[0] is None:  # what is there is in use, and would be locked
            connection.execute(TABLES)


def record(
    connection: psycopg.Connection, now_us: int, who: str, via: str, what: str, which: str, items: int
) -> int:
    """Write down a look, durably. Return its number. Raises ``psycopg.Error``: then nothing may be told."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        last = connection.execute("SELECT id, hash FROM audit_access ORDER BY id DESC LIMIT 1").fetchone()
        number, previous = (0, b"") if last is None else last
        row = Row(number + 1, now_us, _plain(who), via, what, _plain(which), items)
        connection.execute(_INSERT, (*msgspec.structs.astuple(row), link(previous, row)))
    return row.id


def _plain(text: str) -> str:
    """PostgreSQL's texts have no NUL."""
    return text.replace("\0", "�")


def link(previous: bytes, row: Row) -> bytes:
    return blake2b(previous + msgspec.json.encode(row), digest_size=32).digest()


def read(
    connection: psycopg.Connection, after: int = 0, who: str | None = None
) -> Iterator[tuple[Row, bytes]]:
    """Yield the rows after number ``after``, each with its hash; ``who``: only that one's."""
    while True:
        page = connection.execute(
            f"SELECT {_COLUMNS} FROM audit_access WHERE id > %s AND (%s::text IS NULL OR who = %s)"  # noqa: S608 - a constant
            " ORDER BY id LIMIT %s",
            (after, who, who, PAGE),
        ).fetchall()
        for *fields, digest in page:
            yield Row(*fields), digest
        if len(page) < PAGE:
            return
        after = page[-1][0]


def last(connection: psycopg.Connection, most: int, who: str | None = None) -> list[Access]:
    """Return the last looks, newest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM audit_access WHERE %s::text IS NULL OR who = %s"  # noqa: S608 - a constant
        " ORDER BY id DESC LIMIT %s",
        (who, who, most),
    ).fetchall()
    return [Access(number, time_of(at_us), *rest) for number, at_us, *rest, _ in rows]


def first_broken(rows: Iterable[tuple[Row, bytes]]) -> str | None:
    """Return what is wrong with the chain of all rows, if something is."""
    previous, expected = b"", 1
    for row, digest in rows:
        if row.id != expected:
            return f"access {expected} is missing"
        previous = link(previous, row)
        if digest != previous:
            return f"access {row.id} was changed after it was recorded"
        expected += 1
    return None
