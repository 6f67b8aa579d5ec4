"""Busts and corrections: the venue takes a trade back, or makes it count at another price."""

from typing import Any

import pytest

from domain.account import FEES, Fill, Posting
from domain.positions import traded
from domain.trade import BustTrade, CorrectTrade, TradeBusted, TradeCorrected
from tests.unit.domain.dump import dump
from tests.unit.domain.expectations import asks, bids, has, holds, nothing_happened, refused, rejected
from tests.unit.domain.limiting import limited
from tests.unit.domain.recording import replayed
from tests.unit.domain.story import NOW_US, Expectation, Step, Story, funded, given, listed_market, resting
from tests.unit.domain.wishes import SYMBOL, Number, buy, cancel, list_market, order_named, sell

FEES_OF_10_AND_20_PER_MILLE = {"maker_fee_ppm": 10_000, "taker_fee_ppm": 20_000}


def bust(trade_id: int = 1, order: str = "bob", symbol: str = SYMBOL) -> BustTrade:
    return BustTrade(
        command_id="bust",
        actor="operator",
        symbol=symbol,
        trade_id=trade_id,
        order_id=order_named(order),
        reason="fat finger",
    )


def correct(price: Number, trade_id: int = 1, order: str = "bob") -> CorrectTrade:
    return CorrectTrade(
        command_id="correct",
        actor="operator",
        symbol=SYMBOL,
        trade_id=trade_id,
        order_id=order_named(order),
        price=str(price),
        reason="wrong price",
    )


def made(quantity: Number = 2, price: Number = 100) -> Step:
    """Alice's resting offer is taken by Bob, in full."""

    def step(story: Story) -> None:
        resting(sell("alice", quantity, at=price))(story)
        story.handle(buy("bob", quantity, at=price))

    return step


def a_trade(quantity: Number = 2, price: Number = 100, **rules: Any) -> Story:
    """Bob had 1000 USD, Alice just what she sold; maker and taker pay 1 % and 2 %."""
    market = listed_market(**(FEES_OF_10_AND_20_PER_MILLE | rules))
    return given(market, funded("bob", USD=1000), made(quantity, price))


def position(account: str, *holding: int) -> Expectation:
    """What all its fills so far leave it with, by average cost: (quantity, cost, realised, fees)."""

    def expectation(story: Story) -> None:
        quantity = cost = realised = fees = 0
        for event in story.history:
            if isinstance(event, Posting) and event.account == account and event.fill is not None:
                quantity, cost, gain = traded(quantity, cost, event.fill)
                realised, fees = realised + gain, fees + event.fill.fee
        assert (quantity, cost, realised, fees) == holding
        held = story.exchange.accounts[account].positions[SYMBOL]
        assert (held.quantity, held.cost, held.net) == (quantity, cost, realised - fees)

    return expectation


# --- A bust ---------------------------------------------------------------------------------------------


def test_everybody_gets_back_what_the_trade_took_fees_included() -> None:
    a_trade().then(has("bob", BTC=2, USD=796), has("alice", USD=198), has(FEES, USD=6)).when(bust()).then(
        has("bob", BTC=0, USD=1000), has("alice", BTC=2, USD=0), has(FEES, USD=0)
    )


def test_the_fact_names_both_sides_and_the_terms_that_no_longer_count() -> None:
    story = a_trade().when(bust())
    assert story.of_type(TradeBusted) == [
        TradeBusted(
            SYMBOL,
            1,
            order_named("bob"),
            "bob",
            order_named("alice"),
            "alice",
            quantity=200,
            price=10_000,
            notional=2_000_000,
            buyer_fee=40_000,
            seller_fee=20_000,
            reason="fat finger",
        )
    ]


@pytest.mark.parametrize("order", ["alice", "bob"])
def test_the_order_of_either_side_names_the_trade(order: str) -> None:
    a_trade().when(bust(order=order)).then(has("bob", USD=1000), has("alice", BTC=2, USD=0))


