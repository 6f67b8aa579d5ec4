"""The processor alone: all commands are in the topic `orders` before it starts; nobody waits for answers.

It decides, commits, publishes and answers as ever; there is no API, and no read side.
"""

from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any, NamedTuple

import psycopg
from confluent_kafka import Producer

from bench.write import flow
from bench.write.usage import Usage, per_order
from commands.messages import AnyCommand, CommandMessage
from stack.running import Stack
from streams import topics
from streams.codec import encode
from streams.publisher import make_producer, produce

SYMBOL = "BTC-USD"
COMMANDS_PER_S = 80_000  # so many are made for each second that is measured: more than it manages
WARM_UP_COMMANDS = 5_000
LOOK_S = 0.02
START_S_MAX = 60.0
FLUSH_S_MAX = 60.0
PROGRAMS = ("order-processor", "postgres", "kafka", "redis")

Say = Callable[[str], None]


class Filled(NamedTuple):
    """What is in the topic from offset ``first`` on; of its first n commands ``orders[n]`` are new orders."""

    first: int
    orders: list[int]

    @property
    def end(self) -> int:
        return self.first + len(self.orders) - 1

    def orders_until(self, offset: int) -> int:
        return self.orders[offset - self.first]


class Look(NamedTuple):
    """Where the shard stands."""

    at_s: float
    offset: int
    seq: int
    cpu_s: dict[str, float]


def open_markets(stack: Stack, symbols: Sequence[str], shard: int = flow.SHARD) -> int:
    """Put into the topic what lists the markets and funds the accounts. Return how many commands that is."""
    producer = make_producer(stack.settings.kafka_bootstrap, "bench", linger_ms=5)
    opening = flow.opening(symbols, shard)
    for command in opening:
        _put(producer, command, shard)
    producer.flush(FLUSH_S_MAX)
    return len(opening)


def run(stack: Stack, seconds: float, seed: int, say: Say) -> dict[str, Any]:
    """Return the row `processor-alone`. No processor runs before, and none after."""
    say(f"Writing {int(seconds * COMMANDS_PER_S):,} commands into the topic orders")
    with psycopg.connect(stack.settings.postgres_dsn, autocommit=True) as store:
        filled = _fill(stack, seconds, seed, first=next_offset(store))
        say("The processor alone")
        stack.start("order-processor")
        watch = Watch(store, Usage(stack, PROGRAMS, client=False))
        start = watch.until(filled.first + flow.RESTING.resting + WARM_UP_COMMANDS, START_S_MAX)
        end = watch.until(filled.end, seconds)
        stack.stop("order-processor")
        return row(filled, start, end, written(store, start.seq, end.seq))


def _fill(stack: Stack, seconds: float, seed: int, first: int) -> Filled:
    """Put the flow into the topic, whose end is at ``first``."""
    producer = make_producer(stack.settings.kafka_bootstrap, "bench", linger_ms=5)
    orders = [0]
    messages = int(seconds * COMMANDS_PER_S / 1.2)  # a modify is two commands
    for number, step in enumerate(flow.steps(messages, seed, "alone")):
        _put(producer, flow.command(step, number, SYMBOL))
        orders.append(orders[-1] + isinstance(step, flow.Order))
        if number % 1_000 == 0:
            producer.poll(0)
    producer.flush(FLUSH_S_MAX)
    return Filled(first, orders)


def _put(producer: Producer, command: AnyCommand, shard: int = flow.SHARD) -> None:
    produce(producer, topics.ORDERS, encode(CommandMessage(command, "bench")), partition=shard)


def next_offset(store: psycopg.Connection, shard: int = flow.SHARD) -> int:
    row = store.execute("SELECT next_offset FROM shards WHERE shard = %s", (shard,)).fetchone()
    return int(row[0]) if row else 0


class Watch:
    """Looks again and again where the shard stands."""

    def __init__(self, store: psycopg.Connection, usage: Usage) -> None:
        self._store = store
        self._usage = usage

    def until(self, offset: int, seconds_max: float) -> Look:
        """Return the first look at or after ``offset``, or the one when the time is up."""
        deadline = monotonic() + seconds_max
        while (look := self._look()).offset < offset and look.at_s < deadline:
            sleep(LOOK_S)
        return look

    def _look(self) -> Look:
        found = self._store.execute(
            "SELECT next_offset, last_seq FROM shards WHERE shard = %s", (flow.SHARD,)
        ).fetchone()
        assert found is not None, "the prepare step made the shard's row"  # noqa: S101 - an invariant
        return Look(monotonic(), found[0], found[1], self._usage.seconds())


class Written(NamedTuple):
    """What the store got between two looks."""

    rows: int
    commits: int
    state_bytes: int


def written(store: psycopg.Connection, after: int, until: int) -> Written:
    """Count what was stored with after < seq <= until."""
    counted = store.execute(
        "SELECT count(*),"
        " (SELECT count(*) FROM commits WHERE last_seq > %(after)s AND last_seq <= %(until)s),"
        " coalesce(sum(length(state)), 0)"
        " FROM events WHERE notification_id > %(after)s AND notification_id <= %(until)s",
        {"after": after, "until": until},
    ).fetchone()
    assert counted is not None, "an aggregate has one row"  # noqa: S101 - an invariant
    return Written(*map(int, counted))


def row(filled: Filled, start: Look, end: Look, stored: Written) -> dict[str, Any]:
    seconds = end.at_s - start.at_s
    orders = filled.orders_until(end.offset) - filled.orders_until(start.offset)
    return {
        "name": "processor-alone",
        "value": round(orders / seconds),
        "unit": "orders/s",
        "commands_per_second": round((end.offset - start.offset) / seconds),
        **stored_figures(stored, orders, seconds),
        "seconds": round(seconds, 2),
        "cpu_us_per_order": per_order(start.cpu_s, end.cpu_s, orders),
        "first_seq": start.seq + 1,
        "last_seq": end.seq,
    }


def stored_figures(stored: Written, orders: int, seconds: float) -> dict[str, Any]:
    return {
        "rows_per_second": round(stored.rows / seconds),
        "rows_per_order": round(stored.rows / orders, 2),
        "rows_per_commit": round(stored.rows / stored.commits),
        "commits_per_second": round(stored.commits / seconds, 1),
        "bytes_per_row": round(stored.state_bytes / stored.rows),
    }
