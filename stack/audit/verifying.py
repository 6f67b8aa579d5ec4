"""Verifies the store from its first commit on, up to where it was when the verification began.

Two passes: the first recomputes the chain, replays the events and goes along the signed heads; from it is
known how far the read models have to have come before the second folds and compares them. A stack that runs
may go on running.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import psycopg
from psycopg.errors import UndefinedTable
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from commands.heads import HeadError, HeadFiles, Keys, Signer
from projections.projection import Document
from stack.audit.chain import ChainCheck, Stored
from stack.audit.findings import Findings
from stack.audit.in_transit import Sightings, differences, in_transit
from stack.audit.replaying import Replay
from stack.audit.signed import HeadCheck
from stack.audit.stored import ShardEnd, ends, read_commits, read_rows
from stack.settings import Settings
from streams import compare
from streams.codec import RecordedEvent
from streams.history import read_events
from streams.progress import Place

CONNECT_S = 10
SAY_EVERY_EVENTS = 5_000

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how many events of it are done, and how many there are."""


class AuditError(RuntimeError):
    """The verification could not be made; the text says why, and what to do."""


@dataclass(frozen=True)
class Asked:
    """``shard``: only this one. ``public_keys``: PEM files of keys that signed heads beside the stack's own.
    ``catch_up_s_max``: how long to wait for the read models.
    """

    shard: int | None = None
    public_keys: Sequence[Path] = ()
    catch_up_s_max: float = 300.0


