"""What a fault run rests on: rounds that a seed repeats, and a witness that notices every lie."""

from itertools import islice
from typing import Any

import pytest

from domain.order import OrderCancelled, OrderFilled, OrderPlaced, OrderRejected
from stack.faults.catalogue import Plan, plans
from stack.faults.report import as_object
from stack.faults.rounds import Result
from stack.faults.witness import Witness
from stack.load.client import Outcome, OutcomeFill
from streams.codec import RecordedEvent
from tests.unit.projections.trading import Venue, trading


def test_a_seed_gives_the_same_rounds_again_and_another_seed_others() -> None:
    assert list(islice(plans(5), 60)) == list(islice(plans(5), 60))
    assert list(islice(plans(5), 60)) != list(islice(plans(6), 60))


def test_every_fault_has_its_turn_before_any_comes_again() -> None:
    first = [plan.name for plan in islice(plans(1), 21)]
    assert len(set(first)) == 21
    assert {"kill postgres", "pause order-processor", "away kafka", "overload", "restore"} <= set(first)
    assert {plan.name for plan in islice(plans(1), 21, 42)} == set(first)


def test_containers_are_not_paused() -> None:
    assert "pause kafka" not in {plan.name for plan in islice(plans(1, in_docker=True), 40)}


@pytest.fixture(scope="module")
def venue() -> Venue:
    return trading(400, seed=3)


def told(venue: Venue) -> Witness:
    """A witness who was told all that happened, and nothing else."""
    witness = Witness()
    for recorded in venue.events:
        event = recorded.event
        if isinstance(event, OrderPlaced | OrderRejected):
            status = "open" if isinstance(event, OrderPlaced) else "rejected"
            witness.hear(Outcome(status, event.order_id))
        elif isinstance(event, OrderFilled):
            fill = OutcomeFill(event.trade_id, "1", "1")
            witness.hear(Outcome("filled", event.order_id, fills=(fill,)))
        elif isinstance(event, OrderCancelled):
            witness.cancelled.add(event.order_id)
    return witness


def first(venue: Venue, kind: type) -> Any:
    return next(recorded for recorded in venue.events if isinstance(recorded.event, kind))


def test_what_was_told_and_is_stored_is_right(venue: Venue) -> None:
    witness = told(venue)
    assert witness.told
    assert witness.fills
    assert witness.compare(venue.events) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OrderPlaced, "was acknowledged and is not stored"),
        (OrderFilled, "was told and is not stored"),
        (OrderCancelled, "was said to be cancelled and is not"),
    ],
)
def test_what_was_told_and_is_not_stored_is_named(venue: Venue, kind: type, words: str) -> None:
    lost = first(venue, kind)
    events: list[RecordedEvent] = [recorded for recorded in venue.events if recorded.seq != lost.seq]
    assert any(words in wrong and lost.event.order_id in wrong for wrong in told(venue).compare(events))


@pytest.mark.parametrize("kind", [OrderPlaced, OrderFilled])
def test_what_is_stored_twice_is_named(venue: Venue, kind: type) -> None:
    twice = first(venue, kind)
    assert any("is stored 2 times" in wrong for wrong in told(venue).compare([*venue.events, twice]))


def test_an_outcome_told_the_wrong_way_round_is_named(venue: Venue) -> None:
    witness = told(venue)
    order = first(venue, OrderPlaced).event.order_id
    witness.told[order] = True
    assert witness.compare(venue.events) == [f"order {order} was said to be rejected; stored is the opposite"]


def test_recovery_is_counted_against_the_months_budget() -> None:
    slow = Result(Plan(1, "kill", "kafka"), accepted_s=8.0, visible_s=9.0)
    quick = Result(Plan(2, "kill", "kafka"), accepted_s=4.0, visible_s=5.0, differences=["lost"])
    found = as_object([slow, quick], seed=1)
    assert (found["passed"], found["failed"]) == (1, 1)
    assert found["availability"]["budget_s_per_30_days"] == 2592.0
    (row,) = found["recovery"]
    assert row["accepted_again_s"] == {"median": 6.0, "max": 8.0}
    assert row["times_a_month_within_budget"] == 324
