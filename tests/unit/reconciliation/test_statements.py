"""A custodian's statement as a CSV file; what is wrong with one is told with its line."""

import re
from decimal import Decimal

import pytest

from stack.reconciliation.comparing import Movement
from stack.reconciliation.statements import StatementError, read_statement


def lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def test_amounts_alone() -> None:
    found = read_statement(lines("asset,amount\nBTC,1.5\nusd, -2 \n\n"))
    assert found.amounts == {"BTC": Decimal("1.5"), "USD": Decimal(-2)}
    assert found.movements is None


def test_movements_with_columns_in_any_order_and_more_of_them() -> None:
    found = read_statement(
        lines('Reference,Note,Amount,Asset,Direction,Time\n"tx,1",hi,3,BTC,OUT,2026-01-31\ntx-2,,1,BTC,in,\n')
    )
    assert found.amounts == {}
    assert found.movements == [
        Movement("tx,1", "BTC", Decimal(3), "out", "2026-01-31"),
        Movement("tx-2", "BTC", Decimal(1), "in", ""),
    ]


def test_a_row_without_a_reference_is_an_amount() -> None:
    found = read_statement(lines("asset,amount,reference,direction\nBTC,7,,\nBTC,7,tx,in\n"))
    assert found.amounts == {"BTC": Decimal(7)}
    assert found.movements == [Movement("tx", "BTC", Decimal(7), "in")]


def test_a_byte_order_mark_is_no_part_of_the_first_column() -> None:
    assert read_statement(lines("\ufeffasset,amount\nBTC,1\n")).amounts == {"BTC": Decimal(1)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1: no column amount, asset"),
        ("asset,quantity\nBTC,1\n", "line 1: no column amount"),
        ("asset,amount,amount\nBTC,1,1\n", "line 1: a column is there twice"),
        ("asset,amount,reference\nBTC,1,tx\n", "line 1: movements"),
        ("asset,amount\n", "no rows"),
        ("asset,amount\nBTC,1\nBTC\n", "line 3: 1 values for 2 columns"),
        ("asset,amount\nBTC,1\n,2\n", "line 3: no asset"),
        ("asset,amount\nBTC,1e3\n", "line 2: amount was '1e3'"),
        ("asset,amount\nBTC,1,5\n", "line 2: 3 values"),
        ("asset,amount\nBTC,NaN\n", "line 2: amount was 'NaN'"),
        ("asset,amount\nBTC,٣\n", "line 2: amount"),
        ("asset,amount\nBTC,1\nbtc,2\n", "line 3: a second amount of BTC"),
        ("asset,amount,reference,direction\nBTC,1,tx,sideways\n", "line 2: direction was 'sideways'"),
        ("asset,amount,reference,direction\nBTC,-1,tx,in\n", "line 2: amount was '-1'"),
        ('asset,amount\n\nBTC,"1\n', "line 3: unexpected end of data"),
    ],
)
def test_what_is_no_statement_is_told_with_its_line(text: str, says: str) -> None:
    with pytest.raises(StatementError, match=re.escape(says)):
        read_statement(lines(text))
