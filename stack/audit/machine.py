"""The query API's time machine: a child process, as a replay would take the processor from its answers.

Reads wishes from standard input, a line of JSON each, and writes what it found to standard output; on the way
it says how far it is. It ends with its input. `python -m stack.audit.machine`
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

import msgspec
import psycopg
from psycopg.rows import TupleRow

from commands.time_machine import HistoryDiffersError, TimeMachine
from stack.settings import Settings
from streams.audit.travel import Arrived, Machine, Wanted, looked_up

CONNECT_S = 5


class Told(msgspec.Struct, omit_defaults=True):
    """One line of output: `at` of `until` while it is on the way, then `arrived` or `error`."""

    at: int = 0
    until: int = 0
    arrived: Arrived | None = None
    error: str = ""


def connect(settings: Settings) -> psycopg.Connection[TupleRow]:
    return psycopg.connect(settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S)


def machine_on(
    connection: psycopg.Connection[TupleRow],
    settings: Settings,
    said: Callable[[int, int, int], None] = lambda *_: None,
) -> Machine:
    """Return a time machine that works in this process."""
    machine = TimeMachine(connection, settings.topic_partitions, settings.ids_expected)
    return partial(_travel, machine, said)


def _travel(machine: TimeMachine, said: Callable[[int, int, int], None], wanted: Wanted) -> Arrived:
    stop = machine.go(wanted.shard, wanted.seq, said)
    found = msgspec.Raw(msgspec.json.encode(looked_up(stop.exchange, wanted)))
    return Arrived(found, stop.proven, stop.proof)


def serve(settings: Settings, wishes: BinaryIO, told: BinaryIO) -> None:
    """Answer one wish after the other. With the store away, the next one connects anew."""

    def tell(line: Told) -> None:
        told.write(msgspec.json.encode(line) + b"\n")
        told.flush()

    machine: Machine | None = None
    for line in wishes:
        wanted = msgspec.json.decode(line, type=Wanted)
        try:
            if machine is None:
                machine = machine_on(
                    connect(settings), settings, lambda _, at, until: tell(Told(at=at, until=until))
                )
            tell(Told(arrived=machine(wanted)))
        except (psycopg.Error, HistoryDiffersError) as error:
            machine = None
            tell(Told(error=f"{type(error).__name__}: {error}"))


if __name__ == "__main__":
    serve(Settings.load(), sys.stdin.buffer, sys.stdout.buffer)
