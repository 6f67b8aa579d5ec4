"""What a projection is: how an event splits into documents, and how a document takes its part in.

A fold is a pure function: the same document, part and ``At`` give the same document, in any process. Money
and everything else that adds up is an exact integer, written as a decimal string: no sum outgrows it. Prices
and the quantities of single orders fit int64 and are numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.event import Event

Document = dict[str, Any]
Part = tuple[str, Any]


class At(NamedTuple):
    """Where in history an event stands: ``occurred_at_us`` is microseconds since 1970, UTC. ``actor``: whose
    command caused it; of a maker's fill that is the taker, so not everybody may be told.
    """

    shard: int
    seq: int
    occurred_at_us: int
    actor: str = ""


def _never(_: Any) -> bool:
    return False


def always(_: Any) -> bool:
    """Say of each part that it begins its document: it states all there is, so none has to be loaded."""
    return True


@dataclass(frozen=True)
class Projection:
    """One read model; ``name`` is its collection, and its documents carry ``_id``, ``seq`` and ``shard``.

    ``parts(event, shard)`` yields (document id, what happened to it), each id once; with ``by_seq`` it is
    given the whole ``At`` instead of the shard, for documents that each hold a stretch of history.
    ``fold(document, part, at)`` returns the document after it; it may change the one it is given.
    ``begins(part)``: no document can be there before, so none is looked for. ``ended(document)``: nothing
    will change it any more, so nobody needs to keep it at hand. ``window_events``: a document begins anew
    every so many events of its shard, so that it stays small; its id then ends with the number of the window.
    0: it does not. ``relaxed``: events that change history, or a summary, which may be written a moment later
    than the rest, many events at once.
    """

    name: str
    event_types: frozenset[type[Event]]
    parts: Callable[[Any, Any], Iterable[Part]]
    fold: Callable[[Any, Any, At], Any]
    indexes: Sequence[Sequence[str]] = ()
    begins: Callable[[Any], bool] = _never
    ended: Callable[[Any], bool] = _never
    window_events: int = 0
    by_seq: bool = False
    relaxed: frozenset[type[Event]] = frozenset()

    def split(self, event: Event, at: At) -> Iterable[Part]:
        """Return the ids of the documents that ``event`` touches, each with what happens to it."""
        parts = self.parts(event, at if self.by_seq else at.shard)
        if not self.window_events:
            return parts
        window = at.seq // self.window_events
        return [(f"{document_id}|{window}", part) for document_id, part in parts]
