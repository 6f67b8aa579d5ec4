"""What holds for every projection: repeats change nothing, batches do not matter, and neither does memory."""

import copy
import random
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.folding import Folding
from projections.projection import At, Document
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent
from tests.unit.projections.controlled import controlled
from tests.unit.projections.folds import all_folded, at, folded
from tests.unit.projections.trading import trading

TRADING = trading(400, seed=11, money_moves=True)
HISTORY = controlled(TRADING, "ETH-USD", ("acc11-0", "acc11-1")).events
EXPECTED = all_folded(HISTORY)


def in_batches(cuts: list[int]) -> Iterator[list[RecordedEvent]]:
    edges = [0, *sorted(cuts), len(HISTORY)]
    return (HISTORY[start:end] for start, end in pairwise(edges))


class Store:
    """A database with the guard of the real one, and a worker that may forget everything between batches."""

    def __init__(self, name: str, documents_max: int) -> None:
        self.name = name
        self.documents_max = documents_max
        self.written: dict[str, Document] = {}
        self.folding = self.new_folding()

    def new_folding(self) -> Folding:
        return Folding(PROJECTIONS[self.name], self.documents_max)

    def process(self, batch: list[RecordedEvent], *, dies_while_writing: bool = False) -> None:
        mine = [
            (each.event, at(each))
            for each in batch
            if type(each.event) in self.folding.projection.event_types
        ]
        missing = self.folding.missing(mine)
        self.folding.put(copy.deepcopy(self.written[each]) for each in missing if each in self.written)
        for event, where in mine:
            self.folding.fold(event, where)
        changed = self.folding.take_changed()
        for document in changed[: len(changed) // 2] if dies_while_writing else changed:
            before = self.written.get(document["_id"])
            if before is None or before["seq"] < document["seq"]:
                self.written[document["_id"]] = copy.deepcopy(document)
        self.folding.forget(changed)


@pytest.mark.parametrize("name", PROJECTIONS)
@given(cuts=st.lists(st.integers(0, len(HISTORY)), max_size=30), documents_max=st.sampled_from([1, 3, 1_000]))
def test_how_events_come_in_batches_does_not_matter(name: str, cuts: list[int], documents_max: int) -> None:
    store = Store(name, documents_max)
    for batch in in_batches(cuts):
        store.process(batch)
    assert store.written == EXPECTED[name]


@pytest.mark.parametrize("name", PROJECTIONS)
@given(cuts=st.lists(st.integers(0, len(HISTORY)), min_size=3, max_size=20), seed=st.integers(0, 10**6))
def test_a_batch_half_written_and_done_again_by_a_new_worker_changes_nothing(
    name: str, cuts: list[int], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    store = Store(name, 1_000)
    for batch in in_batches(cuts):
        if chance.random() < 0.5:
            store.process(batch, dies_while_writing=True)
            store.folding = store.new_folding()
        store.process(batch)
    assert store.written == EXPECTED[name]


@pytest.mark.parametrize("name", PROJECTIONS)
def test_a_repeated_event_changes_nothing(name: str) -> None:
    folding = Folding(PROJECTIONS[name])
    for recorded in HISTORY:
        if type(recorded.event) in folding.projection.event_types:
            folding.fold(recorded.event, at(recorded))
            folding.take_changed()
            folding.fold(recorded.event, at(recorded))
            assert folding.take_changed() == []


def test_every_projection_has_something_to_show() -> None:
    assert all(EXPECTED.values())
    assert {order["status"] for order in EXPECTED["orders"].values()} == {
        "pending",
        "waiting",
        "open",
        "partially_filled",
        "filled",
        "cancelled",
        "rejected",
    }


def test_memory_is_bounded_by_the_least_recently_used() -> None:
    folding = Folding(PROJECTIONS["balances"], 2)
    for recorded in HISTORY:
        if type(recorded.event) in folding.projection.event_types:
            folding.fold(recorded.event, at(recorded))
            folding.forget(folding.take_changed())
            assert len(folding.documents) <= 2


def test_what_has_ended_is_let_go() -> None:
    folding = Folding(PROJECTIONS["orders"], 1_000)
    for recorded in HISTORY:
        if type(recorded.event) in folding.projection.event_types:
            folding.fold(recorded.event, at(recorded))
    folding.forget(folding.take_changed())
    assert {order["status"] for order in folding.documents.values()} <= {
        "pending",
        "waiting",
        "open",
        "partially_filled",
    }


def test_documents_hold_no_floats_and_no_integer_beyond_int64() -> None:
    def check(value: object) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                assert isinstance(key, str)
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)
        else:
            assert value is None or type(value) in (str, int, bool)
            assert not isinstance(value, int) or abs(value) < 2**63

    check(folded("markets", HISTORY) | folded("orders", HISTORY) | folded("positions", HISTORY))
    check(folded("books", HISTORY) | folded("trades", HISTORY) | folded("balances", HISTORY))


def test_documents_say_where_they_come_from() -> None:
    last = HISTORY[-1]
    documents = [document for some in EXPECTED.values() for document in some.values()]
    assert max(document["seq"] for document in documents) <= last.seq
    assert {document["shard"] for document in documents} == {At(0, 1, 1).shard}
