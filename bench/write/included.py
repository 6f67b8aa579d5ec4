"""Everything included: WebSocket, API, Kafka, processor, durable commit, publishing, and the answer back.

The read side is off. Each lane sends a batch, waits for its answer, and sends the next; an account always
sends on the same lane, so that a cancel never overtakes its order.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import Any

import psycopg

from bench.write import flow
from bench.write.alone import stored_figures, written
from bench.write.usage import Usage, per_order
from stack.load.client import Cancel, CommandClient, Outcome, Place
from stack.load.measurements import Histogram
from stack.load.playing import OPEN
from stack.load.session import admin_token, run_async
from stack.load.websocket import WebSocketClient
from stack.ports import HOST
from stack.running import Stack

SYMBOL = "BTC2-USD"
LANES = 16
BATCH_COMMANDS = 250
COMMANDS_PER_S = 40_000  # so many are made for each second that is measured: more than it manages
WARM_UP_S = 1.0
PROGRAMS = ("command-api", "order-processor", "postgres", "kafka", "redis")

Say = Callable[[str], None]
Request = Place | Cancel


async def send(client: CommandClient, commands: Sequence[Request]) -> list[Outcome]:
    """Send commands by the door that is measured, and return the outcome of each. What is shed goes again."""
    outcomes, _ = await client.batch(commands)
    return outcomes


DOOR = "WebSocket frames"


@dataclass
class Counted:
    """What was acknowledged while ``on``."""

    on: bool = False
    orders: int = 0
    commands: int = 0
    refused: int = 0
    batch_ms: Histogram = field(default_factory=Histogram)

    def add(self, sent: Sequence[Request], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Count what has an outcome for good: it is in the store."""
        if not self.on:
            return
        self.batch_ms.add(seconds * 1000)
        for command, outcome in zip(sent, outcomes, strict=True):
            self.commands += outcome.status != "pending"
            self.refused += outcome.status == "refused"
            self.orders += isinstance(command, Place) and outcome.status in OPEN | {"filled", "cancelled"}


def run(stack: Stack, seconds: float, seed: int, say: Say) -> dict[str, Any]:
    """Return the row `crypto-oms`."""
    say("Everything included")
    stack.start("order-processor")
    stack.start("command-api")
    lanes = _lanes(int((seconds + WARM_UP_S) * COMMANDS_PER_S / 1.2), seed + 1)
    found: dict[str, Any] = {}
    run_async(_measure(stack, seconds, lanes, found))
    stack.stop("command-api")
    stack.stop("order-processor")
    return found


def _lanes(messages: int, seed: int) -> list[list[Request]]:
    """Deal the flow out to the lanes by account."""
    lanes: list[list[Request]] = [[] for _ in range(LANES)]
    for step in flow.steps(messages, seed, "included"):
        lanes[flow.ACCOUNT_NAMES.index(step.account) % LANES].append(flow.request(step, SYMBOL))
    return lanes


async def _measure(stack: Stack, seconds: float, lanes: list[list[Request]], found: dict[str, Any]) -> None:
    settings = stack.settings
    url = f"http://{HOST}:{settings.command_api_port}"
    counted, stop = Counted(), asyncio.Event()
    with psycopg.connect(settings.postgres_dsn, autocommit=True) as store:
        async with WebSocketClient(url, "", admin_token(settings)) as client, asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(play(client, lane, counted, stop))
            await asyncio.sleep(WARM_UP_S)
            usage = Usage(stack, PROGRAMS, client=True)
            first, since, cpu = _last_seq(store), perf_counter(), usage.seconds()
            counted.on = True
            await asyncio.sleep(seconds)
            counted.on = False
            last, elapsed, cpu_after = _last_seq(store), perf_counter() - since, usage.seconds()
            stop.set()
        stored = written(store, first, last)
    found.update(
        {
            "name": "crypto-oms",
            "value": round(counted.orders / elapsed),
            "unit": "orders/s",
            "door": DOOR,
            "commands_per_second": round(counted.commands / elapsed),
            **stored_figures(stored, counted.orders, elapsed),
            "batch_ms": counted.batch_ms.percentiles(),
            "refused": counted.refused,
            "seconds": round(elapsed, 2),
            "cpu_us_per_order": per_order(cpu, cpu_after, counted.orders),
        }
    )


async def play(
    client: CommandClient, commands: Sequence[Request], counted: Counted, stop: asyncio.Event
) -> None:
    """Send one lane's commands, batch after batch, until ``stop``."""
    for batch in _batches(commands):
        if stop.is_set():
            return
        since = perf_counter()
        outcomes = await send(client, batch)
        counted.add(batch, outcomes, perf_counter() - since)
    raise RuntimeError("the flow ended before the time: more commands have to be made for each second")


def _batches(commands: Sequence[Request]) -> Iterator[list[Request]]:
    rest = iter(commands)
    while batch := list(islice(rest, BATCH_COMMANDS)):
        yield batch


def _last_seq(store: psycopg.Connection) -> int:
    row = store.execute("SELECT last_seq FROM shards WHERE shard = %s", (flow.SHARD,)).fetchone()
    return int(row[0]) if row else 0
