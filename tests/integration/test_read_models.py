"""The Faust process against real Kafka, PostgreSQL and MongoDB (or what stands for it): whatever happens on
the way, the documents end up equal to the fold of all events."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pymongo import MongoClient
from pymongo.database import Database

from commands import schema
from domain.order import OrderFilled, OrderPlaced, OrderRejected
from projections import progress, store
from projections.projection import Document
from projections.registry import PROJECTIONS
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from stack.waiting import wait_until
from streams.codec import (
    ACCOUNT_EVENTS,
    ORDER_EVENTS,
    TRANSFER_EVENTS,
    RecordedEvent,
    decode_slice,
    encode,
    event_type,
)
from streams.compare import differences, heads, wait_until_visible
from streams.history import read_events
from streams.lag_watch import LagWatch
from streams.progress import Place
from streams.projector import Bounds, HistoryError, Projector, Record
from streams.sources import SOURCES
from streams.topics import DEAD_LETTERS, EXECUTIONS
from tests.unit.projections.trading import Piece, Venue, slices, trading

VISIBLE_S_MAX = 40
END_S_MAX = 20
SHARDS = 100

WORKER = """
import json, logging, pathlib, sys
from streams.attending import AttendanceBounds
from streams.projector import Bounds
from streams.read_models import ReadModelsConfig, run
logging.basicConfig(level=logging.WARNING)
given = json.loads(sys.argv[1])
given["folder"] = pathlib.Path(given["folder"])
given["bounds"] = Bounds(**given.get("bounds", {}))
given["attendance"] = AttendanceBounds(**given.get("attendance", {}))
given["projections"] = tuple(given.get("projections", ReadModelsConfig.projections))
run(ReadModelsConfig(**given), lambda: print("ready", flush=True))
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of our own: the topics' names are fixed."""
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("read-models"))
    with running_stack(settings, servers=("postgres", "kafka", "mongo")) as running:
        running.prepare()
        with psycopg.connect(settings.postgres_dsn, autocommit=True) as connection:
            schema.create(connection, SHARDS)
        yield running


_numbers = count(1)


