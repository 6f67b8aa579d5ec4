"""How far behind a projection is, and when that is a fault."""

from collections.abc import Mapping

import pytest

from projections.progress import Mark
from stack.projecting.lag import LATE_MS, Lag, Look, Stored, Tail, lag
from stack.projecting.letters import concerned
from streams.progress import Place
from streams.topics import ACCOUNTS, EXECUTIONS

NOW_US = 1_700_000_000_000_000
HERE, THERE = Place(EXECUTIONS, 0, 0), Place(EXECUTIONS, 1, 0)
OTHER = Place(ACCOUNTS, 0, 0)


def stored(*events: tuple[Place, int, int], after: int = 0, head: int | None = None) -> Tail:
    """Events as (place, seq, ms ago)."""
    listed = [Stored(place, seq, NOW_US - ms * 1_000) for place, seq, ms in events]
    return Tail(0, after, listed[-1].seq if head is None else head, listed)


def marks(seen: Mapping[Place, int], ms_ago: int = 0) -> dict[Place, Mark]:
    at_us = NOW_US - ms_ago * 1_000
    return {place: Mark("orders", *place, seq, at_us) for place, seq in seen.items()}


def found(
    tail: Tail, before: Mapping[Place, int], after: Mapping[Place, int], apart_s: float = 1.0, ms_ago: int = 0
) -> Lag:
    return lag(Look(EXECUTIONS, marks(before), marks(after, ms_ago), apart_s, NOW_US), [tail])


def test_who_has_seen_all_of_its_topic_is_not_behind() -> None:
    tail = stored((HERE, 1, 9_000), (OTHER, 2, 8_000), (HERE, 3, 7_000), (OTHER, 4, 6_000))
    assert found(tail, {HERE: 3}, {HERE: 3}) == Lag("ok", 0, exact=True, ms=0, events_per_second=0.0)


def test_what_was_not_seen_is_counted_and_waits_since_it_happened() -> None:
    tail = stored((HERE, 1, 900), (THERE, 2, 500), (OTHER, 3, 400), (HERE, 4, 300))
    behind = found(tail, {HERE: 1}, {HERE: 1})
    assert (behind.state, behind.events, behind.ms) == ("ok", 2, 500)


def test_throughput_is_what_the_marks_moved_past() -> None:
    tail = stored((HERE, 1, 9), (OTHER, 2, 8), (HERE, 3, 7), (HERE, 4, 6), (THERE, 5, 5))
    assert found(tail, {HERE: 1}, {HERE: 4, THERE: 5}, apart_s=0.5).events_per_second == 6.0


def test_what_is_older_than_the_tail_is_estimated() -> None:
    tail = stored((HERE, 1_001, 200), (HERE, 1_002, 100), after=1_000)
    behind = found(tail, {HERE: 300}, {HERE: 400}, ms_ago=60_000)
    assert (behind.events, behind.exact, behind.ms) == (602, False, 60_000)
    assert (behind.state, behind.events_per_second) == ("catching_up", 100.0)


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        ({HERE: 1}, {HERE: 2}, "catching_up"),
        ({HERE: 1}, {HERE: 1}, "stalled"),
        ({HERE: 1, THERE: 4}, {HERE: 1, THERE: 5}, "stalled"),
        ({}, {}, "missing"),
    ],
)
def test_late_and_moving_catches_up_and_late_and_standing_is_stalled(
    before: dict[Place, int], after: dict[Place, int], state: str
) -> None:
    ago = LATE_MS + 1_000
    tail = stored((HERE, 1, ago), (HERE, 2, ago), (HERE, 3, ago), (THERE, 4, 90), (THERE, 5, 80))
    assert found(tail, before, after).state == state


def test_an_empty_store_is_all_seen() -> None:
    assert lag(Look(EXECUTIONS, {}, {}, 1.0, NOW_US), [Tail(0, 0, 0, [])]).state == "ok"


@pytest.mark.parametrize(
    ("headers", "names"),
    [
        ({"reason": "orders cannot take it in: ValueError()", "topic": EXECUTIONS}, ["orders"]),
        ({"projection": "limits", "reason": "whatever", "topic": ACCOUNTS}, ["limits"]),
        ({"reason": "unknown", "topic": "nowhere"}, []),
    ],
)
def test_a_dead_letter_names_who_lacks_it(headers: dict[str, str], names: list[str]) -> None:
    assert concerned(headers) == names


def test_what_was_no_event_at_all_lacks_in_all_of_its_topic() -> None:
    lacking = concerned({"reason": "not a slice of events: it ended", "topic": ACCOUNTS})
    assert {"balances", "positions"} <= set(lacking)
    assert "orders" not in lacking
