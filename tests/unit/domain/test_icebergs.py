"""An iceberg shows a part of itself. When that has traded, the next part shows, behind all others."""

import pytest

from tests.unit.domain.expectations import asks, cancelled, filled, has, holds, rejected, showing, traded
from tests.unit.domain.story import funded, given, listed_market, resting
from tests.unit.domain.wishes import amend, buy, cancel, sell

RICH = funded("eve", USD=100_000, BTC=1000)


def test_the_book_shows_a_part_and_the_account_holds_for_all() -> None:
    given(listed_market(), funded("ice", BTC=10)).when(sell("ice", 10, at=100, display=2)).then(
        showing("sell", (2, 100)), asks(("ice", 10, 100)), holds("ice", BTC=10)
    )


def test_the_next_part_shows_when_the_first_has_traded() -> None:
    given(listed_market(), resting(sell("ice", 10, at=100, display=3)), RICH).when(buy("eve", 3)).then(
        traded(("ice", 3, 100)), showing("sell", (3, 100)), asks(("ice", 7, 100))
    )


def test_a_part_that_has_traded_in_part_shows_what_is_left_of_it() -> None:
    given(listed_market(), resting(sell("ice", 10, at=100, display=3)), RICH).when(buy("eve", 1)).then(
        showing("sell", (2, 100)), asks(("ice", 9, 100))
    )


def test_the_last_part_may_be_smaller() -> None:
    given(listed_market(), resting(sell("ice", 7, at=100, display=3)), RICH).when(buy("eve", 6)).then(
        traded(("ice", 6, 100)), showing("sell", (1, 100))
    )


def test_the_hidden_part_has_no_priority_in_time() -> None:
    given(
        listed_market(),
        resting(sell("ice", 10, at=100, display=2)),
        resting(sell("bob", 5, at=100)),
        RICH,
    ).when(buy("eve", 6)).then(
        traded(("ice", 2, 100), ("bob", 4, 100)),
        asks(("bob", 1, 100), ("ice", 8, 100)),
        showing("sell", (3, 100)),
    )


def test_who_takes_more_than_shows_gets_the_hidden_part_in_one_trade() -> None:
    given(
        listed_market(),
        resting(sell("ice", 10, at=100, display=2)),
        resting(sell("bob", 5, at=100)),
        resting(sell("dear", 5, at=101)),
        RICH,
    ).when(buy("eve", 16)).then(
        traded(("bob", 5, 100), ("ice", 10, 100), ("dear", 1, 101)), filled("ice"), has("eve", BTC=1016)
    )


def test_two_icebergs_take_turns() -> None:
    given(
        listed_market(),
        resting(sell("a", 6, at=100, display=2)),
        resting(sell("b", 6, at=100, display=1)),
        RICH,
    ).when(buy("eve", 5)).then(  # a 2, b 1, a 2
        traded(("b", 1, 100), ("a", 4, 100)), asks(("b", 5, 100), ("a", 2, 100)), showing("sell", (3, 100))
    )


def test_the_part_that_a_taker_has_begun_stays_in_front() -> None:
    given(
        listed_market(),
        resting(sell("a", 6, at=100, display=2)),
        resting(sell("b", 6, at=100, display=2)),
        RICH,
    ).when(buy("eve", 5)).then(  # a 2, b 2, and 1 of the next 2 of a
        traded(("a", 3, 100), ("b", 2, 100)), asks(("a", 3, 100), ("b", 4, 100)), showing("sell", (3, 100))
    )


def test_an_iceberg_that_trades_at_once_shows_a_part_of_what_is_left() -> None:
    given(listed_market(), resting(buy("bob", 4, at=100)), RICH).when(
        sell("eve", 10, at=100, display=5)
    ).then(traded(("bob", 4, 100)), asks(("eve", 6, 100)), showing("sell", (5, 100)))


def test_fees_of_its_parts_are_rounded_once() -> None:
    given(
        listed_market(taker_fee_ppm=2000),
        resting(buy("ice", 1, at="7.77", display="0.01")),
        funded("bob", BTC=1),
    ).when(sell("bob", "0.03")).then(has("bob", USD="0.2327"))  # 0.2331, and 4.66 units of fee


def test_a_cancel_takes_out_what_shows_and_gives_back_all() -> None:
    given(listed_market(), resting(sell("ice", 10, at=100, display=2)), RICH).when(
        buy("eve", 3), cancel("ice")
    ).then(cancelled("ice", 7, "requested"), showing("sell"), has("ice", BTC=7), holds("ice", BTC=0))


# --- Amending -------------------------------------------------------------------------------------------


def test_a_smaller_quantity_comes_out_of_the_hidden_part() -> None:
    given(listed_market(), resting(sell("ice", 10, at=100, display=2)), resting(sell("bob", 1, at=100))).when(
        amend("ice", quantity=5)
    ).then(showing("sell", (3, 100)), asks(("ice", 5, 100), ("bob", 1, 100)), has("ice", BTC=5))


def test_a_quantity_smaller_than_what_shows_shows_all_of_it() -> None:
    given(listed_market(), resting(sell("ice", 10, at=100, display=4))).when(amend("ice", quantity=3)).then(
        showing("sell", (3, 100)), holds("ice", BTC=3)
    )


def test_after_a_trade_a_smaller_quantity_keeps_its_place() -> None:
    given(
        listed_market(), resting(sell("ice", 10, at=100, display=4)), resting(sell("bob", 1, at=100)), RICH
    ).when(buy("eve", 3), amend("ice", quantity=6)).then(
        asks(("ice", 3, 100), ("bob", 1, 100)), showing("sell", (2, 100))
    )


def test_a_larger_quantity_queues_again_and_shows_a_fresh_part() -> None:
    given(
        listed_market(),
        resting(sell("ice", 10, at=100, display=4)),
        resting(sell("bob", 1, at=100)),
        RICH,
        funded("ice", BTC=5),
    ).when(buy("eve", 3), amend("ice", quantity=12)).then(
        asks(("bob", 1, 100), ("ice", 9, 100)), showing("sell", (5, 100))
    )


# --- Rejections -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("display", [10, 11])
def test_it_shows_less_than_all(display: int) -> None:
    given(listed_market(), RICH).when(sell("eve", 10, at=100, display=display)).then(
        rejected("invalid_quantity", f"display_quantity was {display}")
    )


@pytest.mark.parametrize("display", ["0", "0.001", "x"])
def test_what_it_shows_is_a_quantity(display: str) -> None:
    given(listed_market(), RICH).when(sell("eve", 10, at=100, display=display)).then(
        rejected("invalid_quantity", display)
    )


@pytest.mark.parametrize("more", [{"at": 100, "tif": "ioc"}, {"at": 100, "tif": "fok"}, {}, {"stop": 90}])
def test_an_order_that_never_rests_shows_nothing(more: dict[str, object]) -> None:
    given(listed_market(), RICH).when(sell("eve", 10, display=2, **more)).then(
        rejected("contradictory_order", "display_quantity")
    )


def test_a_stop_limit_may_be_an_iceberg() -> None:
    given(listed_market(), funded("ice", BTC=10)).when(sell("ice", 10, stop=90, at=90, display=2)).then(
        showing("sell"), holds("ice", BTC=10)
    )
