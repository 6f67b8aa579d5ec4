"""Fees agreed with one account: on a market, or on all that have none agreed."""

import pytest

from domain.account import AccountFeesSet
from domain.order import OrderFilled
from tests.unit.domain.expectations import has, holds, nothing_happened, refused
from tests.unit.domain.story import Story, funded, given, listed_market, opened, resting
from tests.unit.domain.transfer_wishes import set_fees
from tests.unit.domain.wishes import SYMBOL, amend, buy, sell

WITH_FEES = listed_market(maker_fee_ppm=1000, taker_fee_ppm=2000)
SECOND = listed_market(
    symbol="ETH-USD", base_asset="ETH", quote_asset="USD", maker_fee_ppm=1000, taker_fee_ppm=2000
)


def fees_of(story: Story) -> dict[str, int]:
    return {fill.account: fill.fee for fill in story.of_type(OrderFilled)}


def test_an_account_pays_what_was_agreed_and_others_the_markets_fees() -> None:
    story = given(WITH_FEES, opened("alice"), funded("bob", BTC=1)).when(set_fees("alice", 100, 500))
    assert story.events == [AccountFeesSet("alice", None, 100, 500)]
    funded("alice", USD=1000)(story)
    story.when(sell("bob", 1, at=100), buy("alice", 1, at=100)).then(has("alice", USD="899.95", BTC=1))
    assert fees_of(story) == {"alice": 500, "bob": 1000}


def test_the_agreed_maker_fee_is_for_what_rests() -> None:
    story = given(WITH_FEES, funded("alice", BTC=1), funded("bob", USD=1000)).when(
        set_fees("alice", 0, 500), sell("alice", 1, at=100), buy("bob", 1, at=100)
    )
    assert fees_of(story) == {"alice": 0, "bob": 2000}
    story.then(has("alice", USD=100))


def test_a_buy_holds_by_the_agreed_fees() -> None:
    story = given(WITH_FEES, funded("alice", USD=1000)).when(set_fees("alice", 100, 500))
    story.when(buy("alice", 1, at=100)).then(holds("alice", USD="100.05"))


def test_what_is_agreed_on_a_market_goes_before_what_is_agreed_on_all() -> None:
    story = given(WITH_FEES, SECOND, funded("alice", USD=1000)).when(
        set_fees("alice", 0, 500), set_fees("alice", 0, 0, symbol=SYMBOL)
    )
    story.when(buy("alice", 1, at=100, name="btc")).then(holds("alice", USD=100))
    story.when(buy("alice", 1, at=100, name="eth", symbol="ETH-USD")).then(holds("alice", USD="200.05"))


def test_what_is_agreed_on_one_market_is_for_no_other() -> None:
    story = given(WITH_FEES, SECOND, funded("alice", USD=1000)).when(set_fees("alice", 0, 0, symbol=SYMBOL))
    story.when(buy("alice", 1, at=100, symbol="ETH-USD")).then(holds("alice", USD="100.2"))


def test_an_agreement_ends_and_the_next_one_below_it_is_in_force() -> None:
    story = given(WITH_FEES, funded("alice", USD=1000)).when(
        set_fees("alice", 0, 500), set_fees("alice", 0, 0, symbol=SYMBOL)
    )
    story.when(set_fees("alice", None, None, symbol=SYMBOL), buy("alice", 1, at=100, name="first"))
    story.then(holds("alice", USD="100.05"))
    story.when(set_fees("alice", None, None), buy("alice", 1, at=100, name="second"))
    story.then(holds("alice", USD="200.25"))


def test_an_order_keeps_the_fees_of_when_it_was_placed() -> None:
    story = given(WITH_FEES, funded("alice", USD=1000), funded("bob", BTC=2)).when(
        buy("alice", 1, at=100), set_fees("alice", 0, 0)
    )
    story.when(amend("alice", quantity=2), sell("bob", 2))
    assert fees_of(story)["alice"] == 2000


def test_resting_orders_hold_what_they_held() -> None:
    story = given(WITH_FEES, resting(buy("alice", 1, at=100))).when(set_fees("alice", 100_000, 100_000))
    story.then(holds("alice", USD="100.2"))


def test_agreeing_on_the_same_again_changes_nothing() -> None:
    story = given(WITH_FEES, opened("alice")).when(set_fees("alice", 1, 2))
    story.when(set_fees("alice", 1, 2)).then(nothing_happened)
    story.when(set_fees("alice", None, None, symbol=SYMBOL)).then(nothing_happened)


def test_fees_of_zero_are_an_agreement_too() -> None:
    story = given(WITH_FEES, funded("alice", USD=1000)).when(set_fees("alice", 0, 0))
    story.when(buy("alice", 1, at=100)).then(holds("alice", USD=100))


@pytest.mark.parametrize(
    ("maker", "taker", "says"),
    [(-1, 0, "-1"), (0, 100_001, "100001"), (100_001, 0, "100000"), (1, None, "both"), (None, 1, "both")],
)
def test_fees_have_the_bounds_of_a_markets(maker: int | None, taker: int | None, says: str) -> None:
    given(WITH_FEES, opened("alice")).when(set_fees("alice", maker, taker)).then(
        refused("invalid_fees", says)
    )


def test_the_account_is_open_and_the_market_listed() -> None:
    story = given(WITH_FEES, opened("alice"))
    story.when(set_fees("nobody", 1, 1)).then(refused("unknown_account"))
    story.when(set_fees("fees", 1, 1)).then(refused("unknown_account"))
    story.when(set_fees("alice", 1, 1, symbol="X-Y")).then(refused("unknown_market", "X-Y"))
