"""Tables as CSV and Parquet, written a piece at a time.

A table's columns are the fields of its row, a flat struct. In CSV everything is text as in JSON; what is
not there is empty. In Parquet a decimal is a ``decimal128(38, 18)``, exact: no amount of the exchange has
more than 18 decimals; a time is a timestamp in microseconds, UTC.
"""

import csv
import io
from collections.abc import Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from api.query.decimals import Day, Decimal, Price, Time

DECIMAL = pa.decimal128(38, 18)
TIME = pa.timestamp("us", tz="UTC")
DAY = pa.date32()
COLUMNS: dict[Any, pa.DataType] = {
    Decimal: DECIMAL,
    Price: DECIMAL,
    Time: TIME,
    Day: DAY,
    str: pa.string(),
    int: pa.int64(),
    bool: pa.bool_(),
}


FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, and would carry out."""


class CsvTable:
    """Writes rows of one kind as CSV (RFC 4180), with a line of names first. A text that a spreadsheet would
    take for a formula has an apostrophe before it; numbers, times and days are what they are.
    """

    def __init__(self, row: type[msgspec.Struct]) -> None:
        hints = get_type_hints(row, include_extras=True)
        self._free = [str in _kinds(hints[name]) for name in row.__struct_fields__]
        self._text = io.StringIO()
        self._writer = csv.writer(self._text)
        self._writer.writerow(row.__struct_fields__)

    def write(self, rows: Sequence[msgspec.Struct]) -> bytes:
        """Return the next piece of the file."""
        self._writer.writerows(_texts(row, self._free) for row in rows)
        return self._taken()

    def end(self) -> bytes:
        return self._taken()

    def _taken(self) -> bytes:
        taken = self._text.getvalue().encode()
        self._text.seek(0)
        self._text.truncate()
        return taken


def _texts(row: msgspec.Struct, free: Sequence[bool]) -> list[Any]:
    values = msgspec.structs.astuple(row)
    return [_text(value, free=may_be_any) for value, may_be_any in zip(values, free, strict=True)]


def _text(value: Any, *, free: bool) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if free and isinstance(value, str) and value.startswith(FORMULA) else value


class ParquetTable:
    """Writes rows of one kind as Parquet: each piece is a row group."""

    def __init__(self, row: type[msgspec.Struct]) -> None:
        self.schema = schema_of(row)
        self._file = _Pieces()
        self._writer = pq.ParquetWriter(self._file, self.schema, compression="zstd")

    def write(self, rows: Sequence[msgspec.Struct]) -> bytes:
        """Return the next piece of the file. Raises ``ArrowInvalid`` for a number that is none."""
        if rows:
            self._writer.write_table(table_of(rows, self.schema))
        return self._file.taken()

    def end(self) -> bytes:
        self._writer.close()
        return self._file.taken()


class _Pieces(io.RawIOBase):
    """A file that gives away what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._written += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def schema_of(row: type[msgspec.Struct]) -> pa.Schema:
    """Return the columns of a table of such rows, in order."""
    hints = get_type_hints(row, include_extras=True)
    return pa.schema([_column(name, hints[name]) for name in row.__struct_fields__])


def _column(name: str, hint: Any) -> pa.Field:
    kinds = _kinds(hint)
    (kind,) = (each for each in kinds if each is not type(None))
    return pa.field(name, COLUMNS[kind], nullable=len(kinds) > 1)


def _kinds(hint: Any) -> list[Any]:
    """Return what a value may be; of an annotated type that is no column's own, the type behind it."""
    if hint in COLUMNS:
        return [hint]
    if hasattr(hint, "__metadata__"):
        return _kinds(hint.__origin__)
    if get_origin(hint) in {Union, UnionType}:
        return [kind for each in get_args(hint) for kind in _kinds(each)]
    return [str] if get_origin(hint) is Literal else [hint]


def table_of(rows: Sequence[msgspec.Struct], schema: pa.Schema) -> pa.Table:
    columns = zip(*map(msgspec.structs.astuple, rows), strict=True)
    arrays = [_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Decimals, times and days are read from their texts: exactly, and by the library."""
    if kind in {DECIMAL, TIME, DAY}:
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)
