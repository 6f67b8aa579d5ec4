"""One part of a verification as a process of its own: all cores work, and the domain may be the compiled one.

``python -m stack.audit.part`` reads a ``Request`` as JSON from standard input and writes a line for each
thing it has to tell: how far it is, and at the end what was found or why nothing could be.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from time import perf_counter, process_time
from typing import IO

import msgspec
import psycopg

from stack import compiled
from stack.audit import parts
from stack.audit.findings import Findings
from stack.audit.parts import Progress, Request
from stack.settings import Settings

ERROR_CHARACTERS_MAX = 2_000
END_WAIT_S = 10.0


class AuditError(RuntimeError):
    """The verification could not be made; the text says why, and what to do."""


class Told(msgspec.Struct, frozen=True, tag=True):
    what: str
    done: int
    total: int


class Found(msgspec.Struct, frozen=True, tag=True):
    """``seconds``: how long the part took, its start not counted; ``cpu_seconds``: of its own process."""

    findings: Findings
    seconds: float
    cpu_seconds: float


class Failed(msgspec.Struct, frozen=True, tag=True):
    why: str


_line = msgspec.json.Decoder(Told | Found | Failed)
_request = msgspec.json.Decoder(Request)


class Process:
    """A part's process. ``complaints``: the file with what it wrote to its standard error."""

    def __init__(self, settings: Settings, complaints: IO[bytes]) -> None:
        self._complaints = complaints
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "stack.audit.part"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**os.environ, "PYTHONPATH": compiled.path(settings)},
        )

    def ask(self, request: Request) -> Iterator[bytes]:
        """Yield the lines that the part writes."""
        assert self._process.stdin is not None, "it is a pipe"  # noqa: S101 - an invariant
        assert self._process.stdout is not None, "it is a pipe"  # noqa: S101 - an invariant
        with suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(msgspec.json.encode(request))
        yield from self._process.stdout

    def last_words(self) -> str:
        code = self._process.wait(END_WAIT_S)
        self._complaints.seek(0)
        said = self._complaints.read().decode(errors="replace")[-ERROR_CHARACTERS_MAX:]
        return f"ended with code {code}:\n{said}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@contextmanager
def process(settings: Settings) -> Iterator[Process]:
    """Start the process of a part; it ends with the block."""
    with tempfile.TemporaryFile() as complaints, closing(Process(settings, complaints)) as started:
        yield started


def follow(process: Process, request: Request, said: Progress) -> Found:
    """Have the part done, tell its progress, and return what it found. Raises ``AuditError``."""
    for line in process.ask(request):
        told = _line.decode(line)
        if isinstance(told, Found):
            return told
        if isinstance(told, Failed):
            raise AuditError(told.why)
        said(told.what, told.done, told.total)
    raise AuditError(f"The part {request.part!r} of the verification {process.last_words()}")


def main() -> None:
    request = _request.decode(sys.stdin.buffer.read())
    began = perf_counter()
    findings = Findings()
    try:
        parts.run(request, findings, lambda *told: _tell(Told(*told)))
    except psycopg.OperationalError as error:
        _tell(Failed(f"The event store does not answer: {error}"))
    else:
        _tell(Found(findings, perf_counter() - began, process_time()))


def _tell(what: Told | Found | Failed) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
