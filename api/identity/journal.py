"""What was done to users, clients and keys: who did it, when, and how it was before and after.

The table takes new rows only, and each row's hash covers the one before: what is missing or was changed
shows. A row is written in the transaction of what it tells, and holds no secret: only fields that are named
in ``shown``.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from api.identity.models import IdentityEvent

PAGE = 1_000
_LOCK = 0x6F6D7305  # a number of our own: the chain has one end

SHOWN = {
    "users": ("name", "roles", "accounts", "locked_reason"),
    "clients": ("id", "redirect_uris", "grant_types", "scopes", "roles", "accounts"),
    "api_keys": (
        *("id", "owner", "label", "scheme", "scopes", "roles", "accounts", "networks"),
        *("expires_at", "revoked_at"),
    ),
    "signing_keys": ("kid", "created_at", "published_until"),
}
State = Mapping[str, Any]


class Row(msgspec.Struct, frozen=True, array_like=True):
    """What the hash covers."""

    id: int
    at_us: int
    actor: str
    what: str
    which: str
    before: str
    after: str


def shown(record: Any) -> dict[str, Any]:
    """Return the fields of a table's row that may be told: never a secret, nor a hash of one."""
    return {name: getattr(record, name) for name in SHOWN[record.__tablename__]}


def record(
    session: Session,
    actor: str,
    what: str,
    which: str,
    before: State | None = None,
    after: State | None = None,
) -> None:
    """Write down what is done, in the transaction that does it."""
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = session.scalars(select(IdentityEvent).order_by(IdentityEvent.id.desc()).limit(1)).first()
    number, previous = (0, b"") if last is None else (last.id, last.hash)
    row = Row(
        number + 1, time.time_ns() // 1_000, _plain(actor), what, _plain(which), _told(before), _told(after)
    )
    session.add(IdentityEvent(**msgspec.structs.asdict(row), hash=_link(previous, row)))


def read(session: Session, after: int, limit: int) -> list[IdentityEvent]:
    """Return at most ``limit`` events after number ``after``, in their order."""
    return list(
        session.scalars(
            select(IdentityEvent).where(IdentityEvent.id > after).order_by(IdentityEvent.id).limit(limit)
        )
    )


def verify(session: Session) -> tuple[int, str | None]:
    """Return how many events there are, and what is wrong with their chain, if something is."""
    broken = first_broken(_all(session))
    return session.scalars(select(func.count()).select_from(IdentityEvent)).one(), broken


def _all(session: Session) -> Iterator[IdentityEvent]:
    after = 0
    while page := read(session, after, PAGE):
        yield from page
        after = page[-1].id


def first_broken(events: Iterable[IdentityEvent]) -> str | None:
    """Return what is wrong with the chain of all events, if something is."""
    previous, expected = b"", 1
    for event in events:
        if event.id != expected:
            return f"event {expected} is missing"
        row = Row(event.id, event.at_us, event.actor, event.what, event.which, event.before, event.after)
        previous = _link(previous, row)
        if event.hash != previous:
            return f"event {event.id} was changed after it was recorded"
        expected += 1
    return None


def _told(state: State | None) -> str:
    return "" if state is None else msgspec.json.encode(state, order="sorted").decode()


def _plain(words: str) -> str:
    """PostgreSQL's texts have no NUL."""
    return words.replace("\0", "�")


def _link(previous: bytes, row: Row) -> bytes:
    return blake2b(previous + msgspec.json.encode(row), digest_size=32).digest()
