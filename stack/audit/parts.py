"""The three parts of a verification. Each reads the store itself and believes nothing the others read.

``chain``: the chain and its signed heads; ``replay``: state and money; ``read_models``: the documents.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from commands.heads import HeadFiles, Keys
from projections.projection import Document
from stack.audit.chain import ChainCheck
from stack.audit.findings import Findings
from stack.audit.in_transit import Sightings, differences, in_transit
from stack.audit.replaying import Replay
from stack.audit.signed import HeadCheck
from stack.audit.stored import ShardEnd, read_commits, read_rows, read_states
from streams import compare
from streams.codec import RecordedEvent
from streams.history import read_events
from streams.progress import Place
from streams.topics import destination

CONNECT_S = 10
SAY_EVERY_EVENTS = 5_000
TAIL_EVENTS = 100_000

PartName = Literal["chain", "replay", "read_models"]

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how many events of it are done, and how many there are."""


class Request(msgspec.Struct, frozen=True):
    """What a part is asked. ``ends``: the shards, and how far each is verified. ``head_lines``: how many
    lines of each shard's heads there were before the ends were read. ``own_key``: the stack's public one.
    ``all_shards``: the ends are those of every shard, as of one moment.
    """

    part: PartName
    dsn: str
    ends: list[ShardEnd]
    heads: str
    head_lines: dict[int, int]
    own_key: bytes
    public_keys: list[str]
    mongo_url: str
    mongo_database: str
    partitions: int
    catch_up_s_max: float
    all_shards: bool


def run(request: Request, findings: Findings, said: Progress) -> None:
    """Do the part that is asked for."""
    part = {"chain": verify_chain, "replay": verify_state, "read_models": verify_read_models}[request.part]
    with psycopg.connect(
        request.dsn, autocommit=True, connect_timeout=CONNECT_S, application_name="oms-audit"
    ) as store:
        part(store, request, findings, said)


# --- The chain --------------------------------------------------------------------------------------------


def verify_chain(store: psycopg.Connection, request: Request, findings: Findings, said: Progress) -> None:
    own = Ed25519PublicKey.from_public_bytes(request.own_key)
    keys = Keys.read(own, map(Path, request.public_keys))
    files = HeadFiles(Path(request.heads))
    for end in request.ends:
        heads = HeadCheck(files, keys, end.shard, findings, request.head_lines.get(end.shard, 0))
        chain = ChainCheck(end, findings)
        until = max(end.last_seq, end.last_commit)
        commits, rows = read_commits(store, end.shard, until), read_rows(store, end.shard, end.last_seq)
        told = 0
        for commit, events in chain.follow(commits, rows):
            heads.along(commit)
            findings.events += len(events)
            if commit.last_seq - told >= SAY_EVERY_EVENTS:
                told = commit.last_seq
                said(f"Chain of shard {end.shard}", told, end.last_seq)
        heads.finish(end)
        findings.shards.append(
            {
                "shard": end.shard,
                "last_seq": end.last_seq,
                "chain_hash": end.chain_hash.hex(),
                "heads": heads.count,
                "signed_up_to_seq": heads.furthest,
            }
        )


# --- State and money --------------------------------------------------------------------------------------


def verify_state(store: psycopg.Connection, request: Request, findings: Findings, said: Progress) -> None:
    sightings = []
    for end in request.ends:
        replay = Replay(end.shard, findings)
        until = max(end.last_seq, end.last_commit)
        replay.run(
            read_commits(store, end.shard, until),
            read_states(store, end.shard, end.last_seq),
            lambda done, end=end: said(f"Replay of shard {end.shard}", done, end.last_seq),  # type: ignore[misc] # mypy does not infer a default's type here
        )
        replay.finish()
        findings.events += replay.done
        sightings.append(replay.sightings)
    compare_shards(sightings, findings, all_shards=request.all_shards)


def compare_shards(sightings: Sequence[Sightings], findings: Findings, *, all_shards: bool) -> None:
    """What shards sent each other: only all of them together tell, and all of each of them."""
    if not all_shards:
        if any(each.sent or each.received for each in sightings):
            findings.notes.append("one shard alone: its transfers with others were not compared with theirs")
        return
    if not all(each.whole for each in sightings):
        return  # which shard could not be replayed to its end has been said
    findings.in_transit = in_transit(sightings)
    for difference in differences(sightings):
        findings.wrong("money_conserved", difference)


# --- The read models --------------------------------------------------------------------------------------


def verify_read_models(
    store: psycopg.Connection, request: Request, findings: Findings, said: Progress
) -> None:
    mongo: MongoClient[Document] = MongoClient(request.mongo_url, serverSelectionTimeoutMS=CONNECT_S * 1_000)
    try:
        for end in request.ends:
            models = _ReadModels(store, mongo[request.mongo_database], end, request, said)
            for difference in models.differences():
                findings.wrong("read_models_equal", f"shard {end.shard}: {difference}")
            findings.events += end.last_seq
    except TimeoutError as error:
        findings.wrong("read_models_equal", f"the read models did not catch up: {error}")
    except PyMongoError as error:
        findings.wrong("read_models_equal", f"the read models do not answer: {error}")
    finally:
        mongo.close()


class _ReadModels:
    """One shard's documents. How far they must have come follows from the events themselves: from the last
    ones at first, so that folding can begin; from all of them where something then differs.
    """

    def __init__(
        self,
        store: psycopg.Connection,
        database: Database[Document],
        end: ShardEnd,
        request: Request,
        said: Progress,
    ) -> None:
        self.store = store
        self.database = database
        self.end = end
        self.request = request
        self.said = said
        self.places: dict[Place, int] = {}

    def differences(self) -> list[str]:
        """Return in words where documents differ. Raises ``TimeoutError``, ``PyMongoError``."""
        end = self.end
        try:
            for _ in self._noted(
                read_events(self.store, end.shard, end.last_seq - TAIL_EVENTS, end.last_seq)
            ):
                pass
            self._wait()
            found = self._compare()
            if found and compare.behind(self.database, self.places):
                self._wait()
                found = self._compare()
        except (PyMongoError, psycopg.Error, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - events that were tampered with can break any fold
            return [f"the events cannot be folded: {type(error).__name__}: {error}"]
        return found

    def _wait(self) -> None:
        compare.wait_until_visible(
            self.database,
            self.places,
            self.request.catch_up_s_max,
            lambda lag: self.said("Read models lag", 0, lag),
        )

    def _compare(self) -> list[str]:
        end, store = self.end, self.store
        later = compare.Later(
            events=lambda after, until: read_events(store, end.shard, after, until),
            newest=lambda: _newest(store, end.shard),
        )
        events = self._told(self._noted(read_events(store, end.shard, until=end.last_seq)))
        return compare.differences(self.database, events, shard=end.shard, later=later)

    def _noted(self, events: Iterable[RecordedEvent]) -> Iterator[RecordedEvent]:
        for recorded in events:
            place = destination(recorded.event, self.request.partitions)
            self.places[Place(*place, self.end.shard)] = recorded.seq
            yield recorded

    def _told(self, events: Iterator[RecordedEvent]) -> Iterator[RecordedEvent]:
        for done, recorded in enumerate(events):
            yield recorded
            if done % SAY_EVERY_EVENTS == 0:
                self.said(f"Read models of shard {self.end.shard}", done, self.end.last_seq)


def _newest(store: psycopg.Connection, shard: int) -> int:
    row = store.execute("SELECT last_seq FROM shards WHERE shard = %s", (shard,)).fetchone()
    return int(row[0]) if row else 0
