"""Every reason to say no: its stable code, and a detail that names the offending value."""

import ast
from pathlib import Path

import pytest

from domain.order import OrderRejected
from domain.rejections import CATALOGUE
from tests.unit.domain.expectations import bids, rejected
from tests.unit.domain.story import NOW_US, Story, decide_only, funded, given, listed_market, opened
from tests.unit.domain.wishes import but, buy, sell

PROJECT = Path(__file__).parents[3]


def rich(**rules: str) -> Story:
    return given(listed_market(**rules), funded("alice", USD=1_000_000, BTC=1000))


def test_an_unknown_market() -> None:
    rich().when(buy("alice", 1, at=1, symbol="DOGE-USD")).then(
        rejected("unknown_market", "'DOGE-USD'", "listed are: BTC-USD")
    )
    given(opened("alice")).when(buy("alice", 1, at=1)).then(
        rejected("unknown_market", "'BTC-USD'", "listed are: none")
    )


def test_an_unknown_account() -> None:
    rich().when(buy("nobody", 1, at=1)).then(rejected("unknown_account", "'nobody'"))


def test_the_venues_own_account_does_not_trade() -> None:
    rich().when(buy("fees", 1, at=1)).then(rejected("unknown_account", "'fees'"))


def test_a_limit_order_without_a_price() -> None:
    rich().when(but(buy("alice", 1), order_type="limit")).then(rejected("price_required"))


def test_a_market_order_with_a_price() -> None:
    rich().when(but(buy("alice", 1, at="99.5"), order_type="market")).then(
        rejected("price_forbidden", "99.5")
    )


@pytest.mark.parametrize("price", ["100.003", "0", "0.00", "-1", "1e3", "", "ten", "٣", "NaN", "9" * 19])
def test_a_price_the_market_does_not_trade_at(price: str) -> None:
    rich().when(buy("alice", 1, at=price)).then(
        rejected("invalid_price", price, "BTC-USD trades in ticks of 0.01"), bids()
    )


def test_a_price_between_two_ticks() -> None:
    rich(tick_size="0.05", min_quantity="1", lot_size="1").when(buy("alice", 1, at="1.02")).then(
        rejected("invalid_price", "price was 1.02", "ticks of 0.05")
    )


@pytest.mark.parametrize("quantity", ["0.001", "-1", "1e3", "", "ten", "٣", "Infinity", "9" * 19])
def test_a_quantity_that_is_none(quantity: str) -> None:
    rich().when(buy("alice", quantity, at=1)).then(rejected("invalid_quantity", quantity))


def test_a_quantity_between_two_lots() -> None:
    rich(lot_size="0.05", min_quantity="0.05").when(sell("alice", "0.07", at=1)).then(
        rejected("invalid_quantity", "quantity was 0.07", "lots of 0.05")
    )


@pytest.mark.parametrize("quantity", ["0", "0.04", "10.01"])
def test_a_quantity_out_of_bounds(quantity: str) -> None:
    rich(min_quantity="0.05", max_quantity="10").when(buy("alice", quantity, at=1)).then(
        rejected("invalid_quantity", f"quantity was {quantity}", "allows 0.05 to 10")
    )


def test_an_order_that_is_worth_too_little() -> None:
    story = rich(min_notional="10")
    story.when(buy("alice", 1, at="9.99")).then(rejected("min_notional", "worth 9.99 USD", "at least 10"))
    story.when(buy("alice", 1, at=10, name="enough")).then(bids(("enough", 1, 10)))


def test_too_little_money() -> None:
    rich().when(buy("alice", "1000", at="1000.01")).then(
        rejected("insufficient_funds", "needs 1000010 USD", "available 1000000")
    )
    given(listed_market(), opened("poor")).when(sell("poor", "0.5", at=1)).then(
        rejected("insufficient_funds", "needs 0.5 BTC", "available 0")
    )


def test_an_order_that_comes_too_late() -> None:
    rich().when(buy("alice", 1, at=1, until_us=NOW_US - 2_500_000)).then(
        rejected("stale_command", "2500 ms after"), bids()
    )


def test_an_order_that_comes_just_in_time() -> None:
    rich().when(buy("alice", 1, at=1, until_us=NOW_US)).then(bids(("alice", 1, 1)))


def test_a_late_order_is_stale_before_it_is_anything_else() -> None:
    given().when(buy("nobody", "x", at="y", until_us=0)).then(rejected("stale_command"))


def test_a_rejection_states_the_order_as_it_was_sent() -> None:
    order = sell("alice", "01.2300", at="0x1", tif="ioc")
    (event,) = decide_only(rich().exchange, order)
    assert isinstance(event, OrderRejected)
    assert event.request == order.request
    shared = {"order_id", "account", "client_order_id", "symbol"}
    assert [getattr(event, name) for name in shared] == [getattr(order, name) for name in shared]


# --- The catalogue --------------------------------------------------------------------------------------


def codes_raised_in(folder: str) -> set[str]:
    return {
        code for path in (PROJECT / folder).rglob("*.py") for code in codes_in(ast.parse(path.read_text()))
    }


def codes_in(tree: ast.AST) -> set[str]:
    """Return the first argument of each ``RefusedError(...)``; it must be a plain string."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    refusals = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "RefusedError"]
    return {ast.literal_eval(refusal.args[0]) for refusal in refusals}


def test_the_catalogue_has_every_code_that_is_raised_and_no_other() -> None:
    assert codes_raised_in("domain") | codes_raised_in("commands") == set(CATALOGUE)


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_reason_is_in_plain_sentences(code: str) -> None:
    assert code == code.lower()
    assert code.replace("_", "").isalpha()
    for sentence in CATALOGUE[code]:
        assert sentence[0].isupper()
        assert sentence.endswith(".")
