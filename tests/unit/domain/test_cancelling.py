"""A cancel takes an open order out of the book and gives back what it holds. It never expires."""

from tests.unit.domain.expectations import asks, bids, cancelled, has, holds, refused, traded
from tests.unit.domain.story import NOW_US, funded, given, listed_market, resting
from tests.unit.domain.wishes import buy, cancel, sell


def test_the_order_leaves_and_its_hold_is_released() -> None:
    given(listed_market(), resting(buy("alice", 5, at=100))).when(cancel("alice")).then(
        cancelled("alice", 5, "requested"), bids(), has("alice", USD=500), holds("alice", USD=0)
    )


def test_only_what_has_not_traded_is_cancelled() -> None:
    given(listed_market(), funded("bob", BTC=2), resting(buy("alice", 5, at=100))).when(
        sell("bob", 2, at=100), cancel("alice")
    ).then(
        traded(("alice", 2, 100)),
        cancelled("alice", 3, "requested"),
        bids(),
        has("alice", USD=300, BTC=2),
        holds("alice", USD=0),
    )


def test_those_before_and_behind_it_stay_in_their_order() -> None:
    given(
        listed_market(),
        resting(sell("first", 1, at=100)),
        resting(sell("second", 1, at=100)),
        resting(sell("third", 1, at=100)),
    ).when(cancel("second")).then(asks(("first", 1, 100), ("third", 1, 100)))


def test_an_order_that_was_never_placed_cannot_be_cancelled() -> None:
    story = given(listed_market(), funded("alice"))
    order = cancel("alice").order_id
    story.when(cancel("alice")).then(refused("order_not_open", "alice", order))


def test_a_filled_order_cannot_be_cancelled() -> None:
    given(listed_market(), funded("bob", USD=100), resting(sell("alice", 1, at=100))).when(
        buy("bob", 1, at=100)
    ).when(cancel("alice")).then(refused("order_not_open"))


def test_an_order_is_cancelled_once() -> None:
    given(listed_market(), resting(sell("alice", 1, at=100))).when(cancel("alice")).when(
        cancel("alice")
    ).then(refused("order_not_open"))


def test_nobody_cancels_the_order_of_another_and_nobody_learns_that_it_exists() -> None:
    given(listed_market(), funded("eve"), resting(sell("alice", 1, at=100))).when(
        cancel("eve", name="alice")
    ).then(refused("order_not_open", "eve has no open order"), asks(("alice", 1, 100)))


def test_a_cancel_does_not_expire() -> None:
    given(listed_market(), resting(sell("alice", 1, at=100))).when(cancel("alice", until_us=NOW_US - 1)).then(
        cancelled("alice", 1, "requested")
    )
