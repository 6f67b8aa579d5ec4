"""Holds: money is held before an order may match; what the order can no longer cost is released at once."""

from tests.unit.domain.expectations import bids, has, holds, rejected, traded
from tests.unit.domain.story import funded, given, listed_market, resting
from tests.unit.domain.wishes import buy, cancel, deposit, sell


def test_a_buy_holds_what_it_can_cost() -> None:
    given(listed_market(), funded("alice", USD=1000)).when(buy("alice", 3, at=100)).then(
        has("alice", USD=700), holds("alice", USD=300)
    )


def test_a_sell_holds_what_it_sells() -> None:
    given(listed_market(), funded("alice", BTC=10)).when(sell("alice", 3, at=100)).then(
        has("alice", BTC=7), holds("alice", BTC=3)
    )


def test_a_better_price_is_released_at_once() -> None:
    given(listed_market(), funded("alice", USD=1000), resting(sell("bob", 5, at=90))).when(
        buy("alice", 10, at=100)
    ).then(
        traded(("bob", 5, 90)),
        bids(("alice", 5, 100)),
        has("alice", USD=50, BTC=5),
        holds("alice", USD=500),
    )


def test_what_is_held_cannot_be_used_twice() -> None:
    given(listed_market(), funded("alice", USD=150)).when(buy("alice", 1, at=100, name="first")).when(
        buy("alice", 1, at=100, name="second")
    ).then(
        rejected("insufficient_funds", "needs 100 USD", "available 50"),
        bids(("first", 1, 100)),
        holds("alice", USD=100),
    )


def test_what_is_held_cannot_be_used_on_another_market() -> None:
    other = listed_market(symbol="ETH-USD", base_asset="ETH")
    given(listed_market(), other, funded("alice", USD=100)).when(buy("alice", 1, at=100, name="btc")).when(
        buy("alice", 1, at=1, name="eth", symbol="ETH-USD")
    ).then(rejected("insufficient_funds", "needs 1 USD", "available 0"))


def test_what_a_cancel_releases_can_be_used_again() -> None:
    given(listed_market(), resting(buy("alice", 1, at=100))).when(
        cancel("alice"), buy("alice", 2, at=50, name="again")
    ).then(bids(("again", 2, 50)), holds("alice", USD=100))


def test_what_a_sale_brings_can_be_used_at_once() -> None:
    given(listed_market(), funded("alice", BTC=1), resting(buy("bob", 1, at=100))).when(
        sell("alice", 1), buy("alice", 2, at=50, name="again")
    ).then(bids(("again", 2, 50)), has("alice", USD=0), holds("alice", USD=100))


def test_several_orders_hold_together() -> None:
    given(listed_market(), funded("alice", USD=1000, BTC=1)).when(
        buy("alice", 1, at=100, name="a"),
        buy("alice", 2, at=50, name="b"),
        sell("alice", 1, at=200, name="c"),
    ).then(has("alice", USD=800, BTC=0), holds("alice", USD=200, BTC=1))


def test_a_deposit_leaves_holds_alone() -> None:
    given(listed_market(), resting(buy("alice", 1, at=100))).when(deposit("alice", 5, "USD")).then(
        has("alice", USD=5), holds("alice", USD=100)
    )
