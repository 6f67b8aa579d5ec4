"""Channels, connections and slow readers, without sockets: what each client is told, and what it holds
then.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import msgspec
import pytest

from api.market_data import bounds
from api.market_data.board import Board
from api.market_data.bounds import StreamBounds
from api.market_data.connection import CLOSES, Connection
from api.market_data.follower import BookFollower, GapError
from domain.control import DelistMarket, SetMarketStatus, SetVenueStatus
from domain.ids import order_id
from stack.settings import CHECKOUT
from streams.codec import decode_recorded
from streams.progress import Place
from streams.tailing import Piece
from streams.topics import EXECUTIONS, destination
from tests.unit.projections.test_book_orders import Crowded
from tests.unit.projections.trading import Venue, list_market, opened

SYMBOL = "BTC-USD"
LIMITS = StreamBounds()
ACCOUNTS = ("ann", "bob", "cid")


class Exchange:
    """A venue whose events reach a board in pieces, as the processor publishes them."""

    def __init__(self, seed: int = 1, limits: StreamBounds = LIMITS) -> None:
        self.venue = opened(Venue(), *ACCOUNTS)
        self.board = Board(limits)
        self.chance = random.Random(seed)  # noqa: S311 - repeatable
        self.wishes = Crowded(self.chance, ACCOUNTS, (SYMBOL,), partial(order_id, 0))
        self.given = 0
        self.pieces()

    def pieces(self) -> None:
        """Give the board what has happened since the last time."""
        states = self.venue.states
        new, self.given = [decode_recorded(state) for state in states[self.given :]], len(states)
        own = [each for each in new if destination(each.event, 4).topic == EXECUTIONS]
        if own:
            self.board.take(Piece(Place(EXECUTIONS, 0, 0), own, 7))

    def trade(self, batches: int = 1) -> None:
        for _ in range(batches):
            commands = [self.wishes.next(self.venue.now_us) for _ in range(self.chance.randint(1, 4))]
            self.venue.batch(*commands)
            self.pieces()


class Client:
    """A connection, and what was read of it."""

    def __init__(self, exchange: Exchange, limits: StreamBounds = LIMITS) -> None:
        self.exchange = exchange
        self.connection = Connection(exchange.board, limits, 0.0)

    def ask(self, **message: Any) -> None:
        self.connection.take(msgspec.json.encode(message), 1.0)

    def subscribe(self, *wanted: dict[str, Any]) -> None:
        self.ask(op="subscribe", id=7, channels=list(wanted))

    def read(self) -> list[dict[str, Any]]:
        """Return all messages that wait."""
        return list(self._read())

    def _read(self) -> Iterator[dict[str, Any]]:
        outbox = self.connection.outbox
        while outbox._waiting or outbox._owed:
            step = outbox.next()
            try:
                step.send(None)
            except StopIteration as done:
                event, size = done.value
            outbox.sent(size)
            frame = msgspec.json.decode(event["text"])
            yield from frame if isinstance(frame, list) else [frame]


def kinds() -> list[BookFollower]:
    return [
        BookFollower(SYMBOL, "book"),
        BookFollower(SYMBOL, "book", "10"),
        BookFollower(SYMBOL, "orders"),
    ]


def apply(followers: list[BookFollower], messages: list[dict[str, Any]]) -> None:
    for message in messages:
        for follower in followers:
            follower.take(message)


def same_as_the_board(exchange: Exchange, follower: BookFollower) -> None:
    fresh = Client(exchange)
    other = BookFollower(SYMBOL, follower.channel, follower.depth)
    fresh.subscribe(other.wanted())
    apply([other], fresh.read())
    assert follower.sides == other.sides
    assert follower.seq == other.seq


@pytest.mark.parametrize("seed", range(5))
def test_a_book_that_is_followed_is_the_servers_after_each_message(seed: int) -> None:
    exchange, followers = Exchange(seed), kinds()
    exchange.trade(20)
    client = Client(exchange)
    client.subscribe(*(follower.wanted() for follower in followers))
    for _ in range(60):
        exchange.trade()
        apply(followers, client.read())
        for follower in followers:
            same_as_the_board(exchange, follower)
    assert all(follower.checked > 3 and follower.snapshots == 1 for follower in followers)


@pytest.mark.parametrize("seed", range(5))
def test_who_comes_back_goes_on_where_it_was(seed: int) -> None:
    exchange, followers = Exchange(seed), kinds()
    client = Client(exchange)
    client.subscribe(*(follower.wanted() for follower in followers))
    for _ in range(10):
        exchange.trade(2)
        apply(followers, client.read())
        client.connection.leave(0.0)
        exchange.trade(3)
        client = Client(exchange)
        client.subscribe(*(follower.wanted() for follower in followers))
        messages = client.read()
        assert all(each["resumed"] for each in messages if each["type"] == "subscribed")
        apply(followers, messages)
        for follower in followers:
            same_as_the_board(exchange, follower)
    assert all(follower.snapshots == 1 for follower in followers)


def test_who_was_away_for_too_long_begins_with_a_snapshot() -> None:
    limits = replace(LIMITS, ring_messages_max=3)
    exchange, follower = Exchange(limits=limits), BookFollower(SYMBOL)
    client = Client(exchange, limits)
    client.subscribe(follower.wanted())
    apply([follower], client.read())
    exchange.trade(30)
    again = Client(exchange, limits)
    again.subscribe(follower.wanted())
    messages = again.read()
    assert [each["resumed"] for each in messages if each["type"] == "subscribed"] == [False]
    apply([follower], messages)
    assert follower.snapshots == 2
    same_as_the_board(exchange, follower)


def test_a_message_that_is_missing_is_noticed() -> None:
    exchange, follower = Exchange(), BookFollower(SYMBOL)
    client = Client(exchange)
    client.subscribe(follower.wanted())
    apply([follower], client.read())
    exchange.trade(20)
    messages = [each for each in client.read() if each["type"] == "book"]
    with pytest.raises(GapError):
        apply([follower], messages[1:])
    assert follower.seq is None


# --- Slow readers
# ---------------------------------------------------------------------------------------------

SLOW = replace(LIMITS, conflate_bytes=2_000, send_bytes_max=6_000)


@pytest.mark.parametrize("seed", range(5))
def test_a_slow_reader_of_books_is_told_less_often_and_holds_the_same_book(seed: int) -> None:
    exchange, followers = Exchange(seed, SLOW), kinds()[:2]
    client = Client(exchange, SLOW)
    client.subscribe(*(follower.wanted() for follower in followers), {"channel": "quote", "symbol": SYMBOL})
    for _ in range(5):
        exchange.trade(60)
        assert client.connection.outbox.bytes <= SLOW.send_bytes_max
        apply(followers, client.read())
        for follower in followers:
            same_as_the_board(exchange, follower)
    assert client.connection.closing is None
    assert client.connection.outbox.conflated > 0


def test_levels_that_are_owed_come_in_one_message_or_in_a_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    for most, kind in ((1_000, "book"), (1, "book_snapshot")):
        monkeypatch.setattr(bounds, "MERGED_LEVELS_MAX", most)
        exchange, follower = Exchange(3, SLOW), BookFollower(SYMBOL)
        client = Client(exchange, SLOW)
        client.subscribe(follower.wanted())
        apply([follower], client.read())
        exchange.trade(100)
        messages = client.read()
        assert messages[-1]["type"] == kind
        assert messages[-1].get("conflated", False) is (kind == "book")
        apply([follower], messages)
        same_as_the_board(exchange, follower)


@pytest.mark.parametrize("channel", ["orders", "trades"])
def test_a_slow_reader_of_what_cannot_be_left_out_is_closed(channel: str) -> None:
    exchange = Exchange(2, SLOW)
    client = Client(exchange, SLOW)
    client.subscribe({"channel": channel, "symbol": SYMBOL})
    most = 0
    for _ in range(400):
        exchange.trade()
        most = max(most, client.connection.outbox.bytes)
    assert client.connection.closing == "slow_reader"
    assert most <= SLOW.send_bytes_max + SLOW.send_bytes_max // 4
    code, sentence = CLOSES["slow_reader"]
    assert code == 4413
    assert "not read in time" in sentence


def test_every_reason_to_close_fits_a_close_frame() -> None:
    assert all(len(f"{reason}: {sentence}".encode()) <= 123 for reason, (_, sentence) in CLOSES.items())


# --- The other channels
# --------------------------------------------------------------------------------------


def test_quotes_trades_and_tickers_tell_what_the_book_and_the_trades_are() -> None:
    exchange = Exchange(4)
    client = Client(exchange)
    client.subscribe(
        *({"channel": each, "symbol": SYMBOL} for each in ("quote", "trades", "ticker", "status"))
    )
    first = {each["type"]: each for each in client.read()}
    assert first["status"]["status"] == "open"
    assert first["status"]["rules"]["tick_size"] == "0.01"
    exchange.trade(80)
    now_us = exchange.venue.now_us
    exchange.board.tick(now_us, 1.0)
    told = client.read()
    market = exchange.board.market(SYMBOL)
    quotes = [each for each in told if each["type"] == "quote"]
    (price, _), *_ = market.book.best("buy", 1)
    assert float(quotes[-1]["bid"]) == price / 100
    trades = [trade for each in told if each["type"] == "trades" for trade in each["trades"]]
    assert [trade["trade_id"] for trade in trades] == list(range(1, market.last_trade_id + 1))
    ticker = [each for each in told if each["type"] == "ticker"][-1]
    assert ticker["count"] == len(trades)
    assert ticker["last"] == trades[-1]["price"]


def test_each_message_names_the_one_before_it() -> None:
    exchange = Exchange(5)
    client = Client(exchange)
    client.subscribe(*({"channel": each, "symbol": SYMBOL} for each in ("trades", "orders", "book")))
    exchange.trade(50)
    last: dict[str, int] = {}
    for message in client.read():
        kind = message["type"].removesuffix("_snapshot")
        if kind in {"trades", "orders", "book"}:
            assert message.get("previous", last.get(kind)) == last.get(kind)
            last[kind] = message["seq"]
    assert len(last) == 3


def test_a_market_that_is_listed_while_somebody_is_connected_can_be_subscribed() -> None:
    exchange = Exchange()
    client = Client(exchange)
    client.subscribe({"channel": "status", "symbol": "SOL-USD"})
    assert client.read()[-1]["code"] == "not_found"
    exchange.venue.batch(list_market("SOL-USD"))
    exchange.pieces()
    client.subscribe({"channel": "status", "symbol": "SOL-USD"})
    assert [each["type"] for each in client.read()] == ["subscribed", "status"]


def test_a_market_that_is_delisted_and_comes_back_says_so() -> None:
    exchange = Exchange()
    client = Client(exchange)
    client.subscribe({"channel": "status", "symbol": SYMBOL})
    client.read()
    closing = SetMarketStatus(command_id="c", actor="op", symbol=SYMBOL, status="closed", reason="over")
    for command in (closing, DelistMarket(command_id="d", actor="op", symbol=SYMBOL)):
        exchange.venue.batch(command)
        exchange.pieces()
    exchange.venue.batch(list_market(SYMBOL))
    exchange.pieces()
    assert [each["status"] for each in client.read()] == ["closed", "delisted", "open"]


def test_the_venues_status_is_told_on_each_of_its_markets() -> None:
    exchange = Exchange()
    client = Client(exchange)
    client.subscribe({"channel": "status", "symbol": SYMBOL})
    client.read()
    exchange.venue.batch(SetVenueStatus(command_id="v", actor="op", status="halted", reason="maintenance"))
    exchange.pieces()
    (told,) = client.read()
    assert (told["status"], told["venue_status"]) == ("open", "halted")


def test_the_checksum_in_the_documents_is_the_servers() -> None:
    page = (CHECKOUT / "docs" / "market-data.md").read_text()
    example = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own page
    exchange, follower = Exchange(6), BookFollower(SYMBOL)
    exchange.trade(50)
    client = Client(exchange)
    client.subscribe(follower.wanted())
    (snapshot,) = [each for each in client.read() if each["type"] == "book_snapshot"]
    assert snapshot["bids"]
    assert names["checksum"](snapshot["bids"], snapshot["asks"]) == snapshot["checksum"]


# --- Bounds
# ----------------------------------------------------------------------------------------------------


def test_what_a_client_may_not_is_told_and_the_connection_goes_on() -> None:
    exchange = Exchange()
    client = Client(exchange, replace(LIMITS, subscriptions_max=1))
    client.subscribe({"channel": "quote", "symbol": SYMBOL})
    client.subscribe({"channel": "quote", "symbol": SYMBOL})
    client.subscribe({"channel": "book", "symbol": SYMBOL})
    client.ask(op="unsubscribe", channels=[{"channel": "trades", "symbol": SYMBOL}])
    client.ask(op="ping", id="a")
    told = client.read()
    assert [each["code"] for each in told if each["type"] == "error"] == [
        "already_subscribed",
        "too_many_subscriptions",
        "not_subscribed",
    ]
    assert told[-1] == {"type": "pong", "id": "a"}
    assert client.connection.closing is None


def test_frames_that_cannot_be_read_close_in_the_end() -> None:
    client = Client(Exchange())
    for _ in range(LIMITS.bad_frames_max):
        assert client.connection.closing is None
        client.connection.take(b'{"op": "subscribe"', 1.0)
    assert client.connection.closing == "too_many_errors"


def test_too_many_frames_a_second_close() -> None:
    client = Client(Exchange())
    for number in range(3 * LIMITS.frames_per_s_max):
        client.connection.take(b'{"op":"ping"}', 1.0 + number / 10_000)
    assert client.connection.closing == "too_many_frames"


def test_a_frame_that_is_too_large_closes() -> None:
    client = Client(Exchange())
    client.connection.take(b" " * (LIMITS.frame_bytes_max + 1), 1.0)
    assert client.connection.closing == "too_large"


def test_a_channel_that_nobody_comes_back_to_is_let_go() -> None:
    exchange = Exchange()
    client = Client(exchange)
    client.subscribe({"channel": "book", "symbol": SYMBOL})
    client.connection.leave(10.0)
    exchange.board.tick(1, 10.0 + LIMITS.channel_idle_ms_max / 1000 - 1)
    assert exchange.board.channels
    exchange.board.tick(1, 10.0 + LIMITS.channel_idle_ms_max / 1000 + 1)
    assert not exchange.board.channels
    exchange.trade(5)


def test_a_connection_that_is_told_nothing_hears_a_heartbeat() -> None:
    client = Client(Exchange())
    client.read()
    client.connection.heartbeat(LIMITS.heartbeat_ms / 1000 - 1, 5)
    assert client.read() == []
    client.connection.heartbeat(LIMITS.heartbeat_ms / 1000 + 1, 5)
    assert client.read() == [{"type": "heartbeat", "sent_at_ms": 5}]
