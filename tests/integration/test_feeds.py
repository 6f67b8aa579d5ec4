"""A feed against a real WebSocket server that plays recordings, and drops, skips, raves or falls silent."""

import asyncio
import gzip
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import pytest

from stack.settings import CHECKOUT
from streams.feeds.binance import Binance
from streams.feeds.coinbase import Coinbase
from streams.feeds.live import LiveBounds, follow
from streams.feeds.replay import Recording, play, read_lines
from streams.feeds.tracker import Tracker
from streams.feeds.venue import Venue
from streams.prices import PriceTick
from tests.integration.venue_server import Script, Session, venue_server
from tests.unit.feeds.messages import (
    binance_quote,
    binance_trade,
    coinbase,
    coinbase_match,
    coinbase_ticker,
    subscriptions,
)

RECORDING = CHECKOUT.parent / "shared" / "data" / "binance-btcusdt-2024-08-09.jsonl.gz"
PATIENCE_S = 60.0
HASTY = LiveBounds(
    confirm_ms=3_000,
    silence_ms=1_500,
    beat_ms=300,
    ask_ms_min=10,
    again_ms_min=10,
    again_ms_max=50,
    tend_ms=50,
)

recorded = pytest.mark.skipif(not RECORDING.exists(), reason="the recording lies beside the checkout")


