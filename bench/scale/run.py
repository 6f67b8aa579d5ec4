"""Runs the scale benchmark: 1, 2, 4 shards with as many processors, on servers of their own for each row.

Everything is as in ``bench.write.included``: WebSocket, API, Kafka, processors, durable commits, publishing
and the answers back; the read side is off. Each shard has a market of its own, and its share of the lanes.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg

from bench.scale import report
from bench.scale.report import SHARDS
from bench.write import alone, flow, included
from bench.write.usage import Usage, per_order
from stack import compiled, services
from stack.load.playing import batches
from stack.load.session import admin_token, run_async
from stack.load.websocket import WebSocketClient
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from stack.waiting import wait_until

SERVERS = ("postgres", "kafka", "redis")
OTHERS = ("command-api", *SERVERS)
OPENED_MS_MAX = 60_000

Say = Callable[[str], None]


def run(folder: Path, seconds: float, seed: int, say: Say) -> dict[str, Any]:
    """Return what ``--json`` prints; ``seconds``: how long all rows together are measured. ``folder`` is
    made, on the disk that commits have to reach, and removed at the end.
    """
    busy_before = os.getloadavg()
    rows = [_row(folder, shards, seconds / len(SHARDS), seed, say) for shards in SHARDS]
    load = {
        "seconds": seconds,
        "seconds_per_row": round(seconds / len(SHARDS), 2),
        "seed": seed,
        "lanes": included.LANES,
        "commands_per_request": included.BATCH_COMMANDS,
        "domain_compiled": compiled.path(Settings(folder=folder)) != str(CHECKOUT),
        "read_side": "off",
        "synchronous_commit": "on",
        "fsync": "on",
        "shares_the_machine": "load, services and servers run on the same processors",
        "machine_load_before": list(busy_before),
        "machine_load_after": list(os.getloadavg()),
    }
    return report.as_object(rows, load)


def _row(folder: Path, shards: int, seconds: float, seed: int, say: Say) -> dict[str, Any]:
    say(f"{shards} shard{'s' if shards > 1 else ''}, as many processors: bringing up the servers")
    shutil.rmtree(folder, ignore_errors=True)
    settings = Settings.with_free_ports(folder, shards=shards, processors=shards)
    compiled.prepare(settings)
    try:
        with running_stack(settings, servers=SERVERS) as stack:
            stack.prepare()
            opened = [alone.open_markets(stack, [symbol_of(shard)], shard) for shard in range(shards)]
            stack.start_services([*services.processors(stack.settings), "command-api"])
            _wait_until_opened(stack, opened)
            say(f"{shards} shard{'s' if shards > 1 else ''}: measuring for {seconds:g} s")
            found: dict[str, Any] = {}
            run_async(_measure(stack, seconds, *_lanes(shards, seconds, seed), found))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return found


def symbol_of(shard: int) -> str:
    return f"SCALE{shard}-USD"


def _wait_until_opened(stack: Stack, opened: list[int]) -> None:
    """Wait, bounded, until every shard has decided what was put into its log."""
    with psycopg.connect(stack.settings.postgres_dsn, autocommit=True) as store:

        def done() -> bool:
            return all(alone.next_offset(store, shard) >= count for shard, count in enumerate(opened))

        wait_until(done, OPENED_MS_MAX, "the markets are listed, and the accounts funded")


Lanes = list[list[included.Request]]


def _lanes(shards: int, seconds: float, seed: int) -> tuple[Lanes, Lanes]:
    """Deal each shard's own flow out to its share of the lanes, by account: what fills the books, and what is
    played then.
    """
    each = included.LANES // shards
    commands = (seconds + included.WARM_UP_S) * included.COMMANDS_PER_S / 1.2  # a modify is two commands
    filling, playing = (Lanes([] for _ in range(each * shards)) for _ in range(2))
    for shard in range(shards):
        steps = flow.steps(int(commands / shards) * HEADROOM, seed + shard, f"scale-{shard}")
        for number, step in enumerate(steps):
            lane = shard * each + flow.ACCOUNT_NAMES.index(step.account) % each
            lanes = filling if number < flow.RESTING.resting else playing
            lanes[lane].append(flow.request(step, symbol_of(shard), shard))
    return filling, playing


HEADROOM = 2  # a shard may get more of the machine than its share


async def _fill(client: WebSocketClient, lane: list[included.Request]) -> None:
    for batch in batches(lane):
        await client.batch(batch)


async def _measure(stack: Stack, seconds: float, filling: Lanes, lanes: Lanes, found: dict[str, Any]) -> None:
    settings = stack.settings
    processors = services.processors(settings)
    counted, stop = included.Counted(), asyncio.Event()
    url = f"http://{HOST}:{settings.command_api_port}"
    async with WebSocketClient(url, "", admin_token(settings)) as client, asyncio.TaskGroup() as group:
        # more shards have more books to fill: what is measured is to be the same mix for all rows
        await asyncio.gather(*(_fill(client, lane) for lane in filling))
        for lane in lanes:
            group.create_task(included.play(client, lane, counted, stop))
        await asyncio.sleep(included.WARM_UP_S)
        usage = Usage(stack, [*processors, *OTHERS], client=True)
        since, cpu = perf_counter(), usage.seconds()
        counted.on = True
        await asyncio.sleep(seconds)
        counted.on = False
        elapsed, cpu_after = perf_counter() - since, usage.seconds()
        stop.set()
    found.update(
        {
            "name": f"shards_{settings.shards}",
            "value": round(counted.orders / elapsed),
            "unit": "orders/s",
            "shards": settings.shards,
            "processors": settings.processors,
            "door": included.DOOR,
            "commands_per_second": round(counted.commands / elapsed),
            "batch_ms": counted.batch_ms.percentiles(),
            "refused": counted.refused,
            "seconds": round(elapsed, 2),
            "cpu_us_per_order": per_order(cpu, cpu_after, max(1, counted.orders)),
        }
    )
