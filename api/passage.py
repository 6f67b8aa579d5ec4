"""What is known of the request that is being answered, wherever in the code one stands: its id, and what it
has cost. One for each request, kept in the context of its task.
"""

import logging
import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from uuid import uuid4

_GIVEN = re.compile(rb"[A-Za-z0-9._-]{1,64}")
# A number behind what no other process has costs a tenth of a random id of its own.
_prefix = uuid4().hex[:16]
_numbers = count(1)


@dataclass(slots=True)
class Charge:
    """What is left of one allowance: ``remaining`` tokens of ``burst``, all of it again in ``full_in_s``."""

    policy: str
    burst: int
    window_s: int
    remaining: int
    full_in_s: int


@dataclass(slots=True)
class Passage:
    """One request. ``charges``: by the name of the policy, the last one counts."""

    request_id: str
    address: str
    charges: dict[str, Charge] = field(default_factory=dict)


_current: ContextVar[Passage | None] = ContextVar("passage", default=None)


def enter(given_id: bytes | None, address: str) -> Passage:
    """Begin a request; an id that the client gave is kept if it is one that can stand in a log."""
    if given_id is not None and _GIVEN.fullmatch(given_id):
        name = given_id.decode("ascii")
    else:
        name = f"{_prefix}{next(_numbers):x}"
    passage = Passage(name, address)
    _current.set(passage)
    return passage


def current() -> Passage | None:
    return _current.get()


class WithRequestId(logging.Filter):
    """Gives every line of the log the id of its request, as ``request_id``; ``-`` if it belongs to none."""

    def filter(self, record: logging.LogRecord) -> bool:
        passage = _current.get()
        record.request_id = passage.request_id if passage else "-"
        return True
