"""How committed events become records: at once after a pause, else those of all partitions together."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from confluent_kafka import Producer

from streams import publisher as publishing_module
from streams.publisher import GATHER_MS_MAX, SLICE_BYTES_MAX, Publisher
from streams.topics import ACCOUNTS, EXECUTIONS, TopicPartition

TRADES, ALICE, BOB = TopicPartition(EXECUTIONS, 0), TopicPartition(ACCOUNTS, 0), TopicPartition(ACCOUNTS, 1)


class Sent:
    """Stands for the producer: keeps what it is given, and delivers it when told to."""

    def __init__(self) -> None:
        self.places: list[TopicPartition] = []
        self.undelivered: list[Callable[[None, Any], None]] = []

    def produce(
        self, topic: str, _value: bytes, partition: int, on_delivery: Callable[[None, Any], None]
    ) -> None:
        self.places.append(TopicPartition(topic, partition))
        self.undelivered.append(on_delivery)

    def poll(self, _timeout_s: float) -> None:
        """Nothing is delivered before it is told to be."""

    def deliver(self) -> None:
        while self.undelivered:
            self.undelivered.pop()(None, None)


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

    def passes(self, milliseconds: float) -> None:
        self.now_s += milliseconds / 1_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(publishing_module, "monotonic", clock)
    return clock


def publishing() -> tuple[Sent, Publisher]:
    sent = Sent()
    return sent, Publisher(cast("Producer", sent), 0, {}, 0)


def test_after_a_pause_what_is_committed_is_sent_at_once() -> None:
    sent, publisher = publishing()
    publisher.add(TRADES, 1, b"{}")
    publisher.add(ALICE, 2, b"{}")
    assert publisher.send_due() is None
    assert sent.places == [TRADES, ALICE]


def test_what_comes_just_after_waits_and_goes_together(clock: Clock) -> None:
    sent, publisher = publishing()
    publisher.add(TRADES, 1, b"{}")
    publisher.send_due()
    clock.passes(GATHER_MS_MAX / 4)
    publisher.add(ALICE, 2, b"{}")
    assert publisher.send_due() == pytest.approx(GATHER_MS_MAX * 3 / 4_000)
    publisher.add(BOB, 3, b"{}")
    assert sent.places == [TRADES]
    clock.passes(GATHER_MS_MAX)
    assert publisher.send_due() is None
    assert sent.places == [TRADES, ALICE, BOB]


def test_a_slice_that_is_full_does_not_wait(clock: Clock) -> None:
    sent, publisher = publishing()
    publisher.add(TRADES, 1, b"{}")
    publisher.send_due()
    clock.passes(GATHER_MS_MAX / 4)
    publisher.add(TRADES, 2, b" " * SLICE_BYTES_MAX)
    publisher.add(TRADES, 3, b"{}")
    assert sent.places == [TRADES, TRADES]


def test_published_is_what_is_delivered_with_nothing_before_it_missing(clock: Clock) -> None:
    sent, publisher = publishing()
    publisher.add(TRADES, 1, b"{}")
    publisher.send_due()
    publisher.add(ALICE, 2, b"{}")
    assert publisher.published_seq == 0
    sent.deliver()
    assert publisher.published_seq == 1, "the second still waits"
    clock.passes(GATHER_MS_MAX)
    publisher.send_due()
    assert publisher.published_seq == 1, "it is sent, and not delivered yet"
    sent.deliver()
    assert publisher.published_seq == 2
