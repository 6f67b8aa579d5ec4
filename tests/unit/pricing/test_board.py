"""The board: what each source said last, whatever comes twice, late, from a new process or not at all."""

from typing import Any

import pytest

from streams.prices import Kind, PriceTick
from streams.pricing.board import Board
from streams.pricing.formulas import text_of

NOW_US = 1_800_000_000_000_000
FRESH_US = 5_000_000


@pytest.fixture
def board() -> Board:
    return Board(FRESH_US)


def tick(
    seq: int, *, kind: Kind = "trade", source: str = "binance", run: str = "r1", late_us: int = 0, **said: Any
) -> PriceTick:
    received_at_us = NOW_US - late_us
    return PriceTick(
        kind=kind,
        symbol="BTC-USD",
        source=source,
        run=run,
        seq=seq,
        occurred_at_us=received_at_us - 50_000,
        received_at_us=received_at_us,
        **said,
    )


def take(board: Board, *ticks: PriceTick) -> None:
    for each in ticks:
        board.take(each, NOW_US)


def prices(board: Board, now_us: int = NOW_US) -> dict[str, str]:
    return {each.source: text_of(each.price) for each in board.prices("BTC-USD", now_us)}


def test_the_middle_of_a_fresh_quote_comes_before_a_trade(board: Board) -> None:
    take(board, tick(1, price="100"), tick(2, kind="quote", bid="98", ask="99"))
    assert prices(board) == {"binance": "98.5"}


def test_a_trade_stands_in_for_a_quote_that_is_no_longer_fresh(board: Board) -> None:
    take(board, tick(1, kind="quote", bid="98", ask="99", late_us=FRESH_US + 1), tick(2, price="100"))
    assert prices(board) == {"binance": "100"}


def test_a_source_that_says_nothing_becomes_stale(board: Board) -> None:
    take(board, tick(1, price="100"))
    assert prices(board, NOW_US + FRESH_US) == {"binance": "100"}
    assert prices(board, NOW_US + FRESH_US + 1) == {}
    assert [state for _, _, state in board.states("BTC-USD", NOW_US + FRESH_US + 1)] == ["stale"]


def test_what_comes_again_or_late_changes_nothing(board: Board) -> None:
    first, second = tick(1, price="100", late_us=1_000), tick(2, price="101")
    take(board, first, second, second, first)
    assert prices(board) == {"binance": "101"}
    assert (board.counts.taken, board.counts.repeated) == (2, 2)


def test_a_process_that_began_anew_counts_from_one_again(board: Board) -> None:
    take(board, tick(900, price="100", late_us=2_000), tick(1, run="r2", price="101", late_us=1_000))
    assert prices(board) == {"binance": "101"}
    take(board, tick(901, price="99", late_us=1_500))
    assert prices(board) == {"binance": "101"}, "the old process's last words come late"


def test_a_quote_without_prices_takes_back_all_that_was_said(board: Board) -> None:
    take(board, tick(1, price="100"), tick(2, kind="quote", bid="98", ask="99"), tick(3, kind="quote"))
    assert prices(board) == {}
    assert [state for _, _, state in board.states("BTC-USD", NOW_US)] == ["withdrawn"]
    take(board, tick(4, kind="quote", bid="97", ask="98"))
    assert prices(board) == {"binance": "97.5"}


@pytest.mark.parametrize(
    "odd",
    [
        tick(2, price="-1"),
        tick(2),
        tick(2, kind="quote", bid="101", ask="100"),
        tick(2, kind="quote", bid="nonsense", ask="100"),
        tick(2, price="100", late_us=-60_000_000),
    ],
)
def test_what_makes_no_sense_is_counted_and_changes_nothing(board: Board, odd: PriceTick) -> None:
    take(board, tick(1, price="100"), odd)
    assert prices(board) == {"binance": "100"}
    assert board.counts.odd == 1


def test_what_was_computed_is_no_source(board: Board) -> None:
    take(board, tick(1, kind="mark", source="crypto-oms", price="1"), tick(2, kind="index", price="1"))
    assert prices(board) == {}


def test_sources_have_weights(board: Board) -> None:
    board.weights["coinbase"] = 3
    take(board, tick(1, price="100"), tick(1, source="coinbase", price="101"))
    assert [each.weight for each in board.prices("BTC-USD", NOW_US)] == [1, 3]
