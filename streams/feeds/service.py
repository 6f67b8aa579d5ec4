"""The service `feeds`: follows the venues that are set, and plays the recordings that are, into `prices`."""

import asyncio
import logging
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from streams.feeds.binance import Binance
from streams.feeds.coinbase import Coinbase
from streams.feeds.live import LiveBounds, follow
from streams.feeds.publishing import PricePublisher, make_price_producer
from streams.feeds.replay import Recording, play
from streams.feeds.tracker import Tracker
from streams.feeds.venue import Venue

logger = logging.getLogger(__name__)

VENUES: dict[str, Callable[[], Venue]] = {Binance.name: Binance, Coinbase.name: Coinbase}

SEND_S = 0.01
TELL_S = 60.0
STOP_S = 5.0


class Played(NamedTuple):
    """A recording of a Binance symbol that stands for one of ours."""

    symbol: str
    theirs: str
    recording: Recording


@dataclass(frozen=True)
class FeedsConfig:
    """``venues``: by name, their symbol for each of ours; ``addresses``: of those that are elsewhere."""

    kafka_bootstrap: str
    partitions: int
    venues: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    played: Sequence[Played] = ()
    bounds: LiveBounds = field(default_factory=LiveBounds)


def run(config: FeedsConfig, on_ready: Callable[[], None]) -> None:
    """Run until SIGTERM or SIGINT. Where anything fails that nobody foresaw, the process ends with it."""
    asyncio.run(_run(config, on_ready))


async def _run(config: FeedsConfig, on_ready: Callable[[], None]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    publisher = PricePublisher(make_price_producer(config.kafka_bootstrap, "feeds"), config.partitions)
    trackers, work = _work(config, publisher)
    tasks = [asyncio.ensure_future(each) for each in (*work, _send(publisher), _tell(trackers, publisher))]
    on_ready()
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await _until_stopped(tasks, stopped)
    finally:
        for task in (*tasks, stopped):
            task.cancel()
        await asyncio.gather(*tasks, stopped, return_exceptions=True)
        await asyncio.to_thread(publisher.flush, STOP_S)


async def _until_stopped(tasks: Sequence[asyncio.Future[None]], stopped: asyncio.Future[Any]) -> None:
    """A recording that has ended is fine; whatever ends by an error is not."""
    waiting: set[asyncio.Future[Any]] = {*tasks, stopped}
    while not stopped.done():
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopped}:
            task.result()


def _work(
    config: FeedsConfig, publisher: PricePublisher
) -> tuple[list[Tracker], list[Coroutine[Any, Any, None]]]:
    run_id = uuid4().hex
    trackers: list[Tracker] = []
    work: list[Coroutine[Any, Any, None]] = []
    for name, theirs in config.venues.items():
        venue = VENUES[name]()
        tracker = Tracker(venue, theirs, run_id)
        address = config.addresses.get(name) or venue.address
        trackers.append(tracker)
        work.append(follow(address, tracker, publisher.add, config.bounds))
    for each in config.played:
        tracker = Tracker(Binance(), {each.symbol: each.theirs}, run_id)
        trackers.append(tracker)
        work.append(play(each.recording, tracker, publisher.add))
    return trackers, work


async def _send(publisher: PricePublisher) -> None:
    while True:
        publisher.send_due()
        await asyncio.sleep(SEND_S)


async def _tell(trackers: Sequence[Tracker], publisher: PricePublisher) -> None:
    """Say once a minute how it goes: what was odd, missed or repeated is part of it."""
    while True:
        await asyncio.sleep(TELL_S)
        for tracker in trackers:
            symbols = ", ".join(sorted(tracker.in_step)) or "none"
            skew_ms = tracker.skew_us // 1_000
            text = tracker.counts.as_text()
            logger.info("%s: in step: %s; skew %s ms; %s", tracker.venue.name, symbols, skew_ms, text)
        logger.info("published %s ticks, dropped %s", publisher.published, publisher.dropped)


def played(symbol: str, path: Path, speed: float, *, repeats: bool) -> Played:
    """Return what plays a file as a market of ours. The file's name says which of Binance's symbols it is of:
    `binance-btcusdt-2024-08-09.jsonl.gz`. Raises ``ValueError``.
    """
    venue, _, rest = path.name.partition("-")
    theirs = rest.partition("-")[0].upper()
    if venue != Binance.name or not theirs.isalnum():
        raise ValueError(f"{path.name} is no recording such as binance-btcusdt-2024-08-09.jsonl.gz")
    return Played(symbol, theirs, Recording(path, speed, repeats))