class Verification:
    """One verification of the stack that ``settings`` describe."""

    def __init__(self, settings: Settings, asked: Asked, said: Progress) -> None:
        self.settings = settings
        self.asked = asked
        self.said = said
        self.findings = Findings()
        self.sightings: list[Sightings] = []

    def run(self) -> Findings:
        """Return what was found. Raises ``AuditError`` where nothing can be verified at all."""
        began = perf_counter()
        try:
            with _connect(self.settings) as store:
                verified = self._history(store)
                self.findings.elapsed_s = perf_counter() - began
                self._read_models(store, verified)
        except psycopg.OperationalError as error:
            raise AuditError(f"The event store does not answer: {error}. Is the stack up? ./oms up") from None
        except UndefinedTable as error:
            raise AuditError(f"There is no event store here yet: {error}. Next: ./oms up") from None
        return self.findings

    # --- The history --------------------------------------------------------------------------------------

    def _history(self, store: psycopg.Connection) -> list[tuple[ShardEnd, dict[Place, int]]]:
        files = HeadFiles(self.settings.heads)
        keys = self._keys()
        shards = {end.shard for end in ends(store)}
        wanted = shards if self.asked.shard is None else {self.asked.shard}
        if not wanted <= shards:
            raise AuditError(f"There is no shard {self.asked.shard}; there are {sorted(shards)}")
        checks = {shard: HeadCheck(files, keys, shard, self.findings) for shard in sorted(wanted)}
        if self.asked.shard is None:
            self._missing_shards(files, shards)
        found = [end for end in ends(store) if end.shard in wanted]
        verified = [(end, self._shard(store, end, checks[end.shard])) for end in found]
        self.compare_shards()
        return verified

    def compare_shards(self) -> None:
        """What shards sent each other: only all of them together tell, and all of each of them."""
        if self.asked.shard is not None:
            if any(each.sent or each.received for each in self.sightings):
                self.findings.notes.append(
                    "one shard alone: its transfers with others were not compared with theirs"
                )
            return
        if not all(each.whole for each in self.sightings):
            return  # which shard could not be replayed to its end has been said
        self.findings.in_transit = in_transit(self.sightings)
        for difference in differences(self.sightings):
            self.findings.wrong("money_conserved", difference)

    def _keys(self) -> Keys:
        try:
            own = Signer(self.settings.head_signing_key).public_key
            return Keys.read(own, self.asked.public_keys)
        except (HeadError, ValueError) as error:
            raise AuditError(f"No key to verify heads with: {error}") from None

    def _missing_shards(self, files: HeadFiles, shards: set[int]) -> None:
        for shard in files.shards():
            if shard not in shards:
                self.findings.wrong(
                    "chain_ok", f"shard {shard}: there are heads of it; the store has no such shard"
                )

    def _shard(self, store: psycopg.Connection, end: ShardEnd, heads: HeadCheck) -> dict[Place, int]:
        chain = ChainCheck(end, self.findings)
        replay = Replay(end.shard, self.settings.topic_partitions, self.findings)
        until = max(end.last_seq, end.last_commit)
        commits, rows = read_commits(store, end.shard, until), read_rows(store, end.shard, end.last_seq)
        for commit, events in self._counted(chain.follow(commits, rows), end):
            heads.along(commit)
            replay.take(commit, events)
        heads.finish(end)
        replay.finish()
        self.sightings.append(replay.sightings)
        self.findings.shards.append(
            {
                "shard": end.shard,
                "last_seq": end.last_seq,
                "chain_hash": end.chain_hash.hex(),
                "heads": heads.count,
                "signed_up_to_seq": heads.furthest,
            }
        )
        return replay.places

    def _counted(self, stored: Iterator[Stored], end: ShardEnd) -> Iterator[Stored]:
        done = told = 0
        for commit, events in stored:
            yield commit, events
            done += len(events)
            self.findings.events += len(events)
            if done - told >= SAY_EVERY_EVENTS:
                told = done
                self.said(f"Verifying shard {end.shard}", done, end.last_seq)

    # --- The read models ----------------------------------------------------------------------------------

    def _read_models(
        self, store: psycopg.Connection, verified: list[tuple[ShardEnd, dict[Place, int]]]
    ) -> None:
        mongo: MongoClient[Document] = MongoClient(
            self.settings.mongo_url, serverSelectionTimeoutMS=CONNECT_S * 1_000
        )
        try:
            for end, places in verified:
                self._compare(store, mongo[self.settings.mongo_database], end, places)
        except TimeoutError as error:
            self.findings.wrong("read_models_equal", f"the read models did not catch up: {error}")
        except PyMongoError as error:
            self.findings.wrong("read_models_equal", f"the read models do not answer: {error}")
        finally:
            mongo.close()

    def _compare(
        self, store: psycopg.Connection, database: Database[Document], end: ShardEnd, places: dict[Place, int]
    ) -> None:
        compare.wait_until_visible(
            database, places, self.asked.catch_up_s_max, lambda lag: self.said("Read models lag", 0, lag)
        )
        later = compare.Later(
            events=lambda after, until: read_events(store, end.shard, after, until),
            newest=lambda: _newest(store, end.shard),
        )
        try:
            events = self._told(read_events(store, end.shard, until=end.last_seq), end)
            found = compare.differences(database, events, shard=end.shard, later=later)
        except (PyMongoError, psycopg.Error):
            raise
        except Exception as error:  # noqa: BLE001 - events that were tampered with can break any fold
            found = [f"the events cannot be folded: {type(error).__name__}: {error}"]
        for difference in found:
            self.findings.wrong("read_models_equal", f"shard {end.shard}: {difference}")

    def _told(self, events: Iterator[RecordedEvent], end: ShardEnd) -> Iterator[RecordedEvent]:
        for done, recorded in enumerate(events):
            yield recorded
            if done % SAY_EVERY_EVENTS == 0:
                self.said(f"Comparing the read models of shard {end.shard}", done, end.last_seq)


def _connect(settings: Settings) -> psycopg.Connection:
    return psycopg.connect(
        settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S, application_name="oms-audit"
    )


def _newest(store: psycopg.Connection, shard: int) -> int:
    row = store.execute("SELECT last_seq FROM shards WHERE shard = %s", (shard,)).fetchone()
    return int(row[0]) if row else 0