def test_a_seller_who_took_is_told_from_a_buyer_who_did() -> None:
    given(
        listed_market(**FEES_OF_10_AND_20_PER_MILLE), funded("bob", BTC=2), resting(buy("alice", 2, at=100))
    ).when(sell("bob", 2, at=100)).then(has("bob", USD=196), has("alice", BTC=2, USD=2)).when(bust()).then(
        has("bob", BTC=2, USD=0), has("alice", BTC=0, USD=204), has(FEES, USD=0)
    )


def test_one_trade_of_several_goes_and_the_others_stay() -> None:
    given(
        listed_market(),
        resting(sell("alice", 1, at=100)),
        resting(sell("carol", 1, at=101)),
        funded("bob", USD=1000),
    ).when(buy("bob", 2, at=101)).when(bust(1)).then(
        has("bob", BTC=1, USD=899), has("alice", BTC=1, USD=0), has("carol", USD=101)
    )


def test_a_bust_is_done_once() -> None:
    a_trade().when(bust(), bust()).then(has("bob", BTC=0, USD=1000)).when(bust(order="alice")).then(
        nothing_happened
    )


def test_orders_are_not_opened_again_and_the_last_price_stays() -> None:
    story = a_trade().when(bust()).then(bids(), asks())
    assert story.exchange.markets[SYMBOL].last_price == 10_000
    assert story.exchange.markets[SYMBOL].last_trade_id == 1


def test_an_order_that_still_rests_goes_on_as_it_was() -> None:
    given(listed_market(), resting(sell("alice", 3, at=100)), funded("bob", USD=1000)).when(
        buy("bob", 1, at=100), bust()
    ).then(asks(("alice", 2, 100)), has("alice", BTC=1), holds("alice", BTC=2), has("bob", USD=1000))


def test_an_account_on_both_sides_of_its_trade_needs_nothing_for_it() -> None:
    own = given(
        listed_market(), funded("alice", USD=100), resting(sell("alice", 1, at=100, name="offer"))
    ).when(buy("alice", 1, at=100, name="bid"), sell("alice", 1, at=200, name="away"))
    own.then(has("alice", BTC=0, USD=100)).when(correct(50, order="bid")).then(has("alice", BTC=0, USD=100))
    own.when(bust(order="bid")).then(has("alice", BTC=0, USD=100), holds("alice", BTC=1))


def test_positions_come_out_as_if_it_had_never_been_made() -> None:
    a_trade().then(position("bob", 200, 2_000_000, 0, 40_000)).when(bust()).then(
        position("bob", 0, 0, 0, 0), position("alice", 0, 0, 0, 0)
    )


# --- What cannot be busted ------------------------------------------------------------------------------


def test_an_account_that_spent_it_is_named_with_what_it_lacks() -> None:
    a_trade().when(sell("bob", "1.5", at=200, name="away")).when(bust()).then(
        refused("bust_unfunded", "bob", "0.5 BTC", "2", "1.5 BTC are lacking"), has("alice", USD=198)
    )


def test_all_who_lack_something_are_named() -> None:
    a_trade().when(sell("bob", 2, at=200, name="b"), buy("alice", 1, at=1, name="a")).when(bust()).then(
        refused("bust_unfunded", "bob has 0 BTC", "alice has 196.98 USD", "198: 1.02 USD are lacking")
    )


def test_cancelling_what_holds_it_is_the_remedy() -> None:
    a_trade().when(sell("bob", 2, at=200, name="away"), cancel("bob", "away"), bust()).then(
        has("bob", BTC=0, USD=1000)
    )


@pytest.mark.parametrize(
    "wish",
    [
        bust(2),
        bust(order="carol"),
        correct(90, trade_id=2),
        bust(symbol="ETH-USD"),
    ],
)
def test_a_trade_that_was_never_made(wish: BustTrade | CorrectTrade) -> None:
    story = a_trade()
    story.handle(list_market(symbol="ETH-USD", base_asset="ETH"))
    story.when(wish).then(refused("unknown_trade", wish.order_id, str(wish.trade_id), wish.symbol))


def test_a_market_that_is_not_listed() -> None:
    a_trade().when(bust(symbol="DOGE-USD")).then(refused("unknown_market", "'DOGE-USD'"))


# --- A correction ---------------------------------------------------------------------------------------


