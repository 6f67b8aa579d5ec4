"""The order processor is killed with a commit in flight: nothing is lost, nothing is done twice."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from uuid import uuid4

import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from bench.write import flow
from commands.messages import CommandMessage
from commands.shard import Shard
from domain.order import OrderPlaced, OrderRejected
from stack.running import Stack, running_stack
from stack.settings import Settings
from stack.waiting import wait_until
from streams import topics
from streams.codec import RecordedEvent, decode_slice, encode
from streams.history import read_events
from streams.publisher import make_producer, produce
from tests.integration.databases import commits_held_up, waits_for_the_row

pytestmark = pytest.mark.timeout(240)

SERVERS = ("postgres", "kafka", "redis")
SYMBOL = "BTC-USD"
WAIT_MS = 60_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("killed"))
    with running_stack(settings, ["order-processor"], SERVERS) as running:
        send(running, [CommandMessage(command, "") for command in flow.opening([SYMBOL])])
        wait_until(lambda: all_decided(running), WAIT_MS, "the accounts are funded")
        yield running


def trading(run: str) -> list[CommandMessage]:
    steps = islice(flow.steps(500, 1, run), flow.RESTING.resting + 500)
    return [CommandMessage(flow.command(step, n, SYMBOL), "") for n, step in enumerate(steps)]


def send(stack: Stack, messages: list[CommandMessage]) -> None:
    producer = make_producer(stack.settings.kafka_bootstrap, "test")
    for message in messages:
        produce(producer, topics.ORDERS, encode(message), partition=0)
    assert producer.flush(30) == 0


def all_decided(stack: Stack) -> bool:
    """Tell whether the processor has committed up to the end of the topic."""
    consumer = Consumer({"bootstrap.servers": stack.settings.kafka_bootstrap, "group.id": "look"})
    _, end = consumer.get_watermark_offsets(TopicPartition(topics.ORDERS, 0), timeout=10)
    consumer.close()
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        row = store.execute("SELECT next_offset FROM shards WHERE shard = 0").fetchone()
    return row == (end,)


def stored(stack: Stack) -> list[RecordedEvent]:
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        return list(read_events(store, 0))


def published_seqs(stack: Stack) -> set[int]:
    """Return the seqs of all events in Kafka."""
    consumer = Consumer({"bootstrap.servers": stack.settings.kafka_bootstrap, "group.id": "look"})
    places = [
        TopicPartition(topic, partition)
        for topic in (topics.EXECUTIONS, topics.ACCOUNTS)
        for partition in range(stack.settings.topic_partitions)
    ]
    seqs: set[int] = set()
    for place in places:
        position, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([TopicPartition(place.topic, place.partition, position)])
        while position < end:
            message = consumer.poll(10)
            assert message is not None
            assert message.error() is None
            seqs |= {event.seq for event in decode_slice(message.value() or b"").events}
            position = (message.offset() or 0) + 1
    consumer.close()
    return seqs


def check_history(stack: Stack, sent: list[CommandMessage]) -> None:
    """Every order is on record once, the history has no gap, leads to the state it had, and is published."""
    events = stored(stack)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    begun = Counter(event.stream for event in events if isinstance(event.event, OrderPlaced | OrderRejected))
    wanted = {step.command.order_id for step in sent if type(step.command).__name__ == "PlaceOrder"}  # type: ignore[union-attr] # these have one
    assert {stream: begun[stream] for stream in wanted} == dict.fromkeys(wanted, 1)
    replayed = Shard(0, stack.settings.topic_partitions, 1_000)
    replayed.replay(events)
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        last = store.execute("SELECT state_hash FROM commits ORDER BY last_seq DESC LIMIT 1").fetchone()
    assert last == (replayed.exchange.state_hash.to_bytes(8, "big"),)
    assert not any(replayed.exchange.unaccounted().values())
    wait_until(lambda: published_seqs(stack) >= set(range(1, len(events) + 1)), WAIT_MS, "all is published")


@pytest.mark.parametrize("outcome", ["made after all", "ended by the successor"])
def test_killed_with_a_commit_in_flight(stack: Stack, outcome: str) -> None:
    sent = trading(uuid4().hex)
    before = len(stored(stack))
    with commits_held_up(stack.settings.postgres_dsn):
        send(stack, sent)
        wait_until(lambda: waits_for_the_row(stack.settings.postgres_dsn), WAIT_MS, "a commit is in flight")
        stack.kill("order-processor")
        assert len(stored(stack)) == before
        if outcome == "ended by the successor":
            wait_until(lambda: successor_waits(stack), WAIT_MS, "the successor has ended the old session")
    wait_until(lambda: all_decided(stack), WAIT_MS, "all commands are decided")
    check_history(stack, sent)


def successor_waits(stack: Stack) -> bool:
    """Tell whether it is the raising of the epoch that waits for the row, and nothing else."""
    with psycopg.connect(stack.settings.postgres_dsn) as store:
        waiting = store.execute(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'oms-shard-0'"
        ).fetchall()
    return len(waiting) == 1 and "epoch + 1" in waiting[0][0]


def test_killed_again_and_again_under_load(stack: Stack) -> None:
    sent = [message for _ in range(3) for message in trading(uuid4().hex)]
    for start in range(0, len(sent), len(sent) // 3):
        send(stack, sent[start : start + len(sent) // 3])
        stack.wait_until_ready("order-processor")
        stack.kill("order-processor")
    wait_until(lambda: all_decided(stack), WAIT_MS, "all commands are decided")
    check_history(stack, sent)
