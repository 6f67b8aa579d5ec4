from pathlib import Path

import pytest

from bench.engine.flow import Flow, Shape, generate
from bench.engine.messages import Header, header, stream, write
from bench.engine.reference import ReferenceBook, Resting

SMALL = Shape("small", 300)
MESSAGES = 20_000


@pytest.fixture(scope="module")
def flow() -> Flow:
    return generate(SMALL, MESSAGES, seed=7)


def test_the_same_seed_gives_the_same_flow_and_another_seed_another() -> None:
    assert generate(SMALL, 500, seed=1) == generate(SMALL, 500, seed=1)
    assert generate(SMALL, 500, seed=1).measured != generate(SMALL, 500, seed=2).measured


def test_the_mix_is_the_one_that_is_promised(flow: Flow) -> None:
    mix = flow.mix()
    assert mix["ioc_of_placed_pct"] == pytest.approx(15, abs=1)
    assert mix["modified_of_passive_pct"] == pytest.approx(20, abs=1.5)
    assert mix["cancelled_of_ended_pct"] == pytest.approx(95, abs=1.5)


def test_the_book_is_filled_without_a_trade_and_keeps_its_size(flow: Flow) -> None:
    assert [message.kind for message in flow.setup] == ["rest"] * SMALL.resting
    prices = {side: [m.price for m in flow.setup if m.side == side] for side in ("buy", "sell")}
    assert max(prices["buy"]) < min(prices["sell"])
    joined = sum(message.kind == "rest" for message in flow.measured)
    left = sum(message.kind == "cancel" for message in flow.measured) + flow.filled_orders
    assert abs(joined - left) < SMALL.resting / 2


def test_cancels_and_modifies_name_orders_that_are_open(flow: Flow) -> None:
    gone: set[int] = set()
    placed: set[int] = {message.order for message in flow.setup}
    for message in flow.measured:
        if message.kind in {"cancel", "modify"}:
            assert message.order in placed - gone
        else:
            placed.add(message.order)
        if message.kind == "cancel":
            gone.add(message.order)


def test_buyers_and_sellers_are_different_accounts(flow: Flow) -> None:
    assert {(message.side, message.account % 2) for message in flow.measured} == {("buy", 0), ("sell", 1)}


def test_a_flow_is_read_from_its_file_as_it_was_made(flow: Flow, tmp_path: Path) -> None:
    path = tmp_path / "flow.txt"
    write(path, flow.setup, flow.measured)
    assert header(path) == Header(SMALL.resting, MESSAGES)
    assert list(stream(path)) == [*flow.setup, *flow.measured]


def test_the_reference_book_trades_in_price_time_priority() -> None:
    book = ReferenceBook()
    for number, price in enumerate((102, 101, 101)):
        book.rest(Resting(number, 1, "sell", price, 10))
    assert book.take("buy", 101, 15) == 0
    assert [order.order for order in book.slots] == [0, 2]
    assert (book.trades, book.volume, book.best("sell")) == (2, 15, 101)
    assert book.take("buy", 101, 15) == 10
    assert book.take("buy", 100, 1) == 1