def test_a_lower_price_pays_the_buyer_back_with_its_part_of_the_fees() -> None:
    a_trade().when(correct(90)).then(
        has("bob", BTC=2, USD="816.4"), has("alice", BTC=0, USD="178.2"), has(FEES, USD="5.4")
    )


def test_a_higher_price_is_paid_by_the_buyer() -> None:
    a_trade().when(correct(110)).then(
        has("bob", BTC=2, USD="775.6"), has("alice", USD="217.8"), has(FEES, USD="6.6")
    )


def test_only_the_difference_has_to_be_there() -> None:
    """Alice has spent all but 24.6 USD of the 198 she got."""
    story = a_trade().when(buy("alice", 1, at=170, name="away")).then(has("alice", USD="24.6"))
    story.when(correct(90)).then(has("alice", USD="4.8"))
    story.when(correct(80)).then(
        refused("bust_unfunded", "alice has 4.8 USD", "give back 19.8: 15 USD are lacking")
    )


def test_the_fact_names_the_terms_before_and_after() -> None:
    story = a_trade().when(correct("90.5"))
    assert story.of_type(TradeCorrected) == [
        TradeCorrected(
            SYMBOL,
            1,
            order_named("bob"),
            "bob",
            order_named("alice"),
            "alice",
            quantity=200,
            old_price=10_000,
            old_notional=2_000_000,
            old_buyer_fee=40_000,
            old_seller_fee=20_000,
            price=9_050,
            notional=1_810_000,
            buyer_fee=36_200,
            seller_fee=18_100,
            reason="wrong price",
        )
    ]


def test_corrections_in_a_row_start_from_the_last() -> None:
    a_trade().when(correct(90), correct(110), correct(100)).then(
        has("bob", BTC=2, USD=796), has("alice", USD=198), has(FEES, USD=6)
    )


def test_a_bust_takes_back_what_was_corrected() -> None:
    a_trade().when(correct(90), bust()).then(
        has("bob", BTC=0, USD=1000), has("alice", BTC=2, USD=0), has(FEES, USD=0)
    )


def test_the_same_price_again_changes_nothing() -> None:
    a_trade().when(correct(100)).then(nothing_happened)
    a_trade().when(correct(90)).when(correct("90.00")).then(nothing_happened)


def test_what_was_busted_is_not_corrected() -> None:
    a_trade().when(bust()).when(correct(90)).then(refused("trade_already_busted", "trade 1", SYMBOL))


@pytest.mark.parametrize("price", ["0", "90.001", "-1", "ten"])
def test_the_price_is_one_the_market_trades_at(price: str) -> None:
    a_trade().when(correct(price)).then(refused("invalid_price", price, "ticks of 0.01"))


def test_the_fee_is_that_of_the_rate_the_order_was_placed_at() -> None:
    """A fee of 2 % of 0.0049 USD was rounded down to nothing; at another price it is not nothing."""
    a_trade("0.01", "0.01").then(has(FEES, USD=0)).when(correct(1)).then(
        has(FEES, USD="0.0003"), has("bob", BTC="0.01", USD="999.9898")
    )


def test_positions_come_out_as_if_it_had_been_made_at_that_price() -> None:
    a_trade().when(correct(90)).then(
        position("bob", 200, 1_800_000, 0, 36_000), position("alice", -200, 1_800_000, 0, 18_000)
    )


# --- The state ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wishes", [[bust()], [correct(90)], [correct(90), correct(80)], [correct(90), bust()]]
)
def test_replayed_it_is_the_same_state(wishes: list[BustTrade | CorrectTrade]) -> None:
    story = a_trade().when(*wishes)
    assert dump(replayed([(NOW_US, event) for event in story.history])) == dump(story.exchange)


def test_what_was_changed_is_part_of_the_state_hash() -> None:
    hashes = {a_trade().when(*wishes).exchange.state_hash for wishes in ([bust()], [correct(90)], [])}
    assert len(hashes) == 3
    story = a_trade()
    history = story.when(bust()).history
    without = replayed([(NOW_US, event) for event in history if not isinstance(event, TradeBusted)])
    assert without.state_hash != story.exchange.state_hash


