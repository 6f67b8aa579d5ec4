"""Candles are what a table engine makes of the raw trades; seconds are kept for a day."""

import pytest

from projections.candles import MINUTE_US, RING_MINUTES, WIDTHS_US, Candle, Width, candles_of
from projections.folding import Folding
from projections.projection import Document
from projections.registry import PROJECTIONS
from tests.unit.projections.folds import fold_into, folded
from tests.unit.projections.raw_trades import SECOND_US, RawTrade, grouped, raw_trades, traded
from tests.unit.projections.trading import Venue, opened, place, trading

HOUR_US = 60 * MINUTE_US


def found(documents: dict[str, Document], width: Width, symbol: str = "BTC-USD") -> list[Candle]:
    mine = (each for each in documents.values() if (each["symbol"], each["width"]) == (symbol, width))
    return sorted(candle for document in mine for candle in candles_of(document))


@pytest.mark.parametrize("width", WIDTHS_US)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_candles_are_those_of_the_raw_trades(width: Width, seed: int) -> None:
    venue = traded(seed, 150, step_us_max=3_000 * SECOND_US)
    candles = found(folded("candles", venue.events), width)
    raw = raw_trades(venue.events)
    expected = grouped(kept(raw) if width == "1s" else raw, WIDTHS_US[width])
    assert {candle.start_us: tuple(candle[1:8]) for candle in candles} == expected


def kept(trades: list[RawTrade]) -> list[RawTrade]:
    """Return those whose minute no later one has taken the place of."""
    minutes = {}
    for trade in trades:
        minute = trade.traded_at_us // MINUTE_US
        minutes[minute % RING_MINUTES] = minute
    return [trade for trade in trades if trade.traded_at_us // MINUTE_US in minutes.values()]


def test_trade_ids_are_counted_on_within_a_candle() -> None:
    venue = traded(4, 60)
    for width in WIDTHS_US:
        ids = {trade.trade_id: trade.traded_at_us for trade in raw_trades(venue.events)}
        for candle in found(folded("candles", venue.events), width):
            mine = range(candle.first_trade, candle.first_trade + candle.trades)
            starts = {ids[trade_id] - ids[trade_id] % WIDTHS_US[width] for trade_id in mine}
            assert starts == {candle.start_us}


def test_seconds_are_kept_for_a_day_and_then_make_room() -> None:
    venue = opened(Venue(), "ann", "bob")
    first_us = venue.now_us
    seconds = []
    for number, later_us in enumerate((0, 24 * HOUR_US, RING_MINUTES * MINUTE_US)):
        venue.now_us = first_us + later_us
        bid, hit = (
            place("ann", f"b{number}", "buy", "1", "100"),
            place("bob", f"s{number}", "sell", "1", "100"),
        )
        venue.batch(bid, hit)
        seconds.append([candle.start_us for candle in found(folded("candles", venue.events), "1s")])
    begun, day_later, ring_later = (
        first_us - first_us % SECOND_US + us for us in (0, 24 * HOUR_US, 25 * HOUR_US)
    )
    assert seconds == [[begun], [begun, day_later], [day_later, ring_later]]
    assert len(found(folded("candles", venue.events), "1m")) == 3


def test_a_minute_that_comes_again_every_day_takes_one_document_of_seconds() -> None:
    venue = traded(5, 400, step_us_max=7_000 * SECOND_US)
    documents = folded("candles", venue.events)
    assert sum(document["width"] == "1s" for document in documents.values()) <= RING_MINUTES


def test_markets_do_not_meet() -> None:
    venue = trading(600, seed=9)
    documents = folded("candles", venue.events)
    for symbol in ("BTC-USD", "ETH-USD"):
        made = [each.event for each in venue.events if getattr(each.event, "liquidity", "") == "taker"]
        mine = [each for each in made if getattr(each, "symbol", "") == symbol]
        assert sum(candle.trades for candle in found(documents, "1h", symbol)) == len(mine) > 0


def test_what_was_seen_before_is_not_counted_again() -> None:
    events = traded(6, 50).events
    folding = Folding(PROJECTIONS["candles"])
    fold_into(folding, events)
    before = {name: repr(document) for name, document in folding.documents.items()}
    fold_into(folding, events[len(events) // 2 :])
    assert {name: repr(document) for name, document in folding.documents.items()} == before
