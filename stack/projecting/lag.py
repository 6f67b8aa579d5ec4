"""How far a projection is, from its marks at two moments and the newest events of the store.

Pure: what is read from where is in ``status``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from projections.progress import Mark
from streams.progress import Place

Marks = Mapping[Place, Mark]
State = Literal["ok", "catching_up", "stalled", "missing"]

LATE_MS = 10_000
"""An event that waits longer is late: then the projection catches up if it moves, else it is stalled."""


class Stored(NamedTuple):
    """An event of the store, as far as lag goes."""

    place: Place
    seq: int
    occurred_at_us: int


@dataclass(frozen=True)
class Tail:
    """The newest events of one shard: all with seq > ``after``, in order."""

    shard: int
    after: int
    head: int
    events: Sequence[Stored]


@dataclass(frozen=True)
class Look:
    """Marks of one generation at two moments, ``apart_s`` seconds apart, and the time ``now_us`` then."""

    topic: str
    first: Marks
    second: Marks
    apart_s: float
    now_us: int


@dataclass(frozen=True)
class Lag:
    """``events``: not seen yet; ``exact``: else some of them are older than what was looked at, and estimated
    from seqs, which count the other topic's events too. ``ms``: how long the oldest has been waiting.
    """

    state: State
    events: int
    exact: bool
    ms: int
    events_per_second: float


def lag(look: Look, tails: Sequence[Tail]) -> Lag:
    """Return how far behind ``tails`` the second look is."""
    unseen = [each for tail in tails for each in tail.events if _unseen(each, look.topic, look.second)]
    older = [found for tail in tails for found in _older(look, tail)]
    oldest_us = min(
        [each.occurred_at_us for each in unseen] + [each.since_us for each in older], default=None
    )
    waiting_ms = 0 if oldest_us is None else max(0, (look.now_us - oldest_us) // 1_000)
    passed = sum(_passed(look, tail) for tail in tails)
    return Lag(
        _state(look, unseen, older, passed, waiting_ms),
        len(unseen) + sum(each.events for each in older),
        not older,
        waiting_ms,
        passed / look.apart_s if look.apart_s else 0.0,
    )


class Older(NamedTuple):
    """Events that no tail shows: about so many, waiting since about then."""

    events: int
    since_us: int


def _older(look: Look, tail: Tail) -> list[Older]:
    """Where not even the newest mark reaches the tail, there is more that was not seen."""
    marks = [mark for place, mark in look.second.items() if place.shard == tail.shard]
    newest = max(marks, key=lambda mark: mark.seq, default=None)
    if newest is None:
        return [Older(tail.after, 0)] if tail.after else []
    return [Older(tail.after - newest.seq, newest.occurred_at_us)] if newest.seq < tail.after else []


def _unseen(event: Stored, topic: str, marks: Marks) -> bool:
    return event.place.topic == topic and event.seq > _seq(marks, event.place)


def _seq(marks: Marks, place: Place) -> int:
    mark = marks.get(place)
    return 0 if mark is None else mark.seq


def _passed(look: Look, tail: Tail) -> int:
    """Return how many events the marks moved past between the looks."""
    shown = sum(
        _unseen(each, look.topic, look.first) and not _unseen(each, look.topic, look.second)
        for each in tail.events
    )
    first, second = (
        max((mark.seq for place, mark in marks.items() if place.shard == tail.shard), default=0)
        for marks in (look.first, look.second)
    )
    return shown + max(0, min(second, tail.after) - min(first, tail.after))


def _state(
    look: Look, unseen: Sequence[Stored], older: Sequence[Older], passed: int, waiting_ms: int
) -> State:
    if (unseen or older) and not look.second:
        return "missing"
    if waiting_ms <= LATE_MS:
        return "ok"
    late_us = look.now_us - LATE_MS * 1_000
    late = {each.place for each in unseen if each.occurred_at_us < late_us}
    stands = [place for place in late if _seq(look.first, place) == _seq(look.second, place)]
    return "stalled" if (stands and len(stands) == len(late)) or not passed else "catching_up"