def test_a_seller_who_has_bought_back_since_is_left_with_what_the_new_price_makes() -> None:
    story = given(
        listed_market(**FEES_OF_10_AND_20_PER_MILLE),
        funded("bob", USD=1000),
        funded("alice", USD=1000),
        made(),
    )
    resting(sell("carol", 3, at=100))(story)
    story.handle(buy("alice", 3, at=100, name="back"))
    story.then(position("alice", 100, 1_000_000, 0, 80_000)).when(correct(90))
    story.then(position("alice", 100, 1_000_000, -200_000, 78_000))


def test_what_a_bust_changes_is_part_of_what_was_lost_today() -> None:
    """Every story checks what is counted along for limits against all positions."""
    story = given(
        listed_market(**FEES_OF_10_AND_20_PER_MILLE),
        funded("bob", USD=1000),
        limited("bob", daily_loss={"USD": "4"}),
        made(),
    )
    story.when(buy("bob", 1, at=1, name="more")).then(rejected("daily_loss", "4 USD lost today"))
    story.when(bust(), buy("bob", 1, at=1, name="again"))
    assert story.exchange.orders[order_named("again")].shown


def test_of_a_busted_trade_nothing_counts_any_more() -> None:
    story = a_trade().when(correct(90), bust())
    busted = story.exchange.markets[SYMBOL].changed_trades[1]
    assert (busted.price, busted.buyer_fee, busted.seller_fee) == (0, 0, 0)


# --- Its postings ---------------------------------------------------------------------------------------


def a_larger_bid() -> Story:
    """Bob bids 101 for 3 and gets 2 at 100; 1 of his order rests."""
    return given(
        listed_market(**FEES_OF_10_AND_20_PER_MILLE),
        funded("bob", USD=1000),
        resting(sell("alice", 2, at=100)),
    ).when(buy("bob", 3, at=101))


def test_a_bust_refunds_first_and_reclaims_then_with_the_fills_taken_back() -> None:
    story = a_larger_bid().when(bust())
    assert story.of_type(Posting) == [
        Posting("bob", "USD", "refund", 2_040_000, 8_969_800, 1_030_200, "bust", order_named("bob")),
        Posting(
            *("alice", "BTC", "refund", 200, 200, 0, "bust", order_named("alice")),
            Fill(SYMBOL, 1, "buy", "maker", 10_000, 200, 2_000_000, -20_000),
        ),
        Posting(
            *("bob", "BTC", "reclaim", 200, 0, 0, "bust", order_named("bob")),
            Fill(SYMBOL, 1, "sell", "taker", 10_000, 200, 2_000_000, -40_000),
        ),
        Posting("alice", "USD", "reclaim", 1_980_000, 0, 0, "bust", order_named("alice")),
        Posting(FEES, "USD", "reclaim", 40_000, 20_000, 0, "bust", order_named("bob")),
        Posting(FEES, "USD", "reclaim", 20_000, 0, 0, "bust", order_named("alice")),
    ]


def test_a_correction_takes_the_old_fills_back_and_puts_the_new_ones_in_their_place() -> None:
    """At 90 instead of 100: 180, with fees of 3.6 and 1.8."""
    story = a_larger_bid().when(correct(90))
    assert [(each.account, each.kind, each.amount, each.order_id) for each in story.of_type(Posting)] == [
        ("bob", "refund", 2_040_000, order_named("bob")),
        ("alice", "refund", 1_782_000, order_named("alice")),
        ("bob", "reclaim", 1_836_000, order_named("bob")),
        ("alice", "reclaim", 1_980_000, order_named("alice")),
        (FEES, "reclaim", 4_000, order_named("bob")),
        (FEES, "reclaim", 2_000, order_named("alice")),
    ]
    assert [each.fill for each in story.of_type(Posting)] == [
        Fill(SYMBOL, 1, "sell", "taker", 10_000, 200, 2_000_000, -40_000),
        Fill(SYMBOL, 1, "buy", "maker", 10_000, 200, 2_000_000, -20_000),
        Fill(SYMBOL, 1, "buy", "taker", 9_000, 200, 1_800_000, 36_000),
        Fill(SYMBOL, 1, "sell", "maker", 9_000, 200, 1_800_000, 18_000),
        None,
        None,
    ]
