"""A post-only order rests, or is rejected: it never pays the taker's fee."""

import pytest

from tests.unit.domain.expectations import asks, bids, refused, rejected, traded
from tests.unit.domain.story import funded, given, listed_market, resting
from tests.unit.domain.wishes import amend, but, buy, sell

RICH = funded("eve", USD=10_000, BTC=100)


def test_it_rests_where_it_meets_nothing() -> None:
    given(listed_market(), resting(sell("bob", 1, at=100)), RICH).when(
        buy("eve", 1, at="99.99", post_only=True)
    ).then(bids(("eve", 1, "99.99")))


@pytest.mark.parametrize("price", [100, 101])
def test_it_is_rejected_where_it_would_take(price: int) -> None:
    given(listed_market(), resting(sell("bob", 5, at=100)), RICH).when(
        buy("eve", 5, at=price, post_only=True)
    ).then(rejected("post_only_would_take", f"price {price}"), asks(("bob", 5, 100)), bids())


def test_a_sell_is_rejected_where_it_would_take() -> None:
    given(listed_market(), resting(buy("bob", 5, at=100)), RICH).when(
        sell("eve", 5, at=100, post_only=True)
    ).then(rejected("post_only_would_take"))


def test_others_take_from_it_as_from_any_other() -> None:
    given(listed_market(), resting(buy("bob", 5, at=100, post_only=True)), RICH).when(sell("eve", 2)).then(
        traded(("bob", 2, 100)), bids(("bob", 3, 100))
    )


def test_it_would_take_from_its_own_account_too() -> None:
    given(listed_market(), RICH).when(sell("eve", 1, at=100, name="ask")).when(
        buy("eve", 1, at=100, post_only=True, self_trade="expire_maker", name="bid")
    ).then(rejected("post_only_would_take"), asks(("ask", 1, 100)))


def test_an_amendment_does_not_make_it_take() -> None:
    story = given(listed_market(), resting(sell("bob", 1, at=100)), RICH)
    story.when(buy("eve", 1, at=99, post_only=True))
    story.when(amend("eve", price=100)).then(refused("post_only_would_take"), bids(("eve", 1, 99)))
    story.when(amend("eve", price="99.5")).then(bids(("eve", 1, "99.5")))


@pytest.mark.parametrize("tif", ["ioc", "fok"])
def test_an_order_that_does_not_rest_cannot_be_post_only(tif: str) -> None:
    given(listed_market(), RICH).when(buy("eve", 1, at=100, tif=tif, post_only=True)).then(
        rejected("contradictory_order", "post_only")
    )


def test_only_a_limit_order_is_post_only() -> None:
    story = given(listed_market(), RICH)
    story.when(but(buy("eve", 1), post_only=True)).then(rejected("contradictory_order", "post_only"))
    story.when(but(buy("eve", 1, stop=100, at=100), post_only=True)).then(rejected("contradictory_order"))
