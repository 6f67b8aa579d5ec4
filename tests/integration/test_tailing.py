"""A tail gives every event of every place once and in order, whatever Kafka brings: with real servers."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from commands import schema
from stack.running import Stack, running_stack
from stack.settings import Settings
from stack.waiting import wait_until
from streams.codec import RecordedEvent, decode_slice
from streams.progress import Place
from streams.tailing import Follower, Piece, Tail, TailConfig, TailGapError
from streams.topics import ACCOUNTS, EXECUTIONS, destination
from tests.integration.test_exactly_once import troubled
from tests.integration.test_read_models import SHARDS, Exchange
from tests.unit.projections.trading import Piece as Published

pytestmark = pytest.mark.timeout(240)
WAIT_MS = 60_000


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for each test: a tail that begins at the beginning reads what all tests before have left."""
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("tailing"))
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


class Heard:
    """What a tail told of one shard."""

    def __init__(self, exchange: Exchange, seen: Mapping[Place, int]) -> None:
        self.exchange = exchange
        self.seen = seen
        self.by_place: defaultdict[Place, list[int]] = defaultdict(list)
        self.in_order: list[int] = []
        self.caught_up = False
        self.failed: Exception | None = None

    def take(self, piece: Piece) -> None:
        if piece.place.shard == self.exchange.shard:
            self.by_place[piece.place] += [event.seq for event in piece.events]

    def take_in_order(self, shard: int, events: Sequence[RecordedEvent]) -> None:
        if shard == self.exchange.shard:
            self.in_order += [event.seq for event in events]

    def set_caught_up(self) -> None:
        self.caught_up = True

    @contextmanager
    def tailing(self, **changes: object) -> Iterator[Tail]:
        settings = self.exchange.settings
        config = TailConfig(
            settings.kafka_bootstrap,
            settings.postgres_dsn,
            settings.topic_partitions,
            "test",
            EXECUTIONS,
            ACCOUNTS,
        )
        follower = Follower(
            lambda: self.seen, self.take, self.take_in_order, lambda _: None, self.set_caught_up
        )
        tail = Tail(replace(config, **changes), follower)  # type: ignore[arg-type] # some of its fields
        thread = Thread(target=self._run, args=(tail.run,))
        thread.start()
        try:
            yield tail
        finally:
            tail.stop()
            thread.join(WAIT_MS / 1000)

    def _run(self, run: Callable[[], None]) -> None:
        try:
            run()
        except Exception as error:  # noqa: BLE001 - the test tells which it expects
            self.failed = error

    def wanted(self) -> dict[Place, list[int]]:
        """Return all that happened at each place after what was seen."""
        found: defaultdict[Place, list[int]] = defaultdict(list)
        for event in self.exchange.venue.events:
            topic, partition = destination(event.event, self.exchange.settings.topic_partitions)
            place = Place(topic, partition, self.exchange.shard)
            if topic == EXECUTIONS and event.seq > self.seen.get(place, 0):
                found[place].append(event.seq)
        return dict(found)

    def whole(self) -> bool:
        return self.by_place == self.wanted()


def seen_after(exchange: Exchange, pieces: Sequence[Published]) -> dict[Place, int]:
    """Return how far read models are that have taken these."""
    return {
        Place(place.topic, place.partition, exchange.shard): decode_slice(value).last
        for place, value in pieces
        if place.topic == EXECUTIONS
    }


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_is_lost_repeated_or_out_of_order_in_kafka_comes_once_and_in_order(
    exchange: Exchange, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    pieces = exchange.pieces(chance.choice([5, 20]))
    known = chance.randrange(len(pieces))
    made = [*pieces[:known], *troubled(pieces[known:], chance)]
    half = chance.randrange(known, len(made))
    exchange.publish(made[:half])
    heard = Heard(exchange, seen_after(exchange, pieces[:known]))
    with heard.tailing():
        wait_until(lambda: heard.caught_up, WAIT_MS, "what was there has been taken")
        exchange.publish(made[half:])
        wait_until(heard.whole, WAIT_MS, "every place is whole")
        everything = [event.seq for event in exchange.venue.events]
        wait_until(lambda: heard.in_order == everything, WAIT_MS, "all came in order")
    assert heard.failed is None


def test_what_was_seen_long_ago_is_not_read_again(exchange: Exchange) -> None:
    """It goes on where the read models are, not at the beginning of the topic."""
    pieces = exchange.pieces(2)
    exchange.publish(pieces)
    heard = Heard(exchange, seen_after(exchange, pieces))
    with heard.tailing():
        wait_until(lambda: heard.caught_up, WAIT_MS, "it has caught up")
    assert heard.failed is None
    assert not heard.by_place


def test_read_models_that_have_nothing_yet_cost_a_replay_and_no_event(exchange: Exchange) -> None:
    pieces = exchange.pieces()
    exchange.publish(pieces[len(pieces) // 2 :])  # Kafka has dropped the rest
    heard = Heard(exchange, {})
    with heard.tailing():
        wait_until(heard.whole, WAIT_MS, "every place is whole")
    assert heard.failed is None


def test_a_stream_that_speaks_of_what_the_store_does_not_have_ends_it(exchange: Exchange) -> None:
    pieces = [piece for piece in exchange.pieces(5) if piece[0].topic == EXECUTIONS]
    with psycopg.connect(exchange.settings.postgres_dsn) as connection:
        connection.execute("DELETE FROM events WHERE shard = %s", (exchange.shard,))
    heard = Heard(exchange, {})
    with heard.tailing():
        wait_until(lambda: heard.caught_up, WAIT_MS, "what was there has been taken")
        exchange.publish(pieces[len(pieces) // 2 :])
        wait_until(lambda: heard.failed is not None, WAIT_MS, "it ends")
    assert isinstance(heard.failed, TailGapError)
