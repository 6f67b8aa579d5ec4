"""Which part of a shard's history an export speaks of: from where to where, in whole commits."""

from datetime import datetime
from typing import NamedTuple

import psycopg

from stack.audit.part import AuditError


class Bounds(NamedTuple):
    """What was asked for: seqs of every shard, both included, or times in microseconds since 1970, UTC."""

    first_seq: int | None = None
    last_seq: int | None = None
    from_us: int | None = None
    to_us: int | None = None


class Range(NamedTuple):
    """The account's events with first_seq <= seq <= last_seq, the ends of commits. ``chain_until``: where the
    chain is followed to; ``previous``: the hash of the commit before the first.
    """

    first_seq: int
    last_seq: int
    chain_until: int
    previous: bytes


def read_bounds(begin: str | None, end: str | None) -> Bounds:
    """Return what ``--from`` and ``--to`` say. Raises ``AuditError``."""
    first, last = _bound("--from", begin), _bound("--to", end)
    return Bounds(
        first_seq=first if isinstance(first, int) else None,
        last_seq=last if isinstance(last, int) else None,
        from_us=_microseconds(first) if isinstance(first, datetime) else None,
        to_us=_microseconds(last) if isinstance(last, datetime) else None,
    )


def find(
    store: psycopg.Connection, shard: int, bounds: Bounds, signed: list[int], newest: int
) -> Range | None:
    """Return the shard's part; ``None``: nothing of it is in the bounds. ``signed``: the seqs of its heads,
    in order; the chain is followed to the first of them that covers the whole range, if there is one.
    """
    first = max(1, bounds.first_seq or 1)
    last = newest if bounds.last_seq is None else min(newest, bounds.last_seq)
    if bounds.from_us is not None:
        first = _one(store, "min(first_seq)", shard, "occurred_at_us >= %s", bounds.from_us) or newest + 1
    if bounds.to_us is not None:
        last = min(last, _one(store, "max(last_seq)", shard, "occurred_at_us <= %s", bounds.to_us) or 0)
    if first > last:
        return None
    after = _one(store, "max(last_seq)", shard, "last_seq < %s", first) or 0
    end = _one(store, "min(last_seq)", shard, "last_seq >= %s", last) or newest
    until = next((seq for seq in signed if seq >= end), end)
    return Range(after + 1, end, until, _hash_at(store, shard, after))


def _bound(option: str, text: str | None) -> int | datetime | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise AuditError(
            f"{option} is {text!r}: give a seq, such as 1200, or a time with its zone, such as"
            " 2026-01-31T12:00:00Z"
        )
    return moment


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _one(store: psycopg.Connection, what: str, shard: int, where: str, value: int) -> int | None:
    query = f"SELECT {what} FROM commits WHERE shard = %s AND {where}"  # noqa: S608 - the words are ours
    row = store.execute(query.encode(), (shard, value)).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def _hash_at(store: psycopg.Connection, shard: int, last_seq: int) -> bytes:
    row = store.execute(
        "SELECT chain_hash FROM commits WHERE shard = %s AND last_seq = %s", (shard, last_seq)
    ).fetchone()
    return b"" if row is None else bytes(row[0])
