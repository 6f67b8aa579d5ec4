"""Whole lists of the query API as files: streamed, in bounded memory, showing how far they are."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Self

import httpx
from rich.console import Console

from api.auth import mint_token
from stack.ports import HOST
from stack.settings import Settings

ANSWER_S_MAX = 60.0  # between two pieces
TOKEN_S = 3_600
SHOW_EVERY_S = 1.0
PIECE_BYTES = 1 << 16
FORMATS = {".csv": "csv", ".parquet": "parquet"}


class ExportError(RuntimeError):
    """Nothing was exported; the text says why, and what to do."""


@dataclass(frozen=True)
class Wanted:
    """Which list, in which format, to which file; ``filters`` as they stand in the address."""

    path: str
    file: Path
    format: str
    filters: Sequence[tuple[str, str]]

    @classmethod
    def of(cls, what: str, file: Path, where: Sequence[str]) -> Self:
        """Raises ``ExportError`` for what is no list, no such file, no filter."""
        kind = FORMATS.get(file.suffix.lower())
        if kind is None:
            raise ExportError(f"{file} ends in neither .csv nor .parquet: one of them says which to write")
        if not what.startswith("/v1/"):
            raise ExportError(f"{what!r} is no list of the query API such as /v1/orders")
        filters = [(name, value) for name, _, value in (each.partition("=") for each in where)]
        if wrong := [each for each in where if "=" not in each]:
            raise ExportError(f"--where {wrong[0]!r} is no filter such as account=alice")
        return cls(what, file, kind, filters)


def export_to(wanted: Wanted, settings: Settings, console: Console | None) -> dict[str, Any]:
    """Write the file, and return what came of it. Raises ``ExportError``; then there is no file."""
    draft = wanted.file.with_name(f".{wanted.file.name}.part")
    started = monotonic()
    try:
        with draft.open("wb") as target:
            headers, written = _stream(wanted, settings, target, console)
        draft.replace(wanted.file)
    except httpx.HTTPError as error:
        raise ExportError(f"the query API broke off: {error!r}. Is it up (./oms status)?") from None
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    return {
        "file": str(wanted.file),
        "format": wanted.format,
        "bytes": written,
        "seconds": round(monotonic() - started, 1),
        "seq": headers.get("OMS-Seq"),
        "as_of": headers.get("OMS-As-Of"),
    }


def _stream(
    wanted: Wanted, settings: Settings, target: BinaryIO, console: Console | None
) -> tuple[httpx.Headers, int]:
    token = mint_token(settings.token_secret, "export", ["analyst"], valid_s=TOKEN_S)
    address = f"http://{HOST}:{settings.query_api_port}{wanted.path}"
    params = httpx.QueryParams([*wanted.filters, ("format", wanted.format)])
    bearer = {"Authorization": f"Bearer {token}"}
    with httpx.stream("GET", address, params=params, headers=bearer, timeout=ANSWER_S_MAX) as answer:
        if not answer.is_success:
            answer.read()
            raise ExportError(_problem(answer))
        shown = _Shown(console, answer.headers.get("OMS-Rows-Max"), wanted.format)
        for piece in answer.iter_bytes(PIECE_BYTES):
            target.write(piece)
            shown.wrote(piece)
        return answer.headers, shown.bytes


def _problem(answer: httpx.Response) -> str:
    with suppress(ValueError, KeyError):
        told = answer.json()
        return f"{told['detail']}. {told['remedy']}"
    return f"the query API answered {answer.status_code}"


class _Shown:
    """Tells about once a second how far it is; of CSV, in how many rows of how many at most."""

    def __init__(self, console: Console | None, rows_max: str | None, kind: str) -> None:
        self.console = console
        self.rows_max = None if rows_max is None else int(rows_max)
        self.counts_rows = kind == "csv"
        self.bytes = 0
        self.lines = 0
        self.told_at = monotonic()

    def wrote(self, piece: bytes) -> None:
        self.bytes += len(piece)
        self.lines += piece.count(b"\n") if self.counts_rows else 0
        if self.console is not None and monotonic() - self.told_at >= SHOW_EVERY_S:
            self.told_at = monotonic()
            self.console.print(self.text())

    def text(self) -> str:
        size = f"{self.bytes / 1e6:,.1f} MB"
        if not self.counts_rows:
            return f"{size} of {self.rows_max:,} rows at most" if self.rows_max is not None else size
        if not self.rows_max:
            return f"{self.lines:,} rows, {size}"
        return f"{self.lines:,} of at most {self.rows_max:,} rows ({self.lines / self.rows_max:.0%}), {size}"
