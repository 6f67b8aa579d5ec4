"""The real file, as it lies in `../shared/data`."""

from pathlib import Path

import pytest

from stack.load.bitstamp import FileFormatError, Row, Trade, feed_beside, read_rows, read_trades
from stack.load.history import History, Step, history_of
from tests.recorded import recorded

ORDERS = recorded("bitstamp-btcusd-2015-05-01-orders.csv.xz")
HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction\n"


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read_rows(ORDERS)


@pytest.fixture(scope="module")
def trades() -> list[Trade]:
    feed = feed_beside(ORDERS)
    assert feed is not None
    return read_trades(feed)


@pytest.fixture(scope="module")
def history(rows: list[Row], trades: list[Trade]) -> History:
    return history_of(rows, trades)


def row(line: int, action: str, volume: int, price: int = 23647, at_ms: int = 0, order: str = "7") -> Row:
    return Row(line, order, at_ms or 1000 * line, price, volume, action, "bid")  # type: ignore[arg-type]


def steps_of(*rows: Row, trades: list[Trade] | None = None) -> list[tuple[str, str, int]]:
    return [(step.op, step.order, step.volume) for step in history_of(rows, trades).steps]


def test_a_row_reads_as_it_stands_in_the_file(rows: list[Row]) -> None:
    assert rows[0] == Row(2, "65595247", 1430438404518, 23647, 200_000_000, "created", "bid")
    assert len(rows) == 50_414


def test_the_feeds_binary_fractions_become_cents_and_satoshi(trades: list[Trade]) -> None:
    assert trades[0] == Trade(1430438404645, 23647, 21_144_331)
    assert trades[2].volume == 883_518_573  # written as 8.8351857299999992
    assert len(trades) == 575


def test_every_row_of_the_day_is_taken_for_something(history: History) -> None:
    assert history.rows == {
        "placed": 24_894,
        "cancelled": 24_158,
        "filled": 1_119,
        "repriced": 36,
        "repeated": 21,
        "unknown": 191,
        "early": 5,
    }
    known = sum(history.rows[kind] for kind in ("placed", "cancelled", "filled", "repriced", "repeated"))
    assert known + history.rows["unknown"] - history.rows["early"] == 50_414


def test_every_fill_of_the_day_is_explained_by_a_real_trade(rows: list[Row], history: History) -> None:
    without_feed = history_of(rows, None)
    assert history.rows["amended"] == 0
    assert without_feed.steps == history.steps
    assert without_feed.real_trades == []


def test_steps_are_in_the_order_of_time_and_no_order_is_cancelled_before_it_is_placed(
    history: History,
) -> None:
    assert [step.at_ms for step in history.steps] == sorted(step.at_ms for step in history.steps)
    placed: set[str] = set()
    for step in history.steps:
        if step.op == "place":
            assert step.order not in placed
        else:
            assert (step.replaced or step.order) in placed
        placed.add(step.order)


def test_an_order_that_the_exchange_moves_through_the_book_is_replaced_at_each_price(
    history: History,
) -> None:
    sweeping = [step for step in history.steps if step.file_order == "65599835"]
    assert [(step.op, step.order, step.price_cents, step.volume) for step in sweeping] == [
        ("place", "65599835", 23569, 256_502_185),
        ("replace", "65599835.2", 23584, 235_138_229),
        ("replace", "65599835.3", 23616, 134_955_115),
    ]
    assert sweeping[1].replaced == "65599835"


def test_a_deletion_delivered_before_its_creation_still_ends_the_order(history: History) -> None:
    early = [step for step in history.steps if step.order == "65600610"]
    assert [step.op for step in early] == ["place", "cancel"]


def test_a_fill_delivered_after_the_end_is_no_amendment(history: History) -> None:
    assert [step.op for step in history.steps if step.file_order == "65610664"] == ["place"]


def test_a_smaller_volume_that_no_trade_explains_was_amended() -> None:
    created, changed = row(2, "created", 500), row(3, "changed", 300)
    trade = Trade(3100, 23647, 200)
    assert steps_of(created, changed, trades=[trade]) == [("place", "7", 500)]
    assert steps_of(created, changed, trades=[]) == [("place", "7", 500), ("replace", "7.2", 300)]


def test_a_trade_explains_one_row_a_side_and_may_be_a_satoshi_off() -> None:
    first = [row(2, "created", 500), row(4, "changed", 300)]
    second = [row(3, "created", 500, order="8"), row(5, "changed", 299, order="8")]
    trades = [Trade(5000, 23647, 200), Trade(5001, 23647, 200)]
    assert len(steps_of(*first, *second, trades=trades)) == 2
    assert len(steps_of(*first, *second, trades=trades[:1])) == 3


def test_a_trade_long_before_or_after_explains_nothing() -> None:
    rows = [row(2, "created", 500), row(3, "changed", 300)]
    assert len(steps_of(*rows, trades=[Trade(3000 + 2001, 23647, 200)])) == 2


def test_a_cancel_after_a_replacement_is_for_the_new_order() -> None:
    rows = [row(2, "created", 500), row(3, "changed", 500, price=23650), row(4, "deleted", 500, price=23650)]
    assert history_of(rows, []).steps[-1] == Step(4000, "cancel", "7.2", 4)


def test_only_the_trades_until_the_last_row_count_for_a_part_of_the_file(trades: list[Trade]) -> None:
    assert len(history_of(read_rows(ORDERS, 100), trades).real_trades) < 10


def test_a_file_of_another_kind_is_refused_in_words(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(FileFormatError, match="does not begin with the columns id,timestamp"):
        read_rows(other)


@pytest.mark.parametrize(
    "broken", ["1,2,3,4.5,6,created", "x,2,3,4.5,6,gone,bid", "1,2,3,4.5,six,created,ask"]
)
def test_a_broken_line_is_named(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "broken-orders.csv"
    file.write_text(f"{HEADER}1,2,3,4.5,6,created,bid\n{broken}\n")
    with pytest.raises(FileFormatError, match="line 3 was"):
        read_rows(file)


def test_a_file_without_a_feed_log_has_none_beside_it(tmp_path: Path) -> None:
    assert feed_beside(tmp_path / "x-orders.csv") is None
    assert feed_beside(tmp_path / "x.csv") is None