class Exchange:
    """A history, with a shard, symbols and accounts of its own; and the worker that follows it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        number = next(_numbers)
        self.settings = stack.settings
        self.folder = folder
        self.name = f"test{number}"
        self.shard = number
        symbols = (f"B{number}-USD", f"E{number}-USD")
        self.venue: Venue = trading(600, seed=number, symbols=symbols, shard=number)
        self.database: Database[Document] = MongoClient[Document](self.settings.mongo_url)[self.name]
        self.chance = random.Random(number)  # noqa: S311 - to be repeatable

    def store(self) -> None:
        """Put the history into the event store, as the order processor does before it publishes."""
        columns = "shard, notification_id, originator_id, originator_version, topic, state"
        with (
            psycopg.connect(self.settings.postgres_dsn) as connection,
            connection.cursor() as cursor,
            cursor.copy(f"COPY events ({columns}) FROM STDIN") as copy,
        ):
            for event, state in zip(self.venue.events, self.venue.states, strict=True):
                kind = event_type(event.event)
                copy.write_row((self.shard, event.seq, event.stream, event.version, kind, state))

    def pieces(self, events_max: int = 60) -> list[Piece]:
        size = partial(self.chance.randint, 1, events_max)
        return list(slices(self.venue.states, size, shard=self.shard))

    def publish(self, pieces: Iterable[Piece]) -> None:
        producer = Producer({"bootstrap.servers": self.settings.kafka_bootstrap, "compression.type": "lz4"})
        for place, value in pieces:
            producer.produce(place.topic, value, partition=place.partition)
        assert producer.flush(END_S_MAX) == 0

    @contextmanager
    def worker(self, **more: Any) -> Iterator[subprocess.Popen[str]]:
        """Run the process until the end of the block, unless it has ended before."""
        config = {
            "kafka_bootstrap": self.settings.kafka_bootstrap,
            "mongo_url": self.settings.mongo_url,
            "mongo_database": self.name,
            "postgres_dsn": self.settings.postgres_dsn,
            "folder": str(self.folder),
            "partitions": self.settings.topic_partitions,
            "group": self.name,
            "session_timeout_ms": 6_000,
            **more,
        }
        command = [sys.executable, "-c", WORKER, json.dumps(config)]
        with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def check(self) -> None:
        """Wait until all is visible, then compare every document."""
        goal = heads(self.venue.events, self.settings.topic_partitions, self.shard)
        wait_until_visible(self.database, goal, VISIBLE_S_MAX)
        assert differences(self.database, self.venue.events, shard=self.shard) == []


@pytest.fixture
def exchange(stack: Stack, tmp_path: Path) -> Iterator[Exchange]:
    made = Exchange(stack, tmp_path)
    made.store()
    yield made
    made.database.client.close()


def test_documents_equal_the_fold_and_sigterm_ends_it_in_order(exchange: Exchange) -> None:
    exchange.publish(exchange.pieces())
    with exchange.worker() as worker:
        exchange.check()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(END_S_MAX) == 0


def test_repeats_are_skipped_and_gaps_are_read_from_the_store(exchange: Exchange) -> None:
    pieces = exchange.pieces()
    last = {place: index for index, (place, _) in enumerate(pieces)}
    kept = [
        piece
        for index, piece in enumerate(pieces)
        if last[piece[0]] == index or exchange.chance.random() < 0.7
    ]
    assert len(kept) < len(pieces)
    repeated = [piece for piece in kept for _ in range(exchange.chance.choice([1, 1, 2]))]
    half = len(repeated) // 2
    exchange.publish([*repeated[:half], *kept[:10], *repeated])
    forgetful = {"documents_cached_max": 1}
    with exchange.worker(bounds=forgetful, records_per_batch_max=3):
        exchange.check()


def test_killed_again_and_again_it_goes_on_where_it_was(exchange: Exchange) -> None:
    pieces = exchange.pieces()
    size = len(pieces) // 4 + 1
    parts = [pieces[start : start + size] for start in range(0, len(pieces), size)]
    for part in parts[:-1]:
        with exchange.worker(gather_ms_max=1, records_per_batch_max=2) as worker:
            exchange.publish(part)
            time.sleep(exchange.chance.uniform(0.05, 0.6))
            worker.kill()
            assert worker.wait(END_S_MAX) == -signal.SIGKILL
    with exchange.worker():
        exchange.publish(parts[-1])
        exchange.check()


def test_killed_while_history_waits_in_memory_it_writes_it_afterwards(exchange: Exchange) -> None:
    """Orders are visible, trades wait for a minute to pass: nothing of it may be acknowledged."""
    pieces = exchange.pieces()
    half = len(pieces) // 2
    with exchange.worker(bounds={"relaxed_ms": 60_000}, commit_interval_ms=100) as worker:
        exchange.publish(pieces[:half])
        wait_for_orders(exchange, pieces[:half])
        exchange.publish(pieces[half:])
        wait_for_orders(exchange, pieces)
        time.sleep(1)  # so that offsets would be committed
        worker.kill()
        assert worker.wait(END_S_MAX) == -signal.SIGKILL
    assert differences(exchange.database, exchange.venue.events, shard=exchange.shard) != []
    with exchange.worker():
        exchange.check()


def wait_for_orders(exchange: Exchange, pieces: list[Piece]) -> None:
    """Wait until the orders of these slices are written, whatever else is."""
    goal = {
        Place(*place, exchange.shard): decode_slice(value).last
        for place, value in pieces
        if any(type(each.event) in ORDER_EVENTS for each in decode_slice(value).events)
    }

    def written() -> bool:
        marks = progress.read(exchange.database, "orders")
        seen = {Place(mark.topic, mark.partition, mark.shard): mark.seq for mark in marks}
        return all(seen.get(place, 0) >= seq for place, seq in goal.items())

    wait_until(written, VISIBLE_S_MAX * 1_000, "orders are written")


def test_what_is_no_slice_goes_to_the_dead_letters_and_the_rest_goes_on(exchange: Exchange) -> None:
    pieces = exchange.pieces()
    partition = next(place.partition for place, _ in pieces if place.topic == EXECUTIONS)
    poison = f'{{"of": "{exchange.name}"}}'.encode()
    producer = Producer({"bootstrap.servers": exchange.settings.kafka_bootstrap})
    producer.produce(EXECUTIONS, poison, partition=partition)
    producer.flush(END_S_MAX)
    exchange.publish(pieces)
    with exchange.worker():
        exchange.check()
        letter = dead_letter(exchange.settings, poison)
    assert (letter["topic"], letter["partition"]) == (EXECUTIONS, str(partition))
    assert "not a slice" in letter["reason"]


def dead_letter(settings: Settings, value: bytes) -> dict[str, str]:
    """Return the headers of the dead letter that holds ``value``."""
    consumer = Consumer(
        {"bootstrap.servers": settings.kafka_bootstrap, "group.id": "look", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([DEAD_LETTERS])
    try:
        deadline = time.monotonic() + VISIBLE_S_MAX
        while time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is not None and message.value() == value:
                headers: Any = message.headers()
                return {name: text.decode() for name, text in headers}
    finally:
        consumer.close()
    raise AssertionError(f"no dead letter holds {value!r}")


def test_a_read_model_that_starts_from_nothing_catches_up_from_the_store(exchange: Exchange) -> None:
    """Its consumer group has read everything, so that only the store can tell what came before."""
    pieces = exchange.pieces()
    last = {place: index for index, (place, _) in enumerate(pieces)}
    exchange.publish(piece for index, piece in enumerate(pieces) if last[piece[0]] != index)
    with exchange.worker() as worker:
        early = [Place(*place, exchange.shard) for place in last]
        wait_until_visible(exchange.database, dict.fromkeys(early, 1), VISIBLE_S_MAX)
        time.sleep(1)  # so that offsets are committed
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(END_S_MAX) == 0
    exchange.database["positions"].drop()
    exchange.database["progress"].delete_many({"projection": "positions"})
    exchange.publish(pieces[index] for index in sorted(last.values()))
    with exchange.worker():
        exchange.check()


def test_with_the_database_away_it_ends_itself_and_loses_nothing(stack: Stack, exchange: Exchange) -> None:
    pieces = exchange.pieces()
    half = len(pieces) // 2
    impatient = {"attempts_max": 2, "attempt_wait_ms": 100}
    with exchange.worker(bounds=impatient, mongo_answer_ms_max=1_000) as worker:
        exchange.publish(pieces[:half])
        stack.stop("mongo")
        try:
            exchange.publish(pieces[half:])
            assert worker.wait(END_S_MAX) == 1
        finally:
            stack.start("mongo")
    with exchange.worker():
        exchange.check()


def test_the_comparison_names_what_is_wrong(exchange: Exchange) -> None:
    exchange.publish(exchange.pieces())
    with exchange.worker():
        exchange.check()
    database, events = exchange.database, exchange.venue.events
    order = database["orders"].find_one({"shard": exchange.shard})
    balance = database["balances"].find_one({"shard": exchange.shard})
    assert order is not None
    assert balance is not None
    database["orders"].delete_one({"_id": order["_id"]})
    database["balances"].replace_one({"_id": balance["_id"]}, {**balance, "available": "1"})
    database["trades"].insert_one({"_id": "from nowhere", "shard": exchange.shard})
    assert set(differences(database, events, shard=exchange.shard)) == {
        f"orders {order['_id']}: missing",
        f"balances {balance['_id']}: available is '1', should be {balance['available']!r}",
        "trades from nowhere: no event speaks of it",
    }


def test_waiting_in_vain_says_what_is_missing(exchange: Exchange) -> None:
    goal = heads(exchange.venue.events, exchange.settings.topic_partitions, exchange.shard)
    with pytest.raises(TimeoutError, match=r"still lacks \d+ seqs of Place\(topic="):
        wait_until_visible(exchange.database, goal, 0.1)


def test_the_history_in_the_store_is_the_one_published(exchange: Exchange) -> None:
    with psycopg.connect(exchange.settings.postgres_dsn) as connection:
        assert list(read_events(connection, exchange.shard)) == exchange.venue.events


def projector(
    exchange: Exchange,
    states: list[bytes],
    *projections: str,
    documents_cached_max: int = 1_000,
    relaxed_ms: int = 250,
) -> Projector:
    """A projector without Kafka, whose event store holds ``states``."""

    def read(_shard: int, after: int, until: int) -> Iterator[bytes]:
        return iter(states[after:until])

    fed = [PROJECTIONS[name] for name in projections]
    partitions = exchange.settings.topic_partitions
    bounds = Bounds(documents_cached_max, relaxed_ms=relaxed_ms)
    return Projector(exchange.database, SOURCES[projections[0]], partitions, fed, read, bounds)


def records(exchange: Exchange, topic: str, events_max: int = 60) -> list[Record]:
    pieces = exchange.pieces(events_max)
    return [Record(place.partition, 0, value) for place, value in pieces if place.topic == topic]


def test_a_store_that_lacks_what_the_stream_speaks_of_stops_everything(exchange: Exchange) -> None:
    first, *others = records(exchange, EXECUTIONS)
    alone = [record for record in others if record.partition == first.partition]
    with pytest.raises(HistoryError, match="the store ends at"):
        projector(exchange, [], "orders").process(alone)


def test_an_event_that_cannot_be_folded_is_put_aside_and_the_others_go_on(exchange: Exchange) -> None:
    """As if the first order had never been placed."""
    events = exchange.venue.events
    placed = next(event for event in events if isinstance(event.event, OrderFilled))
    order = placed.event.order_id  # type: ignore[union-attr]
    kept = [event for event in events if not is_placing(event, order)]
    states = [encode(event) for event in kept]
    pieces = [
        Record(place.partition, 0, value)
        for place, value in slices(states, lambda: 50, shard=exchange.shard)
        if place.topic == EXECUTIONS
    ]
    dead = projector(exchange, states, "orders").process(pieces)
    assert dead
    assert all("never placed" in letter.headers["reason"] for letter in dead)
    assert {letter.headers["shard"] for letter in dead} == {str(exchange.shard)}
    assert exchange.database["orders"].count_documents({}) == sum(is_placing(event) for event in kept)


def is_placing(recorded: RecordedEvent, order_id: str | None = None) -> bool:
    event = recorded.event
    return isinstance(event, OrderPlaced | OrderRejected) and order_id in (None, event.order_id)


def test_a_worker_that_was_replaced_and_wakes_up_changes_nothing(exchange: Exchange) -> None:
    """Both hold the same records; the old one writes last, and what it writes is older."""
    mine = records(exchange, SOURCES["positions"])
    old = projector(exchange, exchange.venue.states, "balances", "positions")
    new = projector(exchange, exchange.venue.states, "balances", "positions")
    new.process(mine)
    old.process(mine[: len(mine) // 2])
    fed = [PROJECTIONS["balances"], PROJECTIONS["positions"]]
    assert differences(exchange.database, exchange.venue.events, projections=fed, shard=exchange.shard) == []
    last = max(mark.seq for mark in progress.read(exchange.database, "positions"))
    kinds = ACCOUNT_EVENTS | TRANSFER_EVENTS
    assert last == max(event.seq for event in exchange.venue.events if type(event.event) in kinds)


def test_a_repeat_of_what_is_no_longer_at_hand_is_skipped(exchange: Exchange) -> None:
    """Folded again, an order's beginning would bring back a document from before its fills. The store is
    empty here: a repeat is no reason to look there."""
    mine = records(exchange, EXECUTIONS, events_max=3)
    forgetful = projector(exchange, [], "orders", documents_cached_max=1)
    for number, record in enumerate(mine):
        forgetful.process([record])
        forgetful.process([exchange.chance.choice(mine[: number + 1])])
    fed = [PROJECTIONS["orders"]]
    assert differences(exchange.database, exchange.venue.events, projections=fed, shard=exchange.shard) == []


def test_history_is_written_when_its_time_has_come_and_the_rest_at_once(exchange: Exchange) -> None:
    mine = records(exchange, EXECUTIONS)
    slow = projector(exchange, exchange.venue.states, "orders", "trades", relaxed_ms=60_000)
    assert slow.process_pressing(mine[:1]) == []
    assert slow.rest_due_s is None, "after a pause all is written at once"
    assert slow.process_pressing(mine[1:]) == []
    due_s = slow.rest_due_s
    assert due_s is not None
    assert 0 < due_s <= 60
    events, shard = exchange.venue.events, exchange.shard
    orders, trades = PROJECTIONS["orders"], PROJECTIONS["trades"]
    assert differences(exchange.database, events, projections=[orders], shard=shard) == []
    assert differences(exchange.database, events, projections=[trades], shard=shard) != []
    slow.rest_at = 0.0
    assert slow.process_pressing([]) == []
    assert slow.rest_due_s is None
    assert differences(exchange.database, events, projections=[orders, trades], shard=shard) == []


def test_the_watch_tells_a_standstill_from_an_empty_topic_and_from_work(exchange: Exchange) -> None:
    bootstrap, topic = exchange.settings.kafka_bootstrap, f"watched-{exchange.name}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result()
    watch = LagWatch(bootstrap, exchange.name, stall_ms_max=300, on_stall=lambda _: None)
    watch.follow([(topic, 0)])
    stand_still(watch)
    assert watch.stalled() is None, "nothing waits"

    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, b"1")
    producer.produce(topic, b"2")
    producer.flush(END_S_MAX)
    stand_still(watch)
    assert f"{topic}/0 stands at 0 of 2" in (watch.stalled() or "")

    watch.busy(topic)
    assert watch.stalled() is None, "it catches up from the store"
    stand_still(watch)
    watch.client.commit(offsets=[KafkaPartition(topic, 0, 1)], asynchronous=False)
    assert watch.stalled() is None, "it has moved"
    stand_still(watch)
    assert "stands at 1 of 2" in (watch.stalled() or "")
    watch.client.close()


def stand_still(watch: LagWatch) -> None:
    watch.stalled()
    time.sleep(0.4)


def test_what_begins_is_inserted_and_never_takes_the_place_of_what_is_newer(exchange: Exchange) -> None:
    """A worker that restarts takes for new what it has not at hand."""
    collection = exchange.database["begun"]
    collection.insert_many([{"_id": "older", "seq": 1}, {"_id": "newer", "seq": 9}])
    documents = [{"_id": name, "seq": 5} for name in ("older", "newer", "new")]
    store.write(collection, [*documents, {"_id": "known", "seq": 5}], {"older", "newer", "new"})
    found = {document["_id"]: document["seq"] for document in collection.find()}
    assert found == {"older": 5, "newer": 9, "new": 5, "known": 5}
