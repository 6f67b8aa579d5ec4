"""A market is listed once, under rules that do not contradict each other or those of other markets."""

from typing import Any

import pytest

from domain.market import MarketListed, MarketRules
from domain.markets import Market
from tests.unit.domain.expectations import nothing_happened, refused
from tests.unit.domain.story import given, listed_market
from tests.unit.domain.wishes import list_market

BTC_USD = MarketRules(
    symbol="BTC-USD",
    base_asset="BTC",
    quote_asset="USD",
    base_scale=2,
    quote_scale=4,
    price_scale=2,
    tick=1,
    lot=1,
    min_quantity=1,
    max_quantity=100_000,
    min_notional=0,
    maker_fee_ppm=0,
    taker_fee_ppm=0,
)


def test_a_market_is_listed_with_rules_in_exact_units() -> None:
    story = given().when(list_market())
    assert story.events == [MarketListed(BTC_USD)]


def test_listing_it_again_changes_nothing() -> None:
    given(listed_market()).when(list_market()).then(nothing_happened)


def test_the_same_rules_in_other_words_are_the_same() -> None:
    given(listed_market()).when(list_market(tick_size="0.010", max_quantity="1000.0")).then(nothing_happened)


def test_listing_it_with_other_rules_is_refused() -> None:
    given(listed_market()).when(list_market(taker_fee_ppm=1)).then(refused("market_exists", "BTC-USD"))


def test_an_asset_has_one_scale_on_all_markets() -> None:
    given(listed_market()).when(list_market(symbol="BTC-EUR", quote_asset="EUR", base_scale=3)).then(
        refused("market_rules_invalid", "BTC has scale 2 elsewhere, not 3")
    )
    given(listed_market()).when(list_market(symbol="ETH-USD", base_asset="ETH", quote_scale=6)).then(
        refused("market_rules_invalid", "USD has scale 4 elsewhere, not 6")
    )


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quote_asset": "BTC"}, ["BTC"]),
        ({"base_scale": 13, "quote_scale": 12}, ["13", "12"]),
        ({"quote_scale": 13}, ["13"]),
        ({"base_scale": -1}, ["-1"]),
        ({"quote_scale": -1}, ["-1"]),
        ({"base_scale": 10**12}, [str(10**12)]),
        ({"tick_size": "0.001"}, ["tick x lot", "USD", "scale of 5"]),
        ({"lot_size": "0.001"}, ["lot_size: 0.001 has 3 decimals", "2"]),
        ({"tick_size": "0"}, ["tick_size was 0"]),
        ({"lot_size": "0.00"}, ["lot_size was 0"]),
        ({"min_quantity": "0"}, ["min_quantity was 0"]),
        ({"max_quantity": "0"}, ["max_quantity was 0"]),
        ({"tick_size": "-0.01"}, ["tick_size", "-0.01"]),
        ({"lot_size": "many"}, ["lot_size", "many"]),
        ({"tick_size": "1e-2"}, ["tick_size", "1e-2"]),
        ({"min_notional": "0.00001"}, ["min_notional", "0.00001"]),
        ({"min_quantity": "5", "max_quantity": "4"}, ["5", "4"]),
        ({"lot_size": "0.02", "min_quantity": "0.03"}, ["min_quantity", "0.03", "0.02"]),
        (
            {"lot_size": "0.02", "max_quantity": "0.03", "min_quantity": "0.02"},
            ["max_quantity", "0.03", "0.02"],
        ),
        ({"maker_fee_ppm": -1}, ["-1", "100000"]),
        ({"taker_fee_ppm": 100_001}, ["100001", "100000"]),
    ],
    ids=str,
)
def test_rules_that_contradict_each_other(changes: dict[str, Any], says: list[str]) -> None:
    given().when(list_market(**changes)).then(refused("market_rules_invalid", *says))


def test_every_lot_at_every_tick_is_a_whole_number_of_quote_units() -> None:
    rules = BTC_USD
    market = Market(rules)
    assert market.notional(rules.tick, rules.lot) == 1
    assert market.notional(12345, 678) == 12345 * 678


@pytest.mark.parametrize(
    ("scales", "price", "quantity", "notional"),
    [((8, 8, 2), 10_000_00, 150_000_000, 15_000 * 10**8), ((0, 2, 0), 7, 3, 2100), ((3, 2, 2), 5, 2000, 10)],
)
def test_a_notional_is_exact(scales: tuple[int, int, int], price: int, quantity: int, notional: int) -> None:
    base, quote, price_scale = scales
    market = Market(MarketRules("X", "B", "Q", base, quote, price_scale, 1, 1, 1, 1, 0, 0, 0))
    assert market.notional(price, quantity) == notional
