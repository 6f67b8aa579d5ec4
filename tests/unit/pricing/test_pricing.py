"""Which prices are said, and which are sent: only changes, not too often, again if they got lost."""

from typing import Any

import pytest

from domain.market import SetMarkPrice
from streams.prices import PriceTick
from streams.pricing.formulas import PricingRules
from streams.pricing.pricing import OwnMarket, Pace, Pricing
from streams.pricing.shown import Minutes, latest

NOW_US = 1_800_000_000_000_000
SECOND_US = 1_000_000
MARKET = OwnMarket("BTC-USD", shard=3, tick=1, price_scale=2, mark_price=None)


class Clock:
    """Moves a pricing on, and tells what it said."""

    def __init__(self, **rules: Any) -> None:
        self.pricing = Pricing(PricingRules(**rules), {}, Pace(interval_ms=100, valid_ms=2_000))
        self.seq = 0
        self.now_us = NOW_US
        self.market = MARKET

    def quote(self, middle: float, source: str = "binance") -> None:
        self.seq += 1
        bid, ask = f"{middle - 0.01:.3f}", f"{middle + 0.01:.3f}"
        of_source = (source, "r", self.seq, self.now_us, self.now_us)
        self.pricing.board.take(PriceTick("quote", "BTC-USD", *of_source, bid=bid, ask=ask), self.now_us)

    def beat(self, later_us: int = 0) -> tuple[list[PriceTick], list[SetMarkPrice]]:
        self.now_us += later_us
        ticks, commands = self.pricing.beat({"BTC-USD": self.market}, self.now_us, self.now_us / SECOND_US)
        assert set(commands) <= {3}, "the market's shard"
        return ticks, commands.get(3, [])

    def sent(self, later_us: int = 0) -> list[str]:
        return [command.price for command in self.beat(later_us)[1]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_price_is_said_and_sent(clock: Clock) -> None:
    clock.quote(60_000.25)
    (index, mark), (command,) = clock.beat()
    assert (index.kind, index.price, index.sources) == ("index", "60000.25", ("binance",))
    assert (mark.kind, mark.price, mark.source) == ("mark", "60000.25", "crypto-oms")
    assert (command.price, command.actor, command.symbol) == ("60000.25", "mark-pricer", "BTC-USD")
    assert command.valid_until_us == NOW_US + 2 * SECOND_US


def test_no_more_than_ten_a_second_and_only_changes(clock: Clock) -> None:
    sent = []
    for step in range(1_000):
        clock.quote(60_000 + step)
        sent += clock.sent(10_000)
    assert 90 <= len(sent) <= 100
    assert clock.sent(100_000) == ["60999"], "the last one is not lost"
    assert [clock.sent(100_000) for _ in range(9)] == [[]] * 9


def test_less_than_a_tick_is_no_change(clock: Clock) -> None:
    clock.quote(60_000)
    assert clock.sent() == ["60000"]
    clock.quote(60_000.004)
    ticks, commands = clock.beat(150_000)
    assert [tick.kind for tick in ticks] == ["index"]
    assert commands == []


def test_what_the_market_shows_already_is_not_sent(clock: Clock) -> None:
    clock.market = MARKET._replace(mark_price=60_000_00)
    clock.quote(60_000)
    assert clock.sent() == []


def test_a_command_that_got_lost_is_sent_again_when_it_has_expired(clock: Clock) -> None:
    clock.quote(60_000)
    assert clock.sent() == ["60000"]
    assert clock.sent(SECOND_US) == []
    clock.quote(60_000)
    assert clock.sent(SECOND_US) == ["60000"]
    clock.market = MARKET._replace(mark_price=60_000_00)
    clock.quote(60_000)
    assert clock.sent(2 * SECOND_US) == []


def test_where_all_sources_are_stale_nothing_is_said_or_sent(clock: Clock) -> None:
    clock.quote(60_000)
    clock.beat()
    assert clock.beat(6 * SECOND_US) == ([], [])
    clock.quote(60_001)
    assert clock.sent() == ["60001"]


def test_what_stands_is_said_again_every_second(clock: Clock) -> None:
    clock.quote(60_000)
    clock.beat()
    assert clock.beat(500_000)[0] == []
    assert [tick.kind for tick in clock.beat(500_000)[0]] == ["index", "mark"]


def test_the_own_book_moves_the_mark_within_the_band(clock: Clock) -> None:
    clock.market = MARKET._replace(bid=60_100_00, ask=60_120_00, last=60_110_00)
    clock.quote(60_000)
    assert clock.sent() == ["60110"]
    clock.market = MARKET._replace(bid=70_000_00, ask=70_010_00, last=70_000_00)
    assert clock.sent(200_000) == ["60300"]
    clock.market = clock.market.without_book()
    assert clock.sent(200_000) == ["60000"]


def test_a_market_that_is_not_listed_has_no_price(clock: Clock) -> None:
    clock.quote(60_000)
    assert clock.pricing.beat({}, NOW_US, 0.0) == ([], {})


def test_prices_are_shown_with_what_each_source_said(clock: Clock) -> None:
    clock.quote(60_000)
    clock.quote(60_001, "coinbase")
    clock.quote(70_000, "liar")
    clock.beat()
    (shown,) = latest(clock.pricing.board, clock.pricing.marked, clock.now_us)
    assert (shown["index"], shown["mark"], shown["outliers"]) == ("60000.5", "60000.5", ["liar"])
    assert [(each["source"], each["state"]) for each in shown["sources"]] == [
        ("binance", "fresh"),
        ("coinbase", "fresh"),
        ("liar", "fresh"),
    ]
    assert shown["sources"][0]["bid"] == "59999.990"


def test_a_minute_has_a_point_for_each_time_it_was_shown() -> None:
    minutes, begins_us = Minutes(), NOW_US - NOW_US % 60_000_000
    found = [
        minutes.take({"symbol": "BTC-USD", "computed_at_us": begins_us + at_us, "index": "1", "mark": None})
        for at_us in (0, 0, 59_999_999, 60_000_000)
    ]
    assert [len(each["points"]) for each in found] == [2, 2, 2, 1]
    assert found[-1]["begins_us"] == begins_us + 60_000_000
