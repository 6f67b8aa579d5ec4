"""Runs the read benchmark on servers of its own, which it brings up and forgets."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from bench.read import alternatives, folding, history, rebuilding, report, server, writing
from bench.read.history import Commit, Piece
from bench.write.usage import Usage
from projections.folding import Folding
from projections.orders import PROJECTION as ORDERS
from projections.projection import At, Document
from projections.registry import PROJECTIONS
from stack import compiled
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from streams.codec import RecordedEvent

SERVERS = ("postgres", "mongo")
FOLDED_EVENTS_MAX = 200_000
WRITTEN_EVENTS_MAX = 50_000
MONGO_ANSWER_MS_MAX = 60_000

Say = Callable[[str], None]


def run(folder: Path, events: int, seed: int, say: Say) -> dict[str, Any]:
    """Return what ``--json`` prints. ``events`` are made, stored and read back; the first of them are folded
    in memory and written to the MongoDB-compatible server. ``folder`` is made, and removed at the end.
    """
    busy_before = os.getloadavg()
    shutil.rmtree(folder, ignore_errors=True)
    settings = Settings.with_free_ports(folder)
    compiled.prepare(settings)
    say("Bringing up PostgreSQL and the MongoDB-compatible server")
    try:
        with running_stack(settings, servers=SERVERS) as stack:
            found = _measured(stack, events, seed, say)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found["load"] |= {
        "machine_load_before": list(busy_before),
        "machine_load_after": list(os.getloadavg()),
    }
    return found


def _measured(stack: Stack, events: int, seed: int, say: Say) -> dict[str, Any]:
    settings, usage = stack.settings, Usage(stack, ("mongo",), client=True)
    say(f"Making and storing {events:,} events")
    stream = history.commits(events, seed)
    first = list(history.until(stream, FOLDED_EVENTS_MAX))
    stored = rebuilding.fill(settings.postgres_dsn, _chained(first, stream), say)
    with MongoClient[Document](
        settings.mongo_url, socketTimeoutMS=MONGO_ANSWER_MS_MAX, retryWrites=False, w="majority"
    ) as mongo:
        results, workers = _folded(first, say)
        written = list(history.slices(history.until(iter(first), WRITTEN_EVENTS_MAX)))
        _written(results, written, mongo, usage, say)
        orders = folding.decoded(history.until(iter(first), WRITTEN_EVENTS_MAX))
        say("What else could keep the orders")
        others = alternatives.rows(orders, mongo["bench_others"], usage)
        say("What the server takes for a call")
        calls = server.calls(_documents(orders), mongo["bench_calls"], usage)
        say(f"Rebuilding from {stored:,} events: folding alone, then with writing")
        fold_only = rebuilding.fold_only(settings.postgres_dsn, usage)
        rebuilt = rebuilding.rebuild(settings.postgres_dsn, mongo["bench_rebuilt"], usage)
    load = {
        "events": stored,
        "events_folded": sum(map(len, first)),
        "events_written": min(stored, WRITTEN_EVENTS_MAX),
        "seed": seed,
        "commands_per_commit": history.COMMANDS_PER_COMMIT,
        "records_per_batch": writing.RECORDS_PER_BATCH,
        "partitions": history.PARTITIONS,
        "domain_compiled": compiled.path(settings) != str(CHECKOUT),
        "server": "Docker" if stack.in_docker else "nx-27017",
    }
    parts = {"workers": workers, "server_calls": calls, "fold_only": fold_only, "rebuild": rebuilt}
    return report.as_object([*results, *others], parts, load)


def _chained(first: Sequence[Commit], rest: Iterator[Commit]) -> Iterator[Commit]:
    yield from first
    yield from rest


def _folded(first: Sequence[Commit], say: Say) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return a row for each projection, and one for each topic's worker."""
    say("Folding in memory, projection by projection")
    pieces = list(history.slices(first))
    events = folding.decoded(first)
    rows = [folding.fold_row(projection, events) for projection in PROJECTIONS.values()]
    decode_us = round(folding.decode_us(pieces), 2)
    return [{**row, "decode_us": decode_us} for row in rows], folding.worker_rows(pieces)


def _written(
    results: list[dict[str, Any]],
    written: Sequence[Piece],
    mongo: MongoClient[Document],
    usage: Usage,
    say: Say,
) -> None:
    """Put into each row what the projection does end to end, and add the row of all together."""
    for row in results:
        say(f"  {row['name']}, from records to documents")
        row["end_to_end"] = writing.alone(row["name"], written, _database(mongo, row["name"]), usage)
    say("  all of them in one process")
    everything = writing.together(written, _database(mongo, "all"), usage)
    results.append({"name": "all", "value": None, "unit": "events/s folded", "end_to_end": everything})


def _database(mongo: MongoClient[Document], name: str) -> Database[Document]:
    return mongo[f"bench_{name}"]


def _documents(orders: Sequence[RecordedEvent]) -> list[Document]:
    """Return documents of orders as they are after all events."""
    fold = Folding(ORDERS)
    for recorded in orders:
        if type(recorded.event) in ORDERS.event_types:
            fold.fold(recorded.event, At(0, recorded.seq, recorded.occurred_at_us))
    return list(fold.documents.values())
