"""Exactly once in effect: whatever comes twice, late, in another order or not at all, and whoever dies or
sleeps where, the documents are the fold of all events, each taken in once. With real servers and workers.

What a place got last is always delivered here: that nothing more came is something nobody can know.
"""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Consumer
from confluent_kafka import TopicPartition as KafkaPartition

from commands import schema
from projections.projection import Document
from projections.registry import PROJECTIONS
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import Settings
from streams.codec import decode_slice
from streams.compare import heads, wait_until_visible
from streams.progress import Place
from streams.topics import ACCOUNTS, EXECUTIONS
from tests.integration.stalling_proxy import stalling_proxy
from tests.integration.test_read_models import END_S_MAX, SHARDS, VISIBLE_S_MAX, Exchange
from tests.unit.projections.trading import Piece

Documents = dict[str, dict[str, Document]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of our own: the topics' names are fixed."""
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("exactly-once"))
    with running_stack(settings, servers=("postgres", "kafka", "mongo")) as running:
        running.prepare()
        with psycopg.connect(settings.postgres_dsn, autocommit=True) as connection:
            schema.create(connection, SHARDS)
        yield running


@pytest.fixture
def exchange(stack: Stack, tmp_path: Path) -> Iterator[Exchange]:
    made = Exchange(stack, tmp_path)
    made.store()
    yield made
    made.database.client.close()


# --- What comes ---------------------------------------------------------------------------------------------


def troubled(pieces: list[Piece], chance: random.Random) -> list[Piece]:
    """Return the slices with some lost, some twice, some again much later, and some before those they follow;
    the last one of each place comes last, once more.
    """
    made = [piece for piece in pieces if chance.random() > 0.25]
    made += chance.choices(pieces, k=len(pieces) // 3)
    for _ in range(len(made) // 2):
        at = chance.randrange(len(made) - 1)
        made[at], made[at + 1] = made[at + 1], made[at]
    for piece in chance.choices(pieces, k=len(pieces) // 4):
        made.insert(chance.randrange(len(made)), piece)
    return made + list(dict(pieces).items())


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_repeats_gaps_and_slices_that_come_late_or_too_early_change_nothing(
    exchange: Exchange, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    made = troubled(exchange.pieces(chance.choice([5, 20, 60])), chance)
    half = chance.randrange(len(made))
    exchange.publish(made[:half])
    bounds = {"documents_cached_max": chance.choice([1, 50, 50_000])}
    with exchange.worker(bounds=bounds, records_per_batch_max=chance.choice([1, 4, 64])):
        exchange.publish(made[half:])
        exchange.check()


# --- A crash between MongoDB's write and Kafka's commit -----------------------------------------------------


@pytest.mark.parametrize("share", [0.4, 1.0])
def test_killed_after_the_documents_are_written_and_before_kafka_knows(
    exchange: Exchange, share: float
) -> None:
    """The first worker would commit after a minute; it is killed when its documents are there. All it did is
    done again by the second, which says so by its commits, and changes no document."""
    pieces = exchange.pieces()
    first = pieces[: int(len(pieces) * share)]
    exchange.publish(first)
    with exchange.worker(commit_interval_ms=60_000) as worker:
        wait_until_visible(exchange.database, goal_of(exchange, first), VISIBLE_S_MAX)
        assert committed(exchange) == {}, "the commit has not come yet"
        worker.kill()
        assert worker.wait(END_S_MAX) == -signal.SIGKILL
    before = documents(exchange)
    with exchange.worker():
        wait_until_committed(exchange)
        assert documents(exchange) == before
        exchange.publish(pieces[len(first) :])
        exchange.check()


def goal_of(exchange: Exchange, pieces: list[Piece]) -> dict[Place, int]:
    """Return how far the projections come with these slices."""
    events = [event for _, value in pieces for event in decode_slice(value).events]
    events.sort(key=lambda event: event.seq)
    return heads(events, exchange.settings.topic_partitions, exchange.shard)


def committed(exchange: Exchange) -> dict[tuple[str, int], int]:
    """Return what the worker's group has committed."""
    consumer = Consumer({"bootstrap.servers": exchange.settings.kafka_bootstrap, "group.id": exchange.name})
    try:
        found = consumer.committed(places(exchange), timeout=END_S_MAX)
        return {(each.topic, each.partition): each.offset for each in found if each.offset >= 0}
    finally:
        consumer.close()


def ends(exchange: Exchange) -> dict[tuple[str, int], int]:
    """Return where the partitions end, those that have records."""
    consumer = Consumer({"bootstrap.servers": exchange.settings.kafka_bootstrap, "group.id": "ends"})
    try:
        found = {
            (place.topic, place.partition): consumer.get_watermark_offsets(place, timeout=END_S_MAX)[1]
            for place in places(exchange)
        }
        return {place: end for place, end in found.items() if end}
    finally:
        consumer.close()


def places(exchange: Exchange) -> list[KafkaPartition]:
    partitions = range(exchange.settings.topic_partitions)
    return [KafkaPartition(topic, each) for topic in (EXECUTIONS, ACCOUNTS) for each in partitions]


def wait_until_committed(exchange: Exchange) -> None:
    goal, deadline = ends(exchange), time.monotonic() + VISIBLE_S_MAX
    while (now := committed(exchange)) != goal:
        assert time.monotonic() < deadline, f"committed {now}, the topics end at {goal}"
        time.sleep(0.2)


def documents(exchange: Exchange) -> Documents:
    return {
        name: {
            document["_id"]: document for document in exchange.database[name].find({"shard": exchange.shard})
        }
        for name in PROJECTIONS
    }


# --- A worker that sleeps in the middle of a write ----------------------------------------------------------


@pytest.mark.parametrize("bulks", [0, 5])
def test_paused_in_the_middle_of_a_write_and_woken_after_another_took_over(
    exchange: Exchange, tmp_path: Path, bulks: int
) -> None:
    """Half of a bulk write is with MongoDB when its sender is stopped. Kafka gives the partitions to another
    worker, which goes far beyond. Then the first wakes up, and the rest of its write arrives."""
    pieces = exchange.pieces()
    third = len(pieces) // 3
    with stalling_proxy(HOST, exchange.settings.mongo_port) as proxy:
        proxy.stall_after(bulks)
        address = f"mongodb://127.0.0.1:{proxy.port}/"
        with exchange.worker(mongo_url=address, records_per_batch_max=4) as first:
            exchange.publish(pieces[:third])
            assert proxy.stalled.wait(VISIBLE_S_MAX), "a write is on its way, half of it"
            first.send_signal(signal.SIGSTOP)
            exchange.folder = tmp_path / "second"
            with exchange.worker() as second:
                exchange.publish(pieces[third:])
                exchange.check()
                before = documents(exchange)
                proxy.release()
                first.send_signal(signal.SIGCONT)
                assert proxy.passed_after_release.wait(END_S_MAX), "the rest of the old write has arrived"
                time.sleep(3)  # for whatever else the first one believes it has to write
                assert documents(exchange) == before
                assert second.poll() is None
    exchange.check()
