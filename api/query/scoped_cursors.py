"""Cursors: where a page ended, in a form that says nothing to a client and fits its own query only.

A cursor names the last thing that was looked at, by what the list is ordered by. So it stays right whatever
is written meanwhile: what was there when the first page was read is neither missed nor told twice.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import msgspec
import xxhash

from api.problems import Problem
from api.query.times import wrong

Key = tuple[str | int, ...]
LENGTH_MAX = 1_024


def write_cursor(scope: str, key: Key) -> str:
    """``scope``: the list and all that was asked of it."""
    plain = [
        part if isinstance(part, str) else int(part) for part in key
    ]  # the database's have types of their own
    return urlsafe_b64encode(msgspec.json.encode([_mark(scope), *plain])).decode().rstrip("=")


def read_cursor(cursor: str, scope: str, kinds: Sequence[type]) -> Any:
    """Return the key that a cursor of this ``scope`` stands for: a tuple of these ``kinds``.

    Raises ``Problem`` (400).
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        mark, *key = msgspec.json.decode(urlsafe_b64decode(padded), type=tuple[str, *kinds])  # type: ignore[valid-type] # known at run time
    except (ValueError, msgspec.MsgspecError):
        raise _foreign(cursor, "is none of this API's") from None
    if mark != _mark(scope):
        raise _foreign(cursor, "is of a list with other filters")
    return tuple(key)


def _mark(scope: str) -> str:
    return xxhash.xxh3_64_hexdigest(scope)


def _foreign(cursor: str, why: str) -> Problem:
    return wrong(
        f"cursor: {cursor[:80]!r} {why}; take next_cursor of the page before and leave the other "
        "parameters as they were, or begin again without a cursor"
    )
