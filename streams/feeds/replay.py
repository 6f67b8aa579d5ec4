"""Playing a recording: a venue's own messages, read by the same adapter as if they came in now.

A recording is a gzip file of lines, each a time of receipt in nanoseconds since 1970 and the message, as
`hftbacktest` records Binance. At speed 1 the messages come as far apart as they came, at speed N so many
times as fast, at 0 as fast as they can be read. Times are moved along: what was 50 ms old when it came is so
again.
"""

import asyncio
import gzip
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from streams.feeds.tracker import Line, Tracker
from streams.prices import PriceTick

logger = logging.getLogger(__name__)

LINE_BYTES_MAX = 1_048_576
LINES_AT_ONCE = 500
"""Between two looks at anything else."""
STAMP_DIGITS_MAX = 19
SLEEP_S_MIN = 0.002
RESTATE_S = 0.25

Clock = Callable[[], int]


@dataclass(frozen=True)
class Recording:
    """``speed`` 0: as fast as it can be read. ``repeats``: begin again at the end, as another connection."""

    path: Path
    speed: float = 1.0
    repeats: bool = False


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (received in microseconds, message). A line that is none is passed on whole, as received with the
    one before it: the adapter counts and tells it. Raises ``OSError``, ``EOFError``.
    """
    received_us = 0
    with gzip.open(path) as file:
        while line := file.readline(LINE_BYTES_MAX):
            stamp, _, message = line.rstrip(b"\n").partition(b" ")
            if stamp.isdigit() and len(stamp) <= STAMP_DIGITS_MAX:
                received_us = int(stamp) // 1_000
            else:
                message = line
            yield received_us, message


async def play(recording: Recording, tracker: Tracker, publish: Callable[[list[PriceTick]], None]) -> None:
    """Play a recording to its end, or for ever if it repeats; at its end its prices are taken back."""
    restating = asyncio.ensure_future(_restate(tracker, publish))
    try:
        while True:
            tracker.begin_again()
            tracker.connected()
            tracker.confirm(tracker.theirs.values())
            async for line in lines(recording, now_us):
                publish(tracker.take(line))
                _confirm_again(tracker)
            publish(tracker.lost(now_us()))
            logger.info("%s: played to its end; %s", recording.path.name, tracker.counts.as_text())
            if not recording.repeats:
                return
    finally:
        restating.cancel()


async def _restate(tracker: Tracker, publish: Callable[[list[PriceTick]], None]) -> None:
    while True:
        await asyncio.sleep(RESTATE_S)
        publish(tracker.restate(now_us()))


def _confirm_again(tracker: Tracker) -> None:
    """A recording cannot be asked again: after a gap the next quote will do."""
    if tracker.to_ask_again:
        tracker.confirm(tracker.to_ask_again)
        tracker.to_ask_again.clear()


async def lines(recording: Recording, clock: Clock) -> AsyncIterator[Line]:
    """Yield the lines when they are due; their receipt is now."""
    began_us, first_us = clock(), None
    for number, (recorded_us, message) in enumerate(read_lines(recording.path)):
        if first_us is None:
            first_us = recorded_us
        if recording.speed:
            due_us = began_us + int((recorded_us - first_us) / recording.speed)
            wait_s = (due_us - clock()) / 1_000_000
            if wait_s > SLEEP_S_MIN:
                await asyncio.sleep(wait_s)
        if number % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
        received_us = clock()
        yield Line(message, received_us, received_us - recorded_us)


def now_us() -> int:
    return time.time_ns() // 1_000
