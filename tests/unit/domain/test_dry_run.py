"""A dry run validates an order in full, and does nothing."""

import pytest

from domain.order import PlaceOrder
from tests.unit.domain.expectations import asks, has, holds, nothing_happened, refused
from tests.unit.domain.story import NOW_US, Story, funded, given, last_price, listed_market, resting
from tests.unit.domain.wishes import buy, sell


def market_with_an_ask() -> Story:
    return given(
        listed_market(min_notional="1"),
        last_price(100),
        resting(sell("bob", 5, at=101)),
        funded("eve", USD=1000, BTC=10),
    )


@pytest.mark.parametrize(
    "order",
    [
        buy("eve", 1, at=99, dry_run=True),
        buy("eve", 5, at=101, dry_run=True),
        buy("eve", 5, dry_run=True),
        buy("eve", quote=200, dry_run=True),
        buy("eve", 9, at=101, tif="fok", dry_run=True),
        sell("eve", 10, stop=90, dry_run=True),
        sell("eve", 10, trail=5, dry_run=True),
        sell("eve", 10, at=120, display=1, dry_run=True),
    ],
    ids=lambda order: f"{order.request.side} {order.request.order_type}",
)
def test_a_good_order_is_valid_and_nothing_happens(order: PlaceOrder) -> None:
    market_with_an_ask().when(order).then(
        nothing_happened, asks(("bob", 5, 101)), has("eve", USD=1000, BTC=10), holds("eve", USD=0, BTC=0)
    )


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (buy("eve", 11, at=100, dry_run=True), "insufficient_funds"),
        (buy("eve", 1, at="0.001", dry_run=True), "invalid_price"),
        (buy("eve", "0.001", at=1, dry_run=True), "invalid_quantity"),
        (buy("eve", "0.01", at=1, dry_run=True), "min_notional"),
        (buy("eve", 1, at=101, post_only=True, dry_run=True), "post_only_would_take"),
        (sell("eve", 1, stop=100, dry_run=True), "would_trigger_at_once"),
        (buy("eve", 1, at=1, symbol="X-Y", dry_run=True), "unknown_market"),
        (buy("nobody", 1, at=1, dry_run=True), "unknown_account"),
        (buy("eve", 1, at=1, until_us=NOW_US - 1, dry_run=True), "stale_command"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_order_is_refused_without_a_trace(order: PlaceOrder, code: str) -> None:
    market_with_an_ask().when(order).then(refused(code), holds("eve", USD=0))


def test_the_id_of_a_dry_run_is_free_for_the_real_order() -> None:
    story = market_with_an_ask().when(buy("eve", 1, at=99, dry_run=True)).then(nothing_happened)
    story.when(buy("eve", 1, at=99)).then(holds("eve", USD=99))
