"""What the venues' messages say, read strictly: what is odd is refused by name, and nothing else fails."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.feeds.binance import Binance
from streams.feeds.coinbase import Coinbase
from streams.feeds.venue import Beat, Confirmed, OddMessageError, Quote, Refused, Trade, Venue
from tests.unit.feeds.messages import (
    NOW_US,
    binance_quote,
    binance_trade,
    coinbase,
    coinbase_match,
    coinbase_ticker,
    confirmed,
    subscriptions,
)

VENUES: list[Venue] = [Binance(), Coinbase()]


def test_binance_is_read() -> None:
    read = Binance().read
    assert read(binance_trade(7)) == (Trade("BTCUSDT", 7, "61685.99", "0.00017", NOW_US),)
    assert read(binance_quote(9)) == (Quote("BTCUSDT", 9, "61685.99", "1.25869", "61686", "2.44816", None),)
    assert read(confirmed(3)) == (Confirmed(3),)
    assert read('{"result":["btcusdt@trade"],"id":4}') == (Beat(),)
    assert read('{"error":{"code":2,"msg":"Invalid request"},"id":1}') == (Refused("2: Invalid request"),)
    assert read('{"code":3,"msg":"Invalid JSON"}') == (Refused("3: Invalid JSON"),)


def test_of_binance_only_trades_and_quotes_are_wanted() -> None:
    assert Binance().read('{"stream":"btcusdt@depth@100ms","data":{"anything":1}}') == ()


def test_coinbase_is_read() -> None:
    read = Coinbase().read
    trade = Trade("BTC-USD", 7, "61685.99", "0.1", NOW_US)
    assert read(coinbase_match(7)) == (trade,)
    assert read(coinbase_match(7).replace('"match"', '"last_match"')) == (trade,)
    assert read(coinbase_ticker(9)) == (Quote("BTC-USD", 9, "61685.99", "1.2", "61686", "2.4", NOW_US),)
    assert read(coinbase("heartbeat", sequence=9, last_trade_id=7)) == (Beat("BTC-USD", 7, NOW_US),)
    assert read(subscriptions("BTC-USD")) == (Confirmed(None, frozenset({"BTC-USD"})),)
    assert read('{"type":"error","message":"Failed","reason":"no such product"}') == (
        Refused("Failed no such product"),
    )


def test_coinbase_has_confirmed_what_comes_on_all_channels() -> None:
    some = json.dumps({"type": "subscriptions", "channels": [{"name": "ticker", "product_ids": ["BTC-USD"]}]})
    assert Coinbase().read(some) == (Confirmed(None, frozenset()),)


def test_an_empty_side_has_no_price() -> None:
    (quote,) = Binance().read(binance_quote(1, bid="0.00000000", B="0.00000000"))
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_quantity, quote.ask) == (None, None, "61686")


@pytest.mark.parametrize(
    "odd",
    [
        binance_trade(1, price="-1"),
        binance_trade(1, price="0"),
        binance_trade(1, price="1e3"),
        binance_trade(1, price="NaN"),
        binance_trade(1, q=""),
        binance_trade(1, p=61685.99),
        binance_trade(-1),
        binance_trade(1, t="1"),
        binance_trade(1, s="ETHUSDT"),
        binance_quote(1, b=None),
        "{}",
        "[]",
        "",
        '{"stream":"btcusdt@trade"}',
        '{"stream":"btcusdt@trade","data":{}}',
        b"\xff\xfe",
        "[" * 2_000,
    ],
)
def test_what_binance_never_says_is_refused(odd: str | bytes) -> None:
    with pytest.raises(OddMessageError):
        Binance().read(odd)


@pytest.mark.parametrize(
    "odd",
    [
        coinbase_match(1, price="0"),
        coinbase_match(1).replace("Z", ""),
        coinbase_match(1).replace(":00.000000Z", "Z"),
        coinbase("ticker", sequence=1, price="1"),
        coinbase("l2update", changes=[]),
        coinbase("heartbeat", last_trade_id=-1),
        '{"type":7}',
        '{"channels":[]}',
        b"\x00",
        "[" * 2_000,
    ],
)
def test_what_coinbase_was_not_asked_for_is_refused(odd: str | bytes) -> None:
    with pytest.raises(OddMessageError):
        Coinbase().read(odd)


REAL = [binance_trade(1), binance_quote(1), coinbase_match(1), coinbase_ticker(1), subscriptions("BTC-USD")]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
)


@given(st.sampled_from(VENUES), st.binary(max_size=200) | JSON.map(lambda each: json.dumps(each).encode()))
def test_no_message_whatever_fails_otherwise(venue: Venue, message: bytes) -> None:
    _reads_or_refuses(venue, message)


@given(st.sampled_from(VENUES), st.sampled_from(REAL), st.data())
def test_no_damage_to_a_message_fails_otherwise(venue: Venue, text: str, data: st.DataObject) -> None:
    first, last = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    _reads_or_refuses(venue, text[:first] + data.draw(st.text(max_size=5)) + text[last:])


def _reads_or_refuses(venue: Venue, message: str | bytes) -> None:
    with suppress(OddMessageError):
        venue.read(message)


@pytest.mark.parametrize("venue", VENUES)
def test_what_is_asked_for_names_all_symbols(venue: Venue) -> None:
    for asked in (venue.subscribe(["AAA", "BBB"], 1), venue.unsubscribe(["AAA", "BBB"], 2)):
        assert json.loads(asked)
        assert all(name in asked.upper() for name in ("AAA", "BBB"))
