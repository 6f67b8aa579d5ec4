"""Messages as the venues document them, and a tracker that has been asked for one symbol."""

import json
from typing import Any

from streams.feeds.binance import Binance
from streams.feeds.coinbase import Coinbase
from streams.feeds.tracker import Line, Tracker
from streams.feeds.venue import Venue

NOW_US = 1_800_000_000_000_000
TIME = "2027-01-15T08:00:00.000000Z"  # of NOW_US


def binance_trade(number: int, price: str = "61685.99", **changed: Any) -> str:
    data = {"e": "trade", "E": NOW_US // 1_000, "s": "BTCUSDT", "t": number, "p": price, "q": "0.00017000"}
    data |= {"T": NOW_US // 1_000, "m": True, "M": True, **changed}
    return json.dumps({"stream": "btcusdt@trade", "data": data})


def binance_quote(number: int, bid: str = "61685.99", ask: str = "61686.00", **changed: Any) -> str:
    data = {"u": number, "s": "BTCUSDT", "b": bid, "B": "1.25869000", "a": ask, "A": "2.44816000", **changed}
    return json.dumps({"stream": "btcusdt@bookTicker", "data": data})


def confirmed(number: int = 1) -> str:
    return json.dumps({"result": None, "id": number})


def coinbase(kind: str, **said: Any) -> str:
    return json.dumps({"type": kind, "product_id": "BTC-USD", "time": TIME, **said})


def coinbase_match(number: int, price: str = "61685.99") -> str:
    return coinbase("match", trade_id=number, sequence=number * 10, price=price, size="0.1", side="sell")


def coinbase_ticker(sequence: int, bid: str = "61685.99", ask: str = "61686.00") -> str:
    best = {"best_bid": bid, "best_bid_size": "1.2", "best_ask": ask, "best_ask_size": "2.4"}
    return coinbase("ticker", sequence=sequence, price=bid, trade_id=1, **best)


def subscriptions(*products: str) -> str:
    channels = [{"name": name, "product_ids": products} for name in ("matches", "ticker", "heartbeat")]
    return json.dumps({"type": "subscriptions", "channels": channels})


def line(text: str | bytes, at_us: int = NOW_US) -> Line:
    return Line(text, at_us)


def tracker_of(venue: Venue) -> Tracker:
    """Return a tracker that is connected and has asked (request 1) for BTC-USD."""
    theirs = {"BTC-USD": "BTCUSDT" if isinstance(venue, Binance) else "BTC-USD"}
    tracker = Tracker(venue, theirs, "run-1")
    tracker.connected()
    tracker.asked(1, theirs.values())
    return tracker


def binance_in_step() -> Tracker:
    """Return a tracker that had trade 100 and quote 500."""
    tracker = tracker_of(Binance())
    for text in (confirmed(), binance_quote(500), binance_trade(100)):
        tracker.take(line(text))
    return tracker


def coinbase_in_step() -> Tracker:
    """Return a tracker that had trade 100 and sequence 1000."""
    tracker = tracker_of(Coinbase())
    for text in (subscriptions("BTC-USD"), coinbase_match(100), coinbase_ticker(1_001)):
        tracker.take(line(text))
    return tracker
