"""The fan-out benchmark: one market's book to 1,000 subscribers, from the processor's publishing to
receipt.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from bench.fanout import report
from bench.latency.load import ACCOUNTS, SYMBOL, orders
from bench.write.usage import Usage
from stack import compiled
from stack.load.client import Outcome
from stack.load.session import client_of, new_run_id, run_async
from stack.load.venue import Funds, MarketSpec, prepare
from stack.load.websocket import WebSocketClient
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings

SERVICES = ("order-processor", "command-api", "market-data")
PROGRAMS = (*SERVICES, "postgres", "kafka", "redis", "mongo")
MARKET = MarketSpec(SYMBOL, "LATENCY", "0.00000001", "1000000")
FUNDS = {"USD": "10000000", "LATENCY": "1000000"}
SUBSCRIBERS, PROCESSES, SLOW = 1_000, 2, 20
WARM_S = 2.0
DRAIN_S = 1.0
STOP_S_MAX = 30.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """``per_s`` frames of orders a second, ``orders`` in each: every frame changes the book, and is published
    within 10 ms, so this is how often each subscriber is told. ``slow``: how many beside them never read.
    """

    name: str
    per_s: float
    orders: int = 5
    slow: int = 0


ROWS = (
    Row("book_1", 1),
    Row("book_5", 5),
    Row("book_10", 10),
    Row("book_20", 20),
    Row("book_10_slow", 10, slow=SLOW),
)


def chosen(names: Sequence[str]) -> list[Row]:
    """Return the rows of these names; none named: all. Raises ``ValueError`` for a name that no row has."""
    known = {row.name: row for row in ROWS}
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"there is no row {unknown[0]!r}; there are: {', '.join(known)}")
    return [row for row in ROWS if not names or row.name in names]


def run(
    folder: Path, seconds: float, rows: Sequence[Row], say: Say, subscribers: int = SUBSCRIBERS
) -> dict[str, Any]:
    """Return what ``--json`` prints. ``folder`` is made for a stack of its own, and removed at the end."""
    busy_before = os.getloadavg()
    shutil.rmtree(folder, ignore_errors=True)
    settings = Settings.with_free_ports(folder)
    compiled.prepare(settings)
    try:
        say("bringing up servers and services")
        with running_stack(settings, SERVICES) as stack:
            run_async(_open(stack.settings))
            results = [_row(stack, row, seconds, subscribers, say) for row in rows]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return report.as_object(results, seconds, busy_before, compiled.path(settings) != str(CHECKOUT))


async def _open(settings: Settings) -> None:
    async with client_of(settings) as client:
        funds = [Funds(account, asset, amount) for account in ACCOUNTS for asset, amount in FUNDS.items()]
        await prepare(client, "fanout", [MARKET], funds)


def _row(stack: Stack, row: Row, seconds: float, subscribers: int, say: Say) -> dict[str, Any]:
    say(f"{row.name}: {subscribers} subscribers, {row.per_s:g} updates/s for {seconds:g} s")
    port, book = stack.settings.market_data_port, [{"channel": "book", "symbol": SYMBOL}]
    orders_too = [*book, {"channel": "orders", "symbol": SYMBOL}]
    with ExitStack() as kept:
        listening = [
            kept.enter_context(_subscribers(port, count, book)) for count in _shares(subscribers, PROCESSES)
        ]
        if row.slow:
            kept.enter_context(_subscribers(port, row.slow, orders_too, deaf=True))
        usage = Usage(stack, PROGRAMS, client=True)
        marks: list[tuple[float, dict[str, float]]] = []

        def measuring() -> None:
            for each in listening:
                each.go()
            marks.append((perf_counter(), usage.seconds()))

        run_async(_play(stack.settings, row, seconds, measuring))
        marks.append((perf_counter(), usage.seconds()))
        found = [each.end() for each in listening]
    (since, cpu), (until, cpu_after) = marks
    used = {name: cpu_after[name] - cpu[name] for name in cpu_after}
    return report.row(row.name, row.per_s, row.slow, found, until - since, used)


def _shares(count: int, parts: int) -> list[int]:
    return [count // parts + (number < count % parts) for number in range(parts)]


class Listening:
    """One process of subscribers."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was asked for
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        return self._process.stdout.readline().strip()

    def go(self) -> None:
        self._tell("go")

    def end(self) -> dict[str, Any]:
        self._tell("end")
        return dict(msgspec.json.decode(self.hear()))


@contextmanager
def _subscribers(
    port: int, count: int, channels: list[dict[str, str]], *, deaf: bool = False
) -> Iterator[Listening]:
    asked = msgspec.json.encode({"port": port, "count": count, "channels": channels, "deaf": deaf}).decode()
    command = [sys.executable, "-m", "bench.fanout.subscribers", asked]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        try:
            one = Listening(process)
            if one.hear() != "ready":
                raise RuntimeError(f"{count} subscribers could not subscribe: see what they said above")
            yield one
        finally:
            process.terminate()
            process.wait(STOP_S_MAX)


async def _play(settings: Settings, row: Row, seconds: float, measuring: Callable[[], None]) -> None:
    """Send frames of orders at fixed times; half of the orders trade, so that the book stays small."""
    flow = orders(new_run_id())
    async with client_of(settings, transport="ws") as client:
        if not isinstance(client, WebSocketClient):
            raise TypeError("the transport ws has another client")
        wire = await client.wire()
        began, warm = perf_counter(), False
        for number in range(int((seconds + WARM_S) * row.per_s)):
            due = number / row.per_s
            await asyncio.sleep(max(0.0, began + due - perf_counter()))
            if not warm and due >= WARM_S:
                warm = True
                measuring()
            await wire.send(list(islice(flow, row.orders)), _ignore)
        await asyncio.sleep(DRAIN_S)
        if not warm:
            measuring()


def _ignore(_index: int, _outcome: Outcome) -> None:
    """What became of the orders, the subscribers are told."""
