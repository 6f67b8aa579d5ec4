"""The time machine's client: a child process replays, so that all other queries go on being answered."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from select import select
from threading import Lock
from time import monotonic

import msgspec

from streams.audit.travel import Arrived, Wanted

READ_BYTES = 1 << 20
STOP_S_MAX = 5.0


class BusyError(Exception):
    """It has not arrived in time; the text says how far it is. It goes on meanwhile."""


class BrokenError(Exception):
    """It cannot arrive; the text says why."""


class _Told(msgspec.Struct):
    """What the child writes, a line each."""

    at: int = 0
    until: int = 0
    arrived: Arrived | None = None
    error: str = ""


class MachineClient:
    """One child, one replay at a time; whoever comes meanwhile waits, bounded. For any thread.

    ``command``: what starts the child. A replay that takes longer than ``wait_ms_max`` goes on after whoever
    asked for it was told how far it is; the next one that asks waits for its end first.
    """

    def __init__(self, command: Sequence[str], wait_ms_max: int) -> None:
        self._command = list(command)
        self._wait_s_max = wait_ms_max / 1_000
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._under_way = False
        self._last = _Told()

    def __call__(self, wanted: Wanted) -> Arrived:
        """Raises ``BusyError``, ``BrokenError``."""
        deadline = monotonic() + self._wait_s_max
        with self._turn():
            if self._under_way:
                self._answer(deadline)
            self._send(wanted)
            told = self._answer(deadline)
        if told.arrived is None:
            raise BrokenError(told.error)
        return told.arrived

    def close(self) -> None:
        """End the child."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait(STOP_S_MAX)
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=self._wait_s_max):
            raise BusyError(self._how_far())
        try:
            yield
        finally:
            self._lock.release()

    def _send(self, wanted: Wanted) -> None:
        child = self._running()
        assert child.stdin is not None  # noqa: S101 - it was started with a pipe
        self._last = _Told()
        try:
            child.stdin.write(msgspec.json.encode(wanted) + b"\n")
            child.stdin.flush()
        except OSError as error:
            self.close()
            raise BrokenError(f"the time machine ended: {error}") from error
        self._under_way = True

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None or self._child.poll() is not None:
            self.close()
            self._rest, self._under_way = b"", False
            self._child = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._child

    def _answer(self, deadline: float) -> _Told:
        """Return the answer to what is under way. Raises ``BusyError`` if it does not come in time."""
        while True:
            told = msgspec.json.decode(self._line(deadline), type=_Told)
            if told.arrived is not None or told.error:
                self._under_way = False
                return told
            self._last = told

    def _line(self, deadline: float) -> bytes:
        assert self._child is not None  # noqa: S101 - something is under way
        assert self._child.stdout is not None  # noqa: S101 - it was started with a pipe
        output = self._child.stdout.fileno()
        parts = [self._rest]
        while b"\n" not in parts[-1]:
            ready, _, _ = select([output], [], [], max(0.0, deadline - monotonic()))
            if not ready:
                self._rest = b"".join(parts)
                raise BusyError(self._how_far())
            some = os.read(output, READ_BYTES)
            if not some:
                self.close()
                self._under_way = False
                raise BrokenError("the time machine ended before it arrived")
            parts.append(some)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line

    def _how_far(self) -> str:
        if not self._last.until:
            return "it has only just begun"
        return f"it has come to seq {self._last.at:,} of {self._last.until:,}"
