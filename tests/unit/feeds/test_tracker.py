"""A feed in step, out of step, and in step again; what it says of trouble."""

import pytest

from streams.feeds.binance import Binance
from streams.feeds.tracker import Line, Tracker
from streams.prices import PriceTick
from tests.unit.feeds.messages import (
    NOW_US,
    binance_in_step,
    binance_quote,
    binance_trade,
    coinbase,
    coinbase_in_step,
    coinbase_match,
    coinbase_ticker,
    confirmed,
    line,
    subscriptions,
    tracker_of,
)

SECOND_US = 1_000_000


def said(tracker: Tracker, *texts: str | bytes) -> list[PriceTick]:
    return [tick for text in texts for tick in tracker.take(line(text))]


def kinds(ticks: list[PriceTick]) -> list[str]:
    """Return kinds, with an empty quote told apart."""
    return ["taken back" if _is_empty(tick) else tick.kind for tick in ticks]


def _is_empty(tick: PriceTick) -> bool:
    return tick.kind == "quote" and tick.bid is None and tick.ask is None


def test_ticks_begin_with_the_first_quote_after_the_confirmation() -> None:
    tracker = tracker_of(Binance())
    assert said(tracker, binance_quote(1), binance_trade(5)) == []
    assert said(tracker, confirmed(), binance_trade(6)) == []
    quote, trade = said(tracker, binance_quote(2), binance_trade(7))
    assert (quote.kind, quote.bid, quote.ask) == ("quote", "61685.99", "61686")
    assert (trade.kind, trade.price, trade.quantity) == ("trade", "61685.99", "0.00017")
    assert (trade.symbol, trade.source, trade.run) == ("BTC-USD", "binance", "run-1")
    assert [tick.seq for tick in (quote, trade)] == [1, 2]
    assert tracker.in_step == {"BTC-USD"}


def test_a_skipped_trade_takes_the_prices_back_until_the_symbol_is_in_step_again() -> None:
    tracker = binance_in_step()
    assert kinds(said(tracker, binance_trade(103))) == ["taken back"]
    assert tracker.to_ask_again == ["BTCUSDT"]
    assert (tracker.counts.gaps, tracker.counts.missed) == (1, 2)
    assert tracker.in_step == set()

    assert said(tracker, binance_trade(104), binance_quote(501)) == [], "nobody knows what is missing"
    tracker.asked(3, ["BTCUSDT"])
    assert said(tracker, confirmed(2), binance_quote(502)) == [], "that was another request"
    assert said(tracker, confirmed(3)) == []
    assert kinds(said(tracker, binance_quote(503), binance_trade(105))) == ["quote", "trade"]
    assert tracker.counts.gaps == 1


def test_a_heartbeat_shows_a_trade_that_never_came() -> None:
    tracker = coinbase_in_step()
    assert said(tracker, coinbase("heartbeat", last_trade_id=100)) == []
    assert kinds(said(tracker, coinbase("heartbeat", last_trade_id=102))) == ["taken back"]
    assert tracker.counts.missed == 2
    assert said(tracker, subscriptions(), coinbase_ticker(1_030)) == [], "unsubscribed"
    assert kinds(said(tracker, subscriptions("BTC-USD"), coinbase_ticker(1_031))) == ["quote"]
    assert kinds(said(tracker, coinbase_match(103))) == ["trade"]


@pytest.mark.parametrize("again", [binance_trade(100), binance_trade(99), binance_quote(500)])
def test_what_comes_again_is_no_news(again: str) -> None:
    tracker = binance_in_step()
    assert said(tracker, again) == []
    assert tracker.counts.repeated == 1
    assert tracker.in_step == {"BTC-USD"}


def test_odd_messages_cost_themselves_only() -> None:
    tracker = binance_in_step()
    other = binance_quote(501).replace("btcusdt", "ethusdt").replace("BTCUSDT", "ETHUSDT")
    assert said(tracker, b"\xff", "{}", binance_trade(101, price="x"), other) == []
    assert said(tracker, binance_quote(502, bid="61687")) == [], "the bid is above the ask"
    assert tracker.counts.odd == 5
    assert kinds(said(tracker, binance_trade(101))) == ["trade"]


def test_a_lost_connection_takes_all_prices_back_once() -> None:
    tracker = binance_in_step()
    assert kinds(tracker.lost(NOW_US)) == ["taken back"]
    assert tracker.lost(NOW_US) == []


@pytest.mark.parametrize("quote_first", [True, False])
def test_what_was_missed_between_two_connections_is_known_and_no_gap(quote_first: bool) -> None:
    tracker = binance_in_step()
    tracker.lost(NOW_US)
    tracker.connected()
    tracker.asked(1, ["BTCUSDT"])
    news = [binance_quote(3), binance_trade(140)]
    ticks = said(tracker, confirmed(), *(news if quote_first else news[::-1]))
    assert kinds(ticks) == (["quote", "trade"] if quote_first else ["quote"])
    assert (tracker.counts.missed, tracker.counts.gaps) == (39, 0)
    assert kinds(said(tracker, binance_trade(142))) == ["taken back"]


def test_a_quote_that_stands_is_said_again_every_second() -> None:
    tracker = binance_in_step()
    assert tracker.restate(NOW_US + SECOND_US - 1) == []
    (tick,) = tracker.restate(NOW_US + SECOND_US)
    assert (tick.bid, tick.ask, tick.received_at_us) == ("61685.99", "61686", NOW_US + SECOND_US)
    assert tracker.restate(NOW_US + SECOND_US + 1) == []
    tracker.lost(NOW_US)
    assert tracker.restate(NOW_US + 9 * SECOND_US) == []


def test_a_clock_that_is_off_is_told(caplog: pytest.LogCaptureFixture) -> None:
    tracker = binance_in_step()
    tracker.take(line(binance_trade(101), NOW_US - 2 * SECOND_US))
    assert (tracker.skew_us, tracker.counts.skewed) == (-2 * SECOND_US, 1)
    assert "-2000 ms behind" in caplog.text
    tracker.take(line(binance_trade(102), NOW_US + 1_000))
    assert tracker.counts.skewed == 1


def test_what_is_played_later_keeps_how_old_it_was() -> None:
    tracker, later_us = binance_in_step(), 86_400 * SECOND_US
    (tick,) = tracker.take(Line(binance_trade(101), NOW_US + later_us + 50_000, later_us))
    assert tick.received_at_us - tick.occurred_at_us == 50_000
    assert tracker.counts.skewed == 0


def test_trouble_is_told_once_a_minute_and_always_counted(caplog: pytest.LogCaptureFixture) -> None:
    tracker = binance_in_step()
    for _ in range(100):
        tracker.take(line("nonsense"))
    assert (tracker.counts.odd, len(caplog.records)) == (100, 1)
    tracker.take(line("nonsense", NOW_US + 61 * SECOND_US))
    assert len(caplog.records) == 2


def test_seqs_of_a_symbol_follow_each_other_whatever_happens() -> None:
    tracker = binance_in_step()
    ticks = said(tracker, binance_trade(101), binance_trade(110))
    ticks += tracker.lost(NOW_US)
    tracker.connected()
    tracker.asked(1, ["BTCUSDT"])
    ticks += said(tracker, confirmed(), binance_quote(3))
    assert [tick.seq for tick in ticks] == list(range(3, 3 + len(ticks)))
