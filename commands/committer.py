"""Commits a batch without waiting for its end: the next one is decided meanwhile.

A commit is one message to PostgreSQL, and so one transaction: the events by COPY, then one statement that
moves the shard's row on and adds the commit's own row. It finds the shard's row only if that still says what
this owner believes; otherwise the commit's row has no shard, which its table does not take, and nothing of
the transaction is written: another owner has the shard, and ``FencedError`` says so. Commands that made no
event move the row on as well: what was refused stays refused after a restart, and only by the shard's owner.
"""

from collections.abc import Sequence
from select import POLLIN, POLLOUT, poll
from typing import NamedTuple

import psycopg
from psycopg import pq
from psycopg.rows import TupleRow
from psycopg.sql import Identifier

from commands.copying import COLUMNS, Row, copy_data
from commands.hash_chain import CommitHeader
from commands.schema import events_table
from domain.state_hash import VERSION

# The fence comes last: whoever waits for the shard's row waits only for the end of the transaction.
_COMMIT = """
    COPY {table} ({columns}) FROM STDIN (FORMAT BINARY);
    WITH moved AS (
        UPDATE shards SET next_offset = {next_offset}, last_seq = {last_seq},
            chain_hash = {chain_hash}, published_seq = {published_seq}
        WHERE shard = {shard} AND epoch = {epoch}
            AND next_offset = {expected_offset} AND last_seq = {first_seq} - 1
        RETURNING shard
    )
    INSERT INTO commits (shard, last_seq, first_seq, next_offset, epoch, occurred_at_us,
        state_hash, state_hash_version, chain_hash)
    VALUES ((SELECT shard FROM moved), {last_seq}, {first_seq}, {next_offset}, {epoch}, {occurred_at_us},
        {state_hash}, {state_hash_version}, {chain_hash})
"""

_MOVE_ON = """
    UPDATE shards SET next_offset = {next_offset}
    WHERE shard = {shard} AND epoch = {epoch} AND next_offset = {expected_offset}
"""


class FencedError(Exception):
    """Another owner has taken the shard over; this one must not write any more."""


class Commit(NamedTuple):
    """What a commit does to its shard: from the state this owner knows to the next."""

    header: CommitHeader
    expected_offset: int
    published_seq: int
    chain_hash: bytes


class _Fence(NamedTuple):
    """What the shard's row has to say, or another owner has it."""

    epoch: int
    expected_offset: int


class Committer:
    """Sends commits over one connection, one at a time. Not for several threads.

    What fails raises ``psycopg.Error`` or ``FencedError``. After an ``OperationalError`` nobody knows whether
    the commit was made: only the store does.
    """

    def __init__(self, connection: psycopg.Connection[TupleRow], shard: int) -> None:
        self._pgconn = connection.pgconn
        self._shard = shard
        self._table = Identifier(events_table(shard)).as_string(connection)
        self._fence: _Fence | None = None
        self._error: psycopg.Error | FencedError | None = None
        self._unsent = False

    @property
    def busy(self) -> bool:
        """A commit is on its way."""
        return self._fence is not None

    def begin(self, commit: Commit, events: Sequence[Row]) -> None:
        """Send a commit; ``finished`` says when it is made."""
        assert self._fence is None, "one commit at a time"  # noqa: S101 - an invariant
        self._pgconn.send_query(self._statement(commit))
        self._unsent = True
        started = self._next_result()
        if started is None or started.status != pq.ExecStatus.COPY_IN:
            while self._pgconn.get_result() is not None:
                pass  # so that the connection, if it lives, can be used again
            raise _error_of(started)
        self._fence, self._error = _Fence(commit.header.epoch, commit.expected_offset), None
        self._unsent = True
        self._pgconn.put_copy_data(copy_data(self._shard, commit.header.first_seq, events))
        self._pgconn.put_copy_end()
        self._send()

    def move_on(self, epoch: int, expected_offset: int, next_offset: int) -> None:
        """Send a commit without events: the commands before ``next_offset`` made none."""
        assert self._fence is None, "one commit at a time"  # noqa: S101 - an invariant
        self._fence, self._error = _Fence(epoch, expected_offset), None
        statement = _MOVE_ON.format(
            shard=self._shard, epoch=epoch, expected_offset=expected_offset, next_offset=next_offset
        )
        self._pgconn.send_query(statement.encode())
        self._unsent = True
        self._send()

    def finished(self) -> bool:
        """Look, without waiting, whether the commit is made. Raises if it failed, or may have failed."""
        self._send()
        self._pgconn.consume_input()
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                return self._end()
            if result.status != pq.ExecStatus.COMMAND_OK:
                self._error = self._error or _error_of(result)
            elif result.command_tuples == 0:
                self._error = self._error or self._fenced()
        return False

    def wait(self) -> None:
        """Wait until the commit is made. Raises if it failed, or may have failed."""
        while not self.finished():
            wait_for([self])

    @property
    def socket(self) -> tuple[int, int]:
        """The socket's number, and for what to poll it."""
        return self._pgconn.socket, POLLIN | POLLOUT if self._unsent else POLLIN

    def _end(self) -> bool:
        error = self._error
        if isinstance(error, psycopg.errors.NotNullViolation):
            fenced = self._fenced()
            fenced.__cause__ = error
            error = fenced
        self._fence = None
        if error is not None:
            raise error
        return True

    def _fenced(self) -> FencedError:
        return FencedError(f"shard {self._shard} is not at {self._fence} any more")

    def _send(self) -> None:
        """Give the socket what it takes; the rest is tried again at the next look."""
        self._unsent = self._unsent and self._pgconn.flush() == 1

    def _next_result(self) -> pq.abc.PGresult | None:
        self._send()
        while self._unsent or self._pgconn.is_busy():
            wait_for([self])
            self._send()
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    def _statement(self, commit: Commit) -> bytes:
        header = commit.header
        return _COMMIT.format(
            **header._asdict()
            | {
                "table": self._table,
                "columns": COLUMNS,
                "expected_offset": commit.expected_offset,
                "published_seq": commit.published_seq,
                "state_hash": _bytea(header.state_hash.to_bytes(8, "big")),
                "state_hash_version": VERSION,
                "chain_hash": _bytea(commit.chain_hash),
            }
        ).encode()


def wait_for(committers: Sequence[Committer], timeout_s: float | None = None) -> None:
    """Wait until one of their commits may have ended, or can be sent on."""
    sockets = poll()
    for committer in committers:
        sockets.register(*committer.socket)
    sockets.poll(None if timeout_s is None else timeout_s * 1000)


def _bytea(value: bytes) -> str:
    return f"'\\x{value.hex()}'::bytea"


def _error_of(result: pq.abc.PGresult | None) -> psycopg.Error:
    """Return what PostgreSQL says went wrong, as the driver's error of that kind."""
    if result is None:
        return psycopg.OperationalError("PostgreSQL gave no answer")
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
    try:
        kind = psycopg.errors.lookup(state)
    except KeyError:
        kind = psycopg.DatabaseError
    return kind(result.error_message.decode(errors="replace").strip())
