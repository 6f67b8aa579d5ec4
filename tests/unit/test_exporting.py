"""What `./oms export` makes of its arguments, and what it tells meanwhile."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from stack.exporting import ExportError, Wanted, _Shown


def test_the_files_name_says_the_format() -> None:
    wanted = Wanted.of("/v1/orders", Path("orders.parquet"), ["account=a=b", "from=2026-01-31T00:00:00Z"])
    assert wanted.format == "parquet"
    assert wanted.filters == [("account", "a=b"), ("from", "2026-01-31T00:00:00Z")]


@pytest.mark.parametrize(
    ("what", "file", "where", "named"),
    [
        ("/v1/orders", "orders.xlsx", [], "xlsx"),
        ("orders", "orders.csv", [], "'orders'"),
        ("/v1/orders", "orders.csv", ["account"], "'account'"),
    ],
)
def test_what_cannot_be_exported_is_told_why(what: str, file: str, where: list[str], named: str) -> None:
    with pytest.raises(ExportError, match=named):
        Wanted.of(what, Path(file), where)


@pytest.mark.parametrize(
    ("rows_max", "kind", "expected"),
    [
        ("4", "csv", "2 of at most 4 rows (50%), 0.0 MB"),
        (None, "csv", "2 rows, 0.0 MB"),
        ("4", "parquet", "0.0 MB of 4 rows at most"),
        (None, "parquet", "0.0 MB"),
    ],
)
def test_progress_is_told_as_far_as_it_is_known(rows_max: str | None, kind: str, expected: str) -> None:
    shown = _Shown(Console(file=io.StringIO()), rows_max, kind)
    shown.wrote(b"a,b\n1,2\n")
    assert shown.text() == expected
