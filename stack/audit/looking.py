"""How a command of `./oms` looks into the history: what the index lacks is indexed first, the way there is
told, and the look is on record before anything is shown.
"""

import getpass
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg

from api.query.audit.desk import items_of
from commands.time_machine import HistoryDiffersError
from stack.audit.machine import machine_on
from stack.settings import Settings
from streams.audit import access, index
from streams.audit.histories import CursorError
from streams.audit.store import NotThereError, Store
from streams.audit.travel import Machine, PointError

T = TypeVar("T")
Progress = Callable[[str, int, int], None]

CONNECT_S = 10


class Look(Store):
    """The store, and a time machine that works in this process."""

    machine: Machine


def look(settings: Settings, said: Progress, what: str, which: str, read: Callable[[Look], T]) -> T:
    """Return what ``read`` finds, once it is on record that this user looked.

    Raises ``RuntimeError`` in words: there is no such thing, or the store does not answer.
    """
    with _opened(settings, said) as store:
        try:
            found = read(store)
        except (NotThereError, PointError, CursorError) as error:
            _record(store, what, which, 0)
            raise RuntimeError(str(error)) from None
        _record(store, what, which, items_of(found))
        return found


def _record(store: Look, what: str, which: str, items: int) -> None:
    access.record(store.connection, time.time_ns() // 1_000, getpass.getuser(), "cli", what, which, items)


@contextmanager
def _opened(settings: Settings, said: Progress) -> Iterator[Look]:
    def indexed(reach: index.Reach) -> None:
        said(f"indexing shard {reach.shard}", reach.indexed, reach.last_seq)

    try:
        with psycopg.connect(settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S) as connection:
            index.create(connection)
            access.create(connection)
            store = Look(connection, None, indexed)
            store.machine = machine_on(
                connection, settings, lambda _, at, until: said("replaying", at, until)
            )
            yield store
    except psycopg.Error as error:
        raise RuntimeError(f"the event store does not answer: {error}. Next: ./oms up") from None
    except HistoryDiffersError as error:
        raise RuntimeError(str(error)) from None
