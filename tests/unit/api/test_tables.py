"""A table in CSV and Parquet says what its rows say."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal as Exact
from typing import Annotated, Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec import Meta

from api.query.decimals import Decimal, Price, SymbolName, Time
from api.query.tables import CsvTable, ParquetTable, schema_of
from domain.event import Side


class Row(msgspec.Struct, frozen=True):
    symbol: SymbolName
    side: Side
    price: Price | None
    fees: Decimal
    traded_at: Time
    ended_at: Time | None
    trade_id: int
    post_only: bool
    note: Annotated[str | None, Meta(description="free text")] = None


ROWS = [
    Row("BTC-USD", "buy", "60000.01", "-0.000000000000000001", "2026-01-31T12:00:00.000001Z", None, 1, True),
    Row(
        "X",
        "sell",
        None,
        "12345678901234567890",
        "1970-01-01T00:00:00.000000Z",
        "2026-01-31T12:00:00.5Z",
        2**62,
        False,
        'a "b",\nc',
    ),
]


def pieces(table: CsvTable | ParquetTable) -> bytes:
    return b"".join([table.write(ROWS[:1]), table.write([]), table.write(ROWS[1:]), table.end()])


def test_csv_has_the_texts_of_the_rows() -> None:
    names, *lines = csv.reader(io.StringIO(pieces(CsvTable(Row)).decode(), newline=""))
    assert names == list(Row.__struct_fields__)
    assert lines[0] == [
        "BTC-USD",
        "buy",
        "60000.01",
        "-0.000000000000000001",
        ROWS[0].traded_at,
        "",
        "1",
        "true",
        "",
    ]
    assert lines[1][-1] == 'a "b",\nc'


def test_parquet_has_exact_decimals_and_times_in_utc() -> None:
    table = pq.read_table(io.BytesIO(pieces(ParquetTable(Row))))
    first, second = table.to_pylist()
    assert (first["price"], second["price"]) == (Exact("60000.01"), None)
    assert (first["fees"], second["fees"]) == (Exact("-0.000000000000000001"), Exact(12345678901234567890))
    assert first["traded_at"] == datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC)
    assert (second["trade_id"], second["post_only"], second["note"]) == (2**62, False, 'a "b",\nc')


def test_each_piece_of_parquet_is_a_row_group() -> None:
    assert pq.ParquetFile(io.BytesIO(pieces(ParquetTable(Row)))).num_row_groups == 2


@pytest.mark.parametrize("kind", [CsvTable, ParquetTable])
def test_a_table_without_rows_still_has_its_columns(kind: Any) -> None:
    table = kind(Row)
    content = table.write([]) + table.end()
    if kind is CsvTable:
        assert content.decode().strip() == ",".join(Row.__struct_fields__)
    else:
        assert pq.read_table(io.BytesIO(content)).schema.names == list(Row.__struct_fields__)


def test_what_may_be_missing_is_told_from_what_may_not() -> None:
    schema = schema_of(Row)
    assert [field.name for field in schema if field.nullable] == ["price", "ended_at", "note"]


def test_a_number_that_does_not_fit_is_never_rounded() -> None:
    row = msgspec.structs.replace(ROWS[0], fees="0.0000000000000000001")
    with pytest.raises(pa.ArrowInvalid):
        ParquetTable(Row).write([row])


class Note(msgspec.Struct, frozen=True):
    client_order_id: str
    fees: Decimal


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=cmd|" /C calc"!A0'])
def test_what_a_spreadsheet_would_carry_out_is_a_text_to_it(text: str) -> None:
    table = CsvTable(Note)
    written = table.write([Note(text, "-0.5")]) + table.end()
    (_, (note, fees)) = csv.reader(io.StringIO(written.decode(), newline=""))
    assert (note, fees) == (f"'{text}", "-0.5"), "and a number stays one"


def test_a_text_that_is_no_formula_stays_as_it_is() -> None:
    table = CsvTable(Note)
    assert b"a=b-1," in table.write([Note("a=b-1", "1")])
