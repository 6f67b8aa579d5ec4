"""Postings: each says what moved, for which order, and what it left; they name the command behind them."""

import pytest

from domain.account import FEES, Fill, Posting
from domain.ledger import Ledger
from domain.market import SECOND_US
from domain.order import OrderCancelled, OrderFilled, TradePrevented
from tests.unit.domain.story import NOW_US, Story, funded, given, listed_market, resting
from tests.unit.domain.wishes import SYMBOL, buy, cancel, cancel_all, order_named, sell

FEES_OF_10_AND_20_PER_MILLE = {"maker_fee_ppm": 10_000, "taker_fee_ppm": 20_000}
BOB, ALICE = order_named("bob"), order_named("alice")


def a_trade() -> Story:
    """Bob's bid at 101 meets Alice's offer of 2 at 100; 1 of it rests."""
    return given(
        listed_market(**FEES_OF_10_AND_20_PER_MILLE),
        funded("bob", USD=1000),
        resting(sell("alice", 2, at=100)),
    ).when(buy("bob", 3, at=101))


def postings(story: Story, account: str) -> list[Posting]:
    return [posting for posting in story.of_type(Posting) if posting.account == account]


def test_a_taker_holds_pays_gets_back_and_receives() -> None:
    """Held are 303 and 2 %; paid are 200 and 2 %; held from then on 101 and 2 %."""
    assert postings(a_trade(), "bob") == [
        Posting("bob", "USD", "hold", 3_090_600, 6_909_400, 3_090_600, "place-bob", BOB),
        Posting("bob", "USD", "pay", 2_040_000, 6_909_400, 1_050_600, "place-bob", BOB),
        Posting("bob", "USD", "release", 20_400, 6_929_800, 1_030_200, "place-bob", BOB),
        Posting(
            *("bob", "BTC", "receive", 200, 200, 0, "place-bob", BOB),
            Fill(SYMBOL, 1, "buy", "taker", 10_000, 200, 2_000_000, 40_000),
        ),
    ]


def test_a_maker_pays_and_receives_less_the_fee() -> None:
    assert postings(a_trade(), "alice") == [
        Posting(
            *("alice", "BTC", "pay", 200, 0, 0, "place-bob", ALICE),
            Fill(SYMBOL, 1, "sell", "maker", 10_000, 200, 2_000_000, 20_000),
        ),
        Posting("alice", "USD", "receive", 1_980_000, 1_980_000, 0, "place-bob", ALICE),
    ]


def test_fees_name_the_order_that_pays_them() -> None:
    assert postings(a_trade(), FEES) == [
        Posting(FEES, "USD", "receive", 40_000, 40_000, 0, "place-bob", BOB),
        Posting(FEES, "USD", "receive", 20_000, 60_000, 0, "place-bob", ALICE),
    ]


def test_both_fills_of_a_trade_name_each_other() -> None:
    taker, maker = a_trade().of_type(OrderFilled)
    assert taker == OrderFilled(
        *(BOB, "bob", SYMBOL, "buy", "taker", 1, ALICE, 10_000, 200, 2_000_000, 40_000), 100, 1_030_200, 0
    )
    assert maker == OrderFilled(
        *(ALICE, "alice", SYMBOL, "sell", "maker", 1, BOB, 10_000, 200, 2_000_000, 20_000), 0, 0, 0
    )


def test_a_cancel_releases_what_the_order_held() -> None:
    story = given(listed_market(), resting(buy("alice", 1, at=100))).when(cancel("alice"))
    assert story.of_type(OrderCancelled) == [
        OrderCancelled(ALICE, "alice", SYMBOL, "buy", 10_000, 100, 100, "requested")
    ]
    assert story.of_type(Posting) == [
        Posting("alice", "USD", "release", 1_000_000, 1_000_000, 0, "cancel-alice", ALICE)
    ]


def test_a_mass_cancel_is_the_cause_of_all_that_it_releases() -> None:
    story = given(listed_market(), resting(buy("alice", 1, at=100)), resting(sell("bob", 1, at=101)))
    story.when(cancel_all(symbol=SYMBOL))
    assert [(each.account, each.command_id, each.order_id) for each in story.of_type(Posting)] == [
        ("alice", "cancel-all", ALICE),
        ("bob", "cancel-all", BOB),
    ]


def test_what_time_itself_releases_is_caused_by_the_clock() -> None:
    order = sell("alice", 1, at=100, tif="gtd", expires_at_us=NOW_US + SECOND_US)
    story = given(listed_market(), resting(order)).time_passes(NOW_US + SECOND_US)
    assert story.of_type(Posting) == [Posting("alice", "BTC", "release", 100, 100, 0, "clock", ALICE)]


def test_a_prevented_trade_names_both_orders_and_what_was_asked_for() -> None:
    story = given(listed_market(), funded("alice", USD=1000), resting(sell("alice", 2, at=100)))
    story.when(buy("alice", 3, at=100, name="own", self_trade="expire_maker"))
    assert story.of_type(TradePrevented) == [
        TradePrevented(order_named("own"), "alice", SYMBOL, ALICE, 10_000, 200, "expire_maker")
    ]


# --- What no balance can bear ---------------------------------------------------------------------------


def books_of(story: Story) -> Ledger:
    return Ledger(story.exchange.accounts, "test", [])


def test_nothing_is_posted_that_an_account_does_not_have() -> None:
    """Decisions see to it before; a mistake in one of them stops here, before it becomes a fact."""
    story = given(listed_market(), funded("alice", USD=1))
    books_of(story).hold("alice", "USD", 10_000)
    with pytest.raises(AssertionError, match="-1 available"):
        books_of(story).hold("alice", "USD", 10_001)


def test_nothing_is_paid_that_is_not_held() -> None:
    story = given(listed_market(), funded("alice", USD=1))
    with pytest.raises(AssertionError, match="-1 held"):
        books_of(story).pay("alice", "USD", 1, ALICE)
