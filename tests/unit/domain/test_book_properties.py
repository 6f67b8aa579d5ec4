"""One side of a book against a plain list, sorted whenever somebody asks."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from domain.book import Book, Order
from domain.event import Side, opposite
from tests.unit.domain.flows import SETTINGS
from tests.unit.domain.invariants import check_side

prices = st.integers(1, 6) | st.integers(10**18 - 3, 10**18 - 1)
quantities = st.integers(1, 5) | st.just(10**18 - 1)
displays = st.sampled_from([0, 0, 1, 2, 3])
rests = st.tuples(st.just("rest"), prices, quantities, displays)
reductions = st.tuples(st.just("reduce"), st.integers(0, 30), quantities, st.just(0))
PARTS_MAX = 30  # of one iceberg; a naive list shows them one after the other


@dataclass
class Resting:
    """An order of the plain list: what shows, and what does not yet."""

    order: Order
    price: int
    arrived: int
    shown: int
    hidden: int


def naive_queue(listed: list[Resting], side: Side, limit: int | None) -> list[tuple[int, Order, int, int]]:
    """Take the first one until nothing is left; a fresh part of it arrives last."""
    sign = -1 if side == "buy" else 1
    left = [
        Resting(one.order, one.price, one.arrived, one.shown, one.hidden)
        for one in listed
        if limit is None or sign * one.price <= sign * limit
    ]
    met, arrived = [], 10**6
    while left:
        first = min(left, key=lambda one: (sign * one.price, one.arrived))
        met.append((first.price, first.order, first.shown, first.hidden))
        left.remove(first)
        if first.hidden:
            arrived += 1
            fresh = min(first.order.display, first.hidden)
            left.append(Resting(first.order, first.price, arrived, fresh, first.hidden - fresh))
    return met


def rest_one(book: Book, listed: list[Resting], arrived: int, order: Order, price: int) -> None:
    shown = min(order.display, order.remaining) if order.display else order.remaining
    book.rest(order, price, shown)
    listed.append(Resting(order, price, arrived, shown, order.remaining - shown))


def reduce_one(book: Book, listed: list[Resting], which: int, quantity: int) -> None:
    """Let one order trade some of what it shows, and leave if that was all of it."""
    if not listed:
        return
    resting = listed[which % len(listed)]
    taken = min(quantity, resting.shown)
    resting.shown -= taken
    resting.order.remaining -= taken
    book.show(resting.order, resting.shown)
    if not resting.shown:
        listed.remove(resting)


@given(
    st.sampled_from(["buy", "sell"]), st.lists(rests | reductions, max_size=25), st.lists(st.none() | prices)
)
@SETTINGS
def test_a_book_is_met_as_a_sorted_list_is(
    side: Side, changes: list[tuple[str, int, int, int]], limits: list[int | None]
) -> None:
    book, listed = Book(), list[Resting]()
    for arrived, (change, which, quantity, display) in enumerate(changes):
        if change == "rest":
            order = Order(f"o{arrived}", "alice", f"o{arrived}", "BTC-USD", side)
            order.display = display
            order.price, order.remaining = which, min(quantity, display * PARTS_MAX) if display else quantity
            rest_one(book, listed, arrived, order, which)
        else:
            reduce_one(book, listed, which, quantity)
        check_side(book.side(side))
        best = (max if side == "buy" else min)((resting.price for resting in listed), default=None)
        assert book.side(side).best_price() == best
    for limit in [None, *limits]:
        assert list(book.met(opposite(side), limit)) == naive_queue(listed, side, limit)
    assert book.side(opposite(side)).best_price() is None