class Followed:
    """A feed that is followed, and what it said."""

    def __init__(self, venue: Venue) -> None:
        theirs = "BTCUSDT" if isinstance(venue, Binance) else "BTC-USD"
        self.tracker = Tracker(venue, {"BTC-USD": theirs}, "run-1")
        self.ticks: list[PriceTick] = []

    async def until(self, seen: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not seen():  # noqa: ASYNC110 - nobody says when a tick has come
                await asyncio.sleep(0.01)

    def trades(self) -> list[str | None]:
        return [tick.price for tick in self.ticks if tick.kind == "trade"]

    def taken_back(self) -> int:
        return sum(tick.kind == "quote" and tick.bid is None and tick.ask is None for tick in self.ticks)


@asynccontextmanager
async def following(venue: Venue, *scripts: Script, bounds: LiveBounds = HASTY) -> AsyncIterator[Followed]:
    followed = Followed(venue)
    async with venue_server(scripts) as address:
        work = asyncio.ensure_future(follow(address, followed.tracker, followed.ticks.extend, bounds))
        try:
            yield followed
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


async def well(session: Session) -> None:
    """Confirm, say a quote and a trade, and stay."""
    await session.confirm()
    await session.say(binance_quote(1), binance_trade(500, "61000"))
    await session.stay()


# --- What a venue does ----------------------------------------------------------------------------------


async def test_prices_come_once_the_subscription_is_confirmed() -> None:
    async with following(Binance(), well) as followed:
        await followed.until(followed.trades)
    assert [tick.kind for tick in followed.ticks[:2]] == ["quote", "trade"]
    assert followed.tracker.counts.connections == 1


async def test_a_quiet_venue_that_answers_is_still_there() -> None:
    async with following(Binance(), well) as followed:
        await followed.until(lambda: len(followed.ticks) >= 4)
    assert followed.tracker.counts.connections == 1
    assert [tick.kind for tick in followed.ticks[2:4]] == ["quote", "quote"], "the quote stands"
    assert followed.ticks[3].received_at_us > followed.ticks[2].received_at_us


@pytest.mark.parametrize("how", ["drop", "hang_up"])
async def test_a_lost_connection_takes_prices_back_and_is_made_again(how: str) -> None:
    async def breaks(session: Session) -> None:
        await session.confirm()
        await session.say(binance_quote(1), binance_trade(499, "60000"))
        await asyncio.sleep(0.1)
        if how == "drop":
            session.drop()
        else:
            await session.hang_up()

    async with following(Binance(), breaks, well) as followed:
        await followed.until(lambda: len(followed.trades()) == 2)
    assert followed.trades() == ["60000", "61000"]
    assert (followed.taken_back(), followed.tracker.counts.connections) == (1, 2)


async def test_a_venue_that_falls_silent_is_left_and_asked_anew() -> None:
    async def falls_silent(session: Session) -> None:
        await session.confirm()
        await session.say(binance_quote(1), binance_trade(499, "60000"))

    async with following(Binance(), falls_silent, well) as followed:
        await followed.until(lambda: len(followed.trades()) == 2)
    assert (followed.taken_back(), followed.tracker.counts.connections) == (1, 2)


async def test_a_venue_that_never_confirms_is_left() -> None:
    async def ignores(session: Session) -> None:
        while True:
            await session.say(binance_quote(time.time_ns()))
            await asyncio.sleep(0.05)

    async with following(Binance(), ignores, well) as followed:
        await followed.until(followed.trades)
    assert followed.tracker.counts.connections == 2


async def test_a_gap_is_closed_by_asking_again() -> None:
    async def skips(session: Session) -> None:
        await session.confirm()
        await session.say(binance_quote(1), binance_trade(500, "60000"), binance_trade(503, "1"))
        await session.confirm("UNSUBSCRIBE")
        await session.say(binance_trade(504, "2"))
        await session.confirm("SUBSCRIBE")
        await session.say(binance_quote(2), binance_trade(509, "61000"))
        await session.stay()

    async with following(Binance(), skips) as followed:
        await followed.until(lambda: len(followed.trades()) == 2)
    assert followed.trades() == ["60000", "61000"], "nothing was told while something was missing"
    counts = followed.tracker.counts
    assert (followed.taken_back(), counts.gaps, counts.connections) == (1, 1, 1)


async def test_garbage_costs_nothing_but_itself() -> None:
    async def raves(session: Session) -> None:
        await session.confirm()
        await session.say(binance_quote(1), "garbage", b"\xff\xfe\x00", "[]", binance_trade(1, "NaN"))
        await session.say(json.dumps({"error": {"code": 1, "msg": "?"}}), binance_trade(500, "61000"))
        await session.stay()

    async with following(Binance(), raves) as followed:
        await followed.until(followed.trades)
    counts = followed.tracker.counts
    assert (counts.odd, counts.refused, counts.connections) == (4, 1, 1)


async def test_a_message_of_a_size_that_no_venue_sends_ends_the_connection() -> None:
    async def floods(session: Session) -> None:
        await session.confirm()
        await session.say(binance_quote(1), "x" * (HASTY.message_bytes_max + 1))
        await session.stay()

    async with following(Binance(), floods, well) as followed:
        await followed.until(followed.trades)
    assert followed.tracker.counts.connections == 2


async def test_coinbase_is_followed_by_its_own_rules() -> None:
    async def serves(session: Session) -> None:
        request = await session.asked.get()
        assert (request["type"], request["product_ids"]) == ("subscribe", ["BTC-USD"])
        await session.say(subscriptions("BTC-USD"), coinbase_match(7, "60000"), coinbase_ticker(80))
        await session.say(coinbase("heartbeat", last_trade_id=9))
        assert (await session.asked.get())["type"] == "unsubscribe"
        await session.say(subscriptions())
        assert (await session.asked.get())["type"] == "subscribe"
        await session.say(subscriptions("BTC-USD"), coinbase_ticker(99), coinbase_match(10, "61000"))
        while True:
            await session.say(coinbase("heartbeat", last_trade_id=10))
            await asyncio.sleep(0.2)

    async with following(Coinbase(), serves) as followed:
        await followed.until(followed.trades)
    assert followed.trades() == ["61000"]
    counts = followed.tracker.counts
    assert (followed.taken_back(), counts.gaps, counts.connections) == (1, 1, 1)


# --- A recording ------------------------------------------------------------------------------------------


def trades_of(path: Path, seconds: float | None = None) -> list[tuple[str, str]]:
    """Return price and quantity of each trade after the first quote, read by other means."""
    found, first_ns, quoted = [], None, False
    with gzip.open(path, "rt") as file:
        for text in file:
            stamp, _, message = text.partition(" ")
            first_ns = first_ns or int(stamp)
            if seconds is not None and int(stamp) - first_ns >= seconds * 1e9:
                break
            said = json.loads(message)
            if "bookTicker" in said["stream"]:
                quoted = True
            elif quoted and "@trade" in said["stream"]:
                found.append((said["data"]["p"], said["data"]["q"]))
    return found


def shown(ticks: list[PriceTick]) -> list[tuple[str, str]]:
    return [
        (f"{float(each.price or 0):.8f}", f"{float(each.quantity or 0):.8f}")
        for each in ticks
        if each.kind == "trade"
    ]


@recorded
async def test_a_recording_over_the_network_gives_the_same_ticks_as_the_file() -> None:
    lines = [message.decode() for _, message in islice(read_lines(RECORDING), 3_000)]

    async def plays(session: Session) -> None:
        await session.confirm()
        await session.say(*lines)
        await session.stay()

    async with following(Binance(), plays) as followed:
        await followed.until(lambda: followed.tracker.counts.messages >= len(lines))
    sent = Counter(json.loads(each)["stream"].partition("@")[2] for each in lines)
    assert sent["trade"] > 100
    trades = trades_of(RECORDING)[: len(followed.trades())]
    assert shown(followed.ticks) == trades
    assert (followed.tracker.counts.odd, followed.tracker.counts.gaps) == (0, 0)


@recorded
async def test_a_whole_recording_as_fast_as_it_can_be_read() -> None:
    followed = Followed(Binance())
    await play(Recording(RECORDING, speed=0), followed.tracker, followed.ticks.extend)
    expected = trades_of(RECORDING)
    assert shown(followed.ticks) == expected
    assert len(expected) > 9_000
    counts = followed.tracker.counts
    assert (counts.odd, counts.gaps, counts.refused, followed.taken_back()) == (0, 0, 0, 1)
    assert [tick.seq for tick in followed.ticks] == list(range(1, len(followed.ticks) + 1))


@recorded
async def test_some_seconds_of_a_recording_at_the_speed_it_was_made(tmp_path: Path) -> None:
    seconds, slice_ = 3, tmp_path / "binance-btcusdt-slice.jsonl.gz"
    _cut(slice_, seconds)
    followed, began_us = Followed(Binance()), time.time_ns() // 1_000
    await play(Recording(slice_, speed=1), followed.tracker, followed.ticks.extend)
    took_us = time.time_ns() // 1_000 - began_us
    assert shown(followed.ticks) == trades_of(RECORDING, seconds)
    received = [tick.received_at_us for tick in followed.ticks]
    assert received == sorted(received)
    assert took_us >= (seconds - 1) * 1_000_000, "no message came before it was due"
    assert followed.tracker.counts.skewed > 0, "that venue's clock was 1.3 s ahead of the recorder's"
    ahead = [tick.occurred_at_us - tick.received_at_us for tick in followed.ticks if tick.kind == "trade"]
    assert all(1_000_000 < each < 1_500_000 for each in ahead)


def _cut(path: Path, seconds: float) -> None:
    with gzip.open(RECORDING) as source, gzip.open(path, "wb") as target:
        first = None
        for text in source:
            stamp = int(text.partition(b" ")[0])
            first = first or stamp
            if stamp - first >= seconds * 1e9:
                return
            target.write(text)


async def test_a_recording_with_a_gap_and_garbage_is_played_on(tmp_path: Path) -> None:
    path = tmp_path / "binance-btcusdt-odd.jsonl.gz"
    said = [
        binance_quote(1),
        binance_trade(1),
        "rubbish",
        binance_trade(9),
        binance_quote(2),
        binance_trade(10),
    ]
    texts = [f"{1_723_161_600_000_000_000 + number} {text}\n" for number, text in enumerate(said)]
    path.write_bytes(gzip.compress("".join([*texts, "no stamp at all\n"]).encode()))
    followed = Followed(Binance())
    await play(Recording(path, speed=0), followed.tracker, followed.ticks.extend)
    assert len(followed.trades()) == 2
    counts = followed.tracker.counts
    assert (counts.odd, counts.gaps, counts.missed, followed.taken_back()) == (2, 1, 7, 2)


async def test_a_recording_that_repeats_says_all_of_it_again(tmp_path: Path) -> None:
    path = tmp_path / "binance-btcusdt-short.jsonl.gz"
    texts = [f"{1_723_161_600_000_000_000} {text}\n" for text in (binance_quote(1), binance_trade(1))]
    path.write_bytes(gzip.compress("".join(texts).encode()))
    followed = Followed(Binance())
    work = asyncio.ensure_future(
        play(Recording(path, speed=0, repeats=True), followed.tracker, followed.ticks.extend)
    )
    await followed.until(lambda: len(followed.trades()) >= 3)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert followed.tracker.counts.repeated == 0
