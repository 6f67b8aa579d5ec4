"""The auditor: follows the commits of all shards and signs heads of their chains, outside the live loop.

A process of its own: it reads one row a look, so it costs next to nothing, and it works on while a processor
stands still. It does not sign what contradicts the head it signed last: a history written anew gets no new
head, and the log says so; ``./oms audit verify`` then says where.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event as Flag
from typing import NamedTuple

import msgspec
import psycopg

from commands.heads import Head, HeadFiles, Kind, SignedHead, Signer, link

logger = logging.getLogger(__name__)

LOOK_S = 0.2
RECONNECT_S = 1.0
CONNECT_WAIT_S = 5
SAY_AGAIN_S = 60.0
GRACE_LOOK_S = 0.1


@dataclass(frozen=True)
class AuditorConfig:
    """What it reads, and how often it signs: a head is due when the chain has moved and either bound is met.

    ``stop_ms_max``: how long, at a clean stop, it waits for the processors to end before the last heads.
    """

    postgres_dsn: str
    interval_ms: int
    commits_max: int
    stop_ms_max: int


class End(NamedTuple):
    """The newest commit of a shard."""

    last_seq: int
    chain_hash: bytes
    state_hash: bytes
    state_hash_version: int


class Ledger:
    """One shard's heads: the last one, and the next."""

    def __init__(self, shard: int, files: HeadFiles, signer: Signer) -> None:
        self.shard = shard
        self._files = files
        self._signer = signer
        self._last_line = files.last(shard)
        self.last = msgspec.json.decode(self._last_line, type=SignedHead).head if self._last_line else None

    def sign(self, end: End, kind: Kind = "head") -> Head:
        """Add a head for ``end``."""
        self.last = Head(
            kind=kind,
            shard=self.shard,
            last_seq=end.last_seq,
            chain_hash=end.chain_hash.hex(),
            state_hash=end.state_hash.hex(),
            state_hash_version=end.state_hash_version,
            signed_at_us=time.time_ns() // 1_000,
            previous=link(self._last_line),
            key_id=self._signer.key_id,
        )
        self._last_line = self._signer.line(self.last)
        self._files.append(self.shard, self._last_line)
        return self.last


class _Watch:
    """One shard as the auditor follows it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.signed = float("-inf")
        self._complained = float("-inf")

    def look(self, connection: psycopg.Connection, config: AuditorConfig, *, at_once: bool) -> None:
        """Sign a head if one is due."""
        shard, last = self.ledger.shard, self.ledger.last
        end = newest(connection, shard)
        if end is None or (last is not None and end.chain_hash.hex() == last.chain_hash):
            return
        if not at_once and not self._due(connection, config):
            return
        if last is not None and not _contains(connection, last):
            self._complain(last)
            return
        self.ledger.sign(end)
        self.signed = time.monotonic()

    def _due(self, connection: psycopg.Connection, config: AuditorConfig) -> bool:
        if time.monotonic() - self.signed >= config.interval_ms / 1000:
            return True
        after = self.ledger.last.last_seq if self.ledger.last else 0
        row = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM commits WHERE shard = %s AND last_seq > %s LIMIT %s) AS new",
            (self.ledger.shard, after, config.commits_max),
        ).fetchone()
        return row is not None and row[0] >= config.commits_max

    def _complain(self, last: Head) -> None:
        if time.monotonic() - self._complained >= SAY_AGAIN_S:
            self._complained = time.monotonic()
            logger.error(
                "shard %s: its history no longer has the commit that ended at seq %s, of which a head was "
                "signed: it was cut off or written anew. No head is signed. Next: ./oms audit verify",
                self.ledger.shard,
                last.last_seq,
            )


class Auditor:
    """Follows all shards that the store has."""

    def __init__(self, config: AuditorConfig, files: HeadFiles, signer: Signer) -> None:
        self._config = config
        self._files = files
        self._signer = signer
        self._watches: dict[int, _Watch] = {}

    def run(self, stop: Flag, on_ready: Callable[[], None]) -> None:
        """Follow until ``stop`` is set, then sign the last heads. With the database away, try again."""
        self._files.publish_key(self._signer)
        while not stop.is_set():
            try:
                with _connect(self._config.postgres_dsn) as connection:
                    self._follow(connection, stop, on_ready)
                    self._finish(connection)
            except psycopg.OperationalError as error:
                logger.warning("no look at the store for now: %s", error)
                stop.wait(RECONNECT_S)

    def look(self, connection: psycopg.Connection, *, at_once: bool = False) -> None:
        """Sign the heads that are due; ``at_once``: of every shard that has moved."""
        for (shard,) in connection.execute("SELECT shard FROM shards ORDER BY shard").fetchall():
            if shard not in self._watches:
                self._watches[shard] = _Watch(Ledger(shard, self._files, self._signer))
            self._watches[shard].look(connection, self._config, at_once=at_once)

    def _follow(self, connection: psycopg.Connection, stop: Flag, on_ready: Callable[[], None]) -> None:
        self.look(connection)
        on_ready()
        while not stop.wait(LOOK_S):
            self.look(connection)

    def _finish(self, connection: psycopg.Connection) -> None:
        """When all stops at once, a processor may still commit its last batch: wait for it, bounded."""
        self.look(connection, at_once=True)
        deadline = time.monotonic() + self._config.stop_ms_max / 1000
        while _owned(connection) and time.monotonic() < deadline:
            time.sleep(GRACE_LOOK_S)
        self.look(connection, at_once=True)


def newest(connection: psycopg.Connection, shard: int) -> End | None:
    """Return where the shard's chain ends; ``None`` before the first commit."""
    row = connection.execute(
        "SELECT last_seq, chain_hash, state_hash, state_hash_version FROM commits"
        " WHERE shard = %s ORDER BY last_seq DESC LIMIT 1",
        (shard,),
    ).fetchone()
    return None if row is None else End(*row)


def _contains(connection: psycopg.Connection, head: Head) -> bool:
    row = connection.execute(
        "SELECT chain_hash FROM commits WHERE shard = %s AND last_seq = %s", (head.shard, head.last_seq)
    ).fetchone()
    return row is not None and row[0].hex() == head.chain_hash


def _owned(connection: psycopg.Connection) -> bool:
    """Tell whether a processor still has a session of its shard's."""
    found = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'oms-shard-%' LIMIT 1"
    return connection.execute(found).fetchone() is not None


def _connect(dsn: str) -> psycopg.Connection:
    return psycopg.connect(
        dsn, autocommit=True, application_name="oms-auditor", connect_timeout=CONNECT_WAIT_S
    )
