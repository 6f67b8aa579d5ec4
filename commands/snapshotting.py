"""Snapshotting: when a shard's snapshot is due, a forked child writes it, and trading goes on meanwhile.

The child has the memory as it was at the fork, and what the parent changes from then on it does not see. It
only reads that memory: every file and socket it inherits is closed at once, and it stores the snapshot over a
connection of its own. It ends without clean-up, which would speak in the parent's name. The library that
talks to Kafka has threads, which a child does not have; none of its functions is called there.
"""

import gc
import logging
import os
import resource
import signal
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn

import psycopg

from commands.paging import pages_of
from commands.shard import Shard
from commands.shard_snapshot import Stand
from commands.snapshots import write

logger = logging.getLogger(__name__)

CONNECT_WAIT_S = 10
NICENESS = 10
STDERR = 2


@dataclass(frozen=True)
class SnapshotConfig:
    """A snapshot is due after ``events``, not sooner than ``interval_ms_min`` after the last was begun; its
    writer is killed after ``write_ms_max``.
    """

    events: int = 100_000
    interval_ms_min: int = 30_000
    write_ms_max: int = 300_000


class Snapshotting:
    """One shard's snapshots, one at a time."""

    def __init__(self, dsn: str, config: SnapshotConfig, shard: Shard) -> None:
        self._dsn = dsn
        self._config = config
        self._shard = shard
        self._child = 0
        self._child_seq = 0
        self._begun_s = float("-inf")

    def write_if_due(self, stand: Stand) -> None:
        """Begin to write a snapshot if one is due. The shard is as its commit ``stand`` leaves it."""
        shard = self._shard
        if self._child or shard.last_seq - shard.snapshot_seq < self._config.events:
            return
        if monotonic() - self._begun_s < self._config.interval_ms_min / 1000:
            return
        self._begun_s, self._child_seq = monotonic(), shard.last_seq
        self._child = _fork()
        if self._child == 0:
            _write_and_end(self._dsn, shard, stand)
        logger.info(
            "shard %s: snapshot at seq %s begun; trading stood still for %.1f ms",
            stand.shard,
            stand.last_seq,
            (monotonic() - self._begun_s) * 1000,
        )

    def look(self) -> None:
        """Take note if the writer has ended; end it if it takes too long."""
        if not self._child:
            return
        ended, status = os.waitpid(self._child, os.WNOHANG)
        if ended:
            self._child = 0
            if status == 0:  # else it is tried again
                self._shard.snapshot_seq = self._child_seq
        elif monotonic() - self._begun_s > self._config.write_ms_max / 1000:
            logger.error(
                "shard %s: its snapshot is not written after %.0f s: ended the writer. "
                "A restart replays from the one before",
                self._shard.number,
                monotonic() - self._begun_s,
            )
            self.end()

    def end(self) -> None:
        """End the writer, if there is one; what it has not finished is forgotten by the store."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            self._child = 0


def _fork() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns where there are other threads: what the child may do then is all that it does
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _write_and_end(dsn: str, shard: Shard, stand: Stand) -> NoReturn:
    """In the child, which must not come back from here, whatever happens."""
    status = 1
    try:
        _let_go()
        _write(dsn, shard, stand)
        status = 0
    except BaseException:
        logger.warning("shard %s: its snapshot at seq %s failed", stand.shard, stand.last_seq, exc_info=True)
    finally:
        os._exit(status)


def _let_go() -> None:
    """Of all that is the parent's; and take the processor only when nobody else wants it."""
    os.closerange(STDERR + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    gc.disable()
    os.nice(NICENESS)


def _write(dsn: str, shard: Shard, stand: Stand) -> None:
    began, parent = monotonic(), os.getppid()
    with psycopg.connect(dsn, autocommit=True, connect_timeout=CONNECT_WAIT_S) as connection:
        written = write(connection, stand, _while_child_of(parent, shard))
    logger.info(
        "shard %s: snapshot at seq %s written, %.1f MB in %.1f s",
        stand.shard,
        stand.last_seq,
        written / 1e6,
        monotonic() - began,
    )


def _while_child_of(parent: int, shard: Shard) -> Iterator[bytes]:
    """Nobody would end the writer of a parent that has died."""
    for page in pages_of(shard):
        if os.getppid() != parent:
            raise SystemExit
        yield page
