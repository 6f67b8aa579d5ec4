"""Reading a custodian's statement: a CSV file of amounts, of movements, or of both.

Amounts have the columns ``asset, amount``; movements also ``reference, direction`` (in or out) and, if they
like, ``time``. A row without a reference is an amount. Other columns are left alone.
"""

import csv
import re
from collections.abc import Iterable
from decimal import Decimal

from stack.reconciliation.comparing import Movement, Statement

BYTE_ORDER_MARK = "\ufeff"


class StatementError(RuntimeError):
    """The file is no statement; the message says in which line, and why."""


def read_statement(lines: Iterable[str]) -> Statement:
    """Raises ``StatementError``."""
    rows = csv.reader(lines, strict=True)
    columns = _columns(rows)
    statement = Statement(movements=[] if "reference" in columns else None)
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                _take(statement, columns, row, rows.line_num)
    except csv.Error as error:
        raise StatementError(f"line {rows.line_num}: {error}") from None
    if not statement.amounts and not statement.movements:
        raise StatementError("the statement has no rows")
    return statement


def _columns(rows: Iterable[list[str]]) -> list[str]:
    try:
        head = next(iter(rows), [])
    except csv.Error as error:
        raise StatementError(f"line 1: {error}") from None
    columns = [name.strip().removeprefix(BYTE_ORDER_MARK).lower() for name in head]
    if missing := {"asset", "amount"} - set(columns):
        raise StatementError(f"line 1: no column {', '.join(sorted(missing))}; there are {columns}")
    if "reference" in columns and "direction" not in columns:
        raise StatementError("line 1: movements (a column reference) also need a column direction")
    if len(set(columns)) != len(columns):
        raise StatementError(f"line 1: a column is there twice: {columns}")
    return columns


def _take(statement: Statement, columns: list[str], row: list[str], line: int) -> None:
    if len(row) != len(columns):
        raise StatementError(f"line {line}: {len(row)} values for {len(columns)} columns")
    cells = {name: cell.strip() for name, cell in zip(columns, row, strict=True)}
    asset, reference = cells["asset"].upper(), cells.get("reference", "")
    if not asset:
        raise StatementError(f"line {line}: no asset")
    if statement.movements is not None and reference:
        statement.movements.append(_movement(cells, asset, line))
        return
    if asset in statement.amounts:
        raise StatementError(f"line {line}: a second amount of {asset}")
    statement.amounts[asset] = _amount(cells["amount"], line, signed=True)


def _movement(cells: dict[str, str], asset: str, line: int) -> Movement:
    direction = cells["direction"].lower()
    amount = _amount(cells["amount"], line, signed=False)
    if direction == "in":
        return Movement(cells["reference"], asset, amount, "in", cells.get("time", ""))
    if direction == "out":
        return Movement(cells["reference"], asset, amount, "out", cells.get("time", ""))
    raise StatementError(f"line {line}: direction was {cells['direction']!r}; it is in or out")


def _amount(written: str, line: int, *, signed: bool) -> Decimal:
    pattern = r"-?[0-9]{1,40}(\.[0-9]{1,40})?" if signed else r"[0-9]{1,40}(\.[0-9]{1,40})?"
    if not re.fullmatch(pattern, written, re.ASCII):
        raise StatementError(f"line {line}: amount was {written!r}; it is a plain decimal such as 12.5")
    return Decimal(written)
