"""The fan-out benchmark's parts: reading frames without decoding them, and what is made of the counts."""

import asyncio
from typing import Any

import pytest

from api.market_data.messages import BookUpdate, encoder
from bench.fanout import report, run
from bench.fanout.subscribers import Asked, Counted, Subscriber

ASKED = Asked(port=1, count=1, channels=[{"channel": "book", "symbol": "A-B"}])
OPENED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data


def frame(payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes([size])
    else:
        head = b"\x7e" + size.to_bytes(2, "big") if size < 65_536 else b"\x7f" + size.to_bytes(8, "big")
    return b"\x81" + head + payload


def update(**more: Any) -> bytes:
    told = BookUpdate(
        symbol="A-B", seq=3, previous=2, depth="full", occurred_at_us=1_000, published_at_ms=2, **more
    )
    return encoder.encode(told)


@pytest.mark.parametrize("step", [1, 7, 100_000])
async def test_frames_are_counted_however_they_are_cut(step: int) -> None:
    counted = Counted()
    counted.begin()
    subscriber, wire = Subscriber(ASKED, counted), Wire()
    subscriber.connection_made(wire)
    large = update(bids=[("1.5", "2")] * 8_000)
    both = b"[" + update() + b"," + update() + b"]"
    data = OPENED + b"".join(
        map(frame, [b'{"type":"welcome"}', b'{"type":"subscribed"}', update(), large, both])
    )
    for start in range(0, len(data), step):
        subscriber.data_received(data[start : start + step])
    assert subscriber.ready.done()
    assert (counted.frames, counted.messages) == (3, 4)
    assert counted.published_ms.total == counted.decided_ms.total == 4
    assert b"subscribe" in wire.written


async def test_a_close_is_counted_with_its_code() -> None:
    counted = Counted()
    subscriber = Subscriber(ASKED, counted)
    subscriber.connection_made(Wire())
    close = b"\x88\x06" + (4413).to_bytes(2, "big") + b"slow"
    subscriber.data_received(OPENED + frame(b'{"type":"subscribed"}') + close)
    assert counted.closes == {4413: 1}


async def test_a_handshake_that_is_refused_is_told() -> None:
    subscriber = Subscriber(ASKED, Counted())
    subscriber.connection_made(Wire())
    subscriber.data_received(b"HTTP/1.1 404 Not Found\r\n\r\n")
    with pytest.raises(ConnectionError, match="404"):
        await subscriber.ready


def counts(messages: int, ms: int) -> dict[str, Any]:
    counted = Counted()
    for _ in range(messages):
        counted.messages += 1
        counted.frames += 1
        counted.published_ms.add(ms)
        counted.decided_ms.add(ms + 5)
    return {**counted.as_object(), "subscribers": 500}


def test_the_processes_counts_make_one_row() -> None:
    row = report.row("book_5", 5, 0, [counts(99, 10), counts(1, 200)], 2.0, {"market-data": 0.002})
    assert row["subscribers"] == 1_000
    assert row["messages_per_second"] == 50
    assert row["cpu_us_per_message"] == 20
    assert row["value"] == pytest.approx(10, rel=0.02)
    assert row["publish_to_receive_ms"]["p999"] == pytest.approx(200, rel=0.02)
    assert row["decided_to_receive_ms"]["p50"] == pytest.approx(15, rel=0.02)
    assert report.missed(row) == []


def test_what_is_too_late_or_closed_is_a_miss() -> None:
    row = report.row("book_5", 5, 0, [{**counts(10, 150), "closes": {"4413": 2}}], 2.0, {})
    late, closed = report.missed(row)
    assert late.startswith("book_5: P99 of 100 ms from publishing to receipt: 1")
    assert closed == "book_5: 2 subscribers that read were closed"


def test_a_row_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="no row 'book_7'; there are: book_1, "):
        run.chosen(["book_7"])
    assert run.chosen([]) == list(run.ROWS)
