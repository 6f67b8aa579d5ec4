"""Cancel-replace: one order goes and another comes, in one step. If either half fails, the mode says what
becomes of the other."""

from domain.account import Posting
from domain.order import OrderCancelled, OrderRejected
from tests.unit.domain.expectations import (
    accepted,
    asks,
    bids,
    cancelled,
    filled,
    has,
    holds,
    nothing_traded,
    rejected,
    showing,
    traded,
    waits,
)
from tests.unit.domain.story import NOW_US, Story, funded, given, listed_market, opened, resting, waiting
from tests.unit.domain.wishes import buy, cancel, replacing, sell

OLD = resting(buy("alice", 5, at=100, name="old"))


def rejected_after_all(code: str, story: Story) -> None:
    """The old order is cancelled, exactly as a cancel would; the new one is rejected."""
    assert [type(event) for event in story.events] == [OrderCancelled, Posting, OrderRejected]
    assert story.events[2].code == code  # type: ignore[attr-defined] # a rejection
    release = story.events[1]
    assert isinstance(release, Posting)
    assert (release.kind, release.command_id) == ("release", "replace-old")


def test_the_new_order_takes_the_place_of_the_old() -> None:
    given(listed_market(), OLD).when(replacing("old", buy("alice", 5, at=99, name="new"))).then(
        cancelled("old", 5, "replaced"), accepted("new"), bids(("new", 5, 99)), has("alice", USD=5)
    )


def test_it_may_use_what_the_old_one_held() -> None:
    given(listed_market(), OLD).when(replacing("old", buy("alice", 10, at=50, name="new"))).then(
        bids(("new", 10, 50)), has("alice", USD=0), holds("alice", USD=500)
    )


def test_it_may_trade_at_once() -> None:
    given(listed_market(), OLD, resting(sell("bob", 1, at=101))).when(
        replacing("old", buy("alice", 1, at=101, name="new"))
    ).then(traded(("bob", 1, 101)), filled("new"), bids(), has("alice", USD=399, BTC=1))


def test_it_does_not_meet_the_order_it_replaces() -> None:
    given(listed_market(), OLD, funded("alice", BTC=5), resting(buy("bob", 1, at=99))).when(
        replacing("old", sell("alice", 5, at=99, name="new"))
    ).then(traded(("bob", 1, 99)), asks(("new", 4, 99)), bids(), has("alice", USD=599))


def test_nor_does_a_post_only_order() -> None:
    given(listed_market(), OLD, funded("alice", BTC=5)).when(
        replacing("old", sell("alice", 5, at=100, name="new", post_only=True))
    ).then(asks(("new", 5, 100)), bids())


def test_nor_does_self_trade_prevention() -> None:
    given(listed_market(), OLD, funded("alice", BTC=5)).when(
        replacing("old", sell("alice", 5, at=100, name="new", self_trade="expire_both"))
    ).then(cancelled("old", 5, "replaced"), asks(("new", 5, 100)), bids())


def test_a_waiting_order_is_replaced_and_replaces() -> None:
    given(listed_market(), waiting(sell("alice", 2, stop=90, name="old"))).when(
        replacing("old", sell("alice", 2, stop=80, name="new"))
    ).then(cancelled("old", 2, "replaced"), waits(("new", 80)), holds("alice", BTC=2))


# --- Stop on failure ------------------------------------------------------------------------------------


def test_stop_on_failure_keeps_the_old_order_if_the_new_one_is_rejected() -> None:
    given(listed_market(), OLD).when(replacing("old", buy("alice", 6, at=100, name="new"))).then(
        rejected("insufficient_funds", "needs 600 USD", "available 500"),
        bids(("old", 5, 100)),
        holds("alice", USD=500),
    )


def test_stop_on_failure_places_nothing_if_there_is_nothing_to_cancel() -> None:
    given(listed_market(), OLD).when(cancel("alice", name="old")).when(
        replacing("old", buy("alice", 5, at=99, name="new"))
    ).then(rejected("order_not_open"), bids(), has("alice", USD=500))


def test_nobody_replaces_the_order_of_another() -> None:
    given(listed_market(), OLD, funded("eve", USD=1000)).when(
        replacing("old", buy("eve", 5, at=99, name="new"))
    ).then(rejected("order_not_open", "eve has no open order"), bids(("old", 5, 100)))


# --- Allow failure --------------------------------------------------------------------------------------


def test_allow_failure_cancels_even_if_the_new_order_is_rejected() -> None:
    given(listed_market(), OLD).when(
        replacing("old", buy("alice", 6, at=100, name="new"), allow_failure=True)
    ).then(
        lambda story: rejected_after_all("insufficient_funds", story),
        cancelled("old", 5, "replaced"),
        bids(),
        has("alice", USD=500),
        holds("alice", USD=0),
    )


def test_so_it_is_with_whatever_breaks_a_rule() -> None:
    given(listed_market(), OLD).when(
        replacing("old", buy("alice", "0.001", at=100, name="new"), allow_failure=True)
    ).then(lambda story: rejected_after_all("invalid_quantity", story), bids())


def test_so_it_is_with_a_post_only_order_that_would_take() -> None:
    given(listed_market(), OLD, resting(sell("bob", 1, at=101))).when(
        replacing("old", buy("alice", 1, at=101, name="new", post_only=True), allow_failure=True)
    ).then(lambda story: rejected_after_all("post_only_would_take", story), bids(), nothing_traded)


def test_so_it_is_with_an_iceberg() -> None:
    given(listed_market(), resting(buy("alice", 5, at=100, display=1, name="old"))).when(
        replacing("old", buy("alice", 6, at=100, name="new"), allow_failure=True)
    ).then(
        lambda story: rejected_after_all("insufficient_funds", story),
        cancelled("old", 5, "replaced"),
        showing("buy"),
        has("alice", USD=500),
    )


def test_allow_failure_places_the_new_order_even_if_there_is_nothing_to_cancel() -> None:
    given(listed_market(), OLD).when(cancel("alice", name="old")).when(
        replacing("old", buy("alice", 5, at=99, name="new"), allow_failure=True)
    ).then(accepted("new"), bids(("new", 5, 99)))


def test_where_both_halves_fail_nothing_happens_but_a_rejection() -> None:
    given(listed_market(), opened("alice")).when(
        replacing("old", buy("alice", 5, at=99, name="new"), allow_failure=True)
    ).then(rejected("insufficient_funds"))


def test_one_that_comes_too_late_does_neither() -> None:
    late = buy("alice", 5, at=99, name="new", until_us=NOW_US - 1)
    given(listed_market(), OLD).when(replacing("old", late, allow_failure=True)).then(
        rejected("stale_command"), bids(("old", 5, 100))
    )
