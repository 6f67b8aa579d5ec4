"""The history of the read benchmark: made by the domain, and something for each projection."""

from collections.abc import Iterator

from bench.read import folding, history, writing
from bench.read.history import Commit
from projections.registry import PROJECTIONS
from streams.codec import decode_slice
from streams.topics import destination

EVENTS = 9_000
COMMITS: list[Commit] = list(history.commits(EVENTS, seed=1))


def test_seqs_are_contiguous_and_nothing_is_refused() -> None:
    placed = [each for commit in COMMITS for each in commit]
    assert [each.seq for each in placed] == list(range(1, len(placed) + 1))
    assert len(placed) >= EVENTS
    assert not [each.topic for each in placed if "Rejected" in each.topic]


def test_the_same_seed_makes_the_same_history() -> None:
    again = history.commits(EVENTS, seed=1)
    assert [each.state for commit in again for each in commit] == [
        each.state for commit in COMMITS for each in commit
    ]


def test_every_projection_finds_events_of_its_own() -> None:
    events = folding.decoded(COMMITS)
    counted = {name: len(folding.wanted(each, events)) for name, each in PROJECTIONS.items()}
    assert min(counted.values()) > 0, counted


def test_slices_carry_every_event_once_to_its_partition_and_name_what_came_before() -> None:
    last: dict[tuple[str, int], int] = {}
    seen: list[int] = []
    for place, value in history.slices(COMMITS):
        piece = decode_slice(value)
        assert piece.previous == last.get(place, 0)
        assert {destination(recorded.event, history.PARTITIONS) for recorded in piece.events} == {place}
        last[place] = piece.last
        seen += [recorded.seq for recorded in piece.events]
    assert sorted(seen) == [each.seq for commit in COMMITS for each in commit]


def test_folding_tells_a_rate_for_every_projection_and_topic() -> None:
    events = folding.decoded(COMMITS)
    rows = [folding.fold_row(projection, events) for projection in PROJECTIONS.values()]
    assert [row["name"] for row in rows] == list(PROJECTIONS)
    assert all(row["value"] > 0 for row in rows)
    workers = folding.worker_rows(list(history.slices(COMMITS)))
    assert sum(row["events"] for row in workers) == len(events)


def test_figures_say_what_our_own_time_would_allow() -> None:
    figures = writing.Spent(wall_s=2.0, ours_s=0.5, server_s=1.0).each(events=10_000)
    assert figures == {
        "events_per_second": 5_000,
        "our_cpu_us": 50.0,
        "server_cpu_us": 100.0,
        "our_share_events_per_second": 20_000,
    }


def commits_of(*sizes: int) -> Iterator[Commit]:
    return (COMMITS[0][:size] for size in sizes)


def test_the_first_commits_are_taken_until_they_have_enough_events() -> None:
    stream = commits_of(3, 3, 3)
    assert [len(commit) for commit in history.until(stream, 4)] == [3, 3]
    assert [len(commit) for commit in stream] == [3], "the others are left"
