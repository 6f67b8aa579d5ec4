"""Writes a long history straight into an event store, as the order processor would, to be verified.

``python -m bench.audit.history DSN --events 1000000 --heads FOLDER --key HEX``: the flow of the engine
benchmark, decided, encoded, chained and committed by the code that does it live; without Kafka, Redis and an
API, on which the store's history does not depend.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import chain as one_after_the_other
from itertools import islice
from pathlib import Path

import psycopg

from bench.write import flow
from commands import schema
from commands.auditor import Ledger, newest
from commands.batch import Batch
from commands.committer import Commit, Committer
from commands.hash_chain import CommitHeader, chain
from commands.heads import HeadFiles, Signer
from commands.messages import AnyCommand, CommandMessage
from commands.ownership import Ownership, take_over
from commands.shard import Shard

SYMBOLS = ("BTC-USD",)
PARTITIONS = 4
COMMANDS_PER_COMMIT = 100
EVENTS_PER_MESSAGE_MIN = 1.2  # the flow is made beforehand, and must not run out


class Writer:
    """One shard's history, a batch at a time, from an empty store on; a head every ``commits_per_head``."""

    def __init__(self, owned: Ownership, ledger: Ledger | None, commits_per_head: int) -> None:
        self.owned = owned
        self.shard = Shard(owned.shard, PARTITIONS, ids_expected=10_000_000)
        self.committer = Committer(owned.connection, owned.shard)
        self.ledger = ledger
        self.commits_per_head = commits_per_head
        self.chain_hash = owned.chain_hash
        self.offset = owned.next_offset
        self.commits = 0

    def write(self, commands: list[AnyCommand]) -> None:
        """Decide the commands and commit what happened."""
        batch = Batch(self.shard, time.time_ns() // 1_000, {})
        for command in commands:
            batch.handle(CommandMessage(command, "bench"))
        placed = batch.close()
        if not placed:
            return
        self.shard.now_us = batch.now_us
        expected, self.offset = self.offset, self.offset + len(commands)
        header = CommitHeader(
            shard=self.owned.shard,
            epoch=self.owned.epoch,
            first_seq=placed[0].seq,
            last_seq=placed[-1].seq,
            next_offset=self.offset,
            occurred_at_us=batch.now_us,
            state_hash=self.shard.exchange.state_hash,
        )
        self.chain_hash = chain(self.chain_hash, header, (event.state for event in placed))
        self.wait()
        self.committer.begin(Commit(header, expected, 0, self.chain_hash), placed)
        self.commits += 1

    def wait(self) -> None:
        """Have the commit on its way made, and sign a head where one is due."""
        if self.committer.busy:
            self.committer.wait()
        if self.ledger is not None and self.commits % self.commits_per_head == 1:
            self.sign()

    def sign(self) -> None:
        end = newest(self.owned.connection, self.owned.shard)
        if self.ledger is not None and end is not None:
            self.ledger.sign(end)


def write(
    dsn: str, events: int, seed: int, ledger: Ledger | None = None, commits_per_head: int = 1_000
) -> int:
    """Write at least ``events`` events into the empty store at ``dsn``. Return how many."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        schema.create(connection, 1)
        connection.execute("SET synchronous_commit = off")
    writer = Writer(take_over(dsn, flow.SHARD), ledger, commits_per_head)
    writer.owned.connection.execute("SET synchronous_commit = off")  # what is lost in a crash is written anew
    commands = one_after_the_other(flow.opening(SYMBOLS), _commands(events, seed))
    while writer.shard.last_seq < events and (some := list(islice(commands, COMMANDS_PER_COMMIT))):
        writer.write(some)
    writer.wait()
    writer.sign()
    writer.owned.connection.close()
    return writer.shard.last_seq


def _commands(events: int, seed: int) -> Iterator[AnyCommand]:
    messages = int(events / EVENTS_PER_MESSAGE_MIN)
    for number, step in enumerate(flow.steps(messages, seed, "audit")):
        yield flow.command(step, number, SYMBOLS[0])


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("dsn")
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--heads", type=Path)
    parser.add_argument("--key")
    told = parser.parse_args()
    ledger = Ledger(flow.SHARD, HeadFiles(told.heads), Signer(told.key)) if told.heads else None
    if told.heads:
        HeadFiles(told.heads).publish_key(Signer(told.key))
    began = time.monotonic()
    written = write(told.dsn, told.events, told.seed, ledger)
    print(f"{written:,} events in {time.monotonic() - began:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
