"""Reconciling: a custodian's statement against our books."""

from decimal import Decimal

import pytest

from stack.reconciliation.comparing import Direction, Movement, Statement, reconcile


def moved(reference: str, amount: str, direction: Direction = "in", asset: str = "BTC") -> Movement:
    return Movement(reference, asset, Decimal(amount), direction)


def has(*movements: Movement, **amounts: str) -> Statement:
    return Statement({asset: Decimal(amount) for asset, amount in amounts.items()}, list(movements))


def test_equal_amounts_and_movements_agree() -> None:
    both = has(moved("a", "2"), moved("b", "1", "out"), BTC="1", USD="0")
    found = reconcile(both, has(moved("b", "1.0", "out"), moved("a", "2"), BTC="1.00"))
    assert found.agrees
    assert found.movements_compared


def test_amounts_that_differ_say_by_how_much() -> None:
    found = reconcile(has(BTC="1", USD="5"), has(BTC="1.5", EUR="2"))
    assert not found.agrees
    assert {each.asset: each.difference for each in found.assets} == {
        "BTC": Decimal("-0.5"),
        "EUR": Decimal(-2),
        "USD": Decimal(5),
    }


def test_an_asset_of_which_there_is_none_need_not_be_named() -> None:
    assert reconcile(has(BTC="0"), has(USD="0")).agrees


def test_movements_that_one_side_alone_knows() -> None:
    found = reconcile(
        has(moved("theirs", "1"), moved("both", "2")), has(moved("both", "2"), moved("ours", "3"))
    )
    assert not found.agrees
    assert [each.reference for each in found.only_in_statement] == ["theirs"]
    assert [each.reference for each in found.only_in_books] == ["ours"]


@pytest.mark.parametrize("other", [moved("x", "2"), moved("x", "1", "out"), moved("x", "1", asset="ETH")])
def test_the_same_reference_with_other_content(other: Movement) -> None:
    found = reconcile(has(other), has(moved("x", "1")))
    assert not found.agrees
    ((pair),) = found.otherwise_known
    assert (pair.statement, pair.books) == (other, moved("x", "1"))
    assert (found.only_in_statement, found.only_in_books) == ([], [])


def test_a_reference_used_twice_is_compared_one_by_one() -> None:
    twice = has(moved("x", "1"), moved("x", "2"))
    assert reconcile(twice, has(moved("x", "2"), moved("x", "1"))).agrees
    found = reconcile(twice, has(moved("x", "1")))
    assert [each.amount for each in found.only_in_statement] == [Decimal(2)]
    same_twice = reconcile(has(moved("x", "1"), moved("x", "1")), has(moved("x", "1")))
    assert len(same_twice.only_in_statement) == 1


def test_a_statement_of_amounts_alone_leaves_movements_uncompared() -> None:
    found = reconcile(Statement({"BTC": Decimal(1)}), has(moved("a", "1"), BTC="1"))
    assert found.agrees
    assert not found.movements_compared


def test_a_statement_of_no_movements_at_all_misses_ours() -> None:
    assert len(reconcile(has(BTC="1"), has(moved("a", "1"), BTC="1")).only_in_books) == 1


def test_the_object_has_plain_decimals() -> None:
    found = reconcile(has(moved("a", "10.50"), BTC="0.00000001"), has(BTC="100")).as_object()
    assert found["assets"] == [
        {"asset": "BTC", "statement": "0.00000001", "books": "100", "difference": "-99.99999999"}
    ]
    assert found["only_in_statement"][0]["amount"] == "10.5"
    assert found["agrees"] is False
