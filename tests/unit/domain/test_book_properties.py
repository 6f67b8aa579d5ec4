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
rests = st.tuples(st.just("rest"), prices, quantities)
reductions = st.tuples(st.just("reduce"), st.integers(0, 30), quantities)
takers = st.tuples(st.none() | prices, quantities | st.just(10**20))


@dataclass
class Resting:
    """An order of the plain list."""

    order: Order
    price: int
    arrived: int


def naive_matches(
    listed: list[Resting], side: Side, quantity: int, limit: int | None
) -> list[tuple[Order, int, int]]:
    sign = -1 if side == "buy" else 1
    matches = []
    for resting in sorted(listed, key=lambda one: (sign * one.price, one.arrived)):
        willing = limit is None or sign * resting.price <= sign * limit
        traded = min(quantity, resting.order.remaining)
        if willing and traded:
            matches.append((resting.order, resting.price, traded))
            quantity -= traded
    return matches


def reduce_one(book: Book, listed: list[Resting], which: int, quantity: int) -> None:
    if not listed:
        return
    resting = listed[which % len(listed)]
    taken = min(quantity, resting.order.remaining)
    resting.order.remaining -= taken
    book.reduce(resting.order, taken)
    if not resting.order.remaining:
        listed.remove(resting)


@given(st.sampled_from(["buy", "sell"]), st.lists(rests | reductions, max_size=40), takers)
@SETTINGS
def test_a_book_matches_as_a_sorted_list_does(
    side: Side, changes: list[tuple[str, int, int]], taker: tuple[int | None, int]
) -> None:
    book, listed = Book(), list[Resting]()
    for arrived, (change, which, quantity) in enumerate(changes):
        if change == "rest":
            order = Order(f"o{arrived}", "alice", f"o{arrived}", "BTC-USD", side, which, quantity)
            book.rest(order, which, quantity)
            listed.append(Resting(order, which, arrived))
        else:
            reduce_one(book, listed, which, quantity)
        check_side(book.side(side))
        limit, wanted = taker
        assert list(book.matches(opposite(side), wanted, limit)) == naive_matches(listed, side, wanted, limit)
    assert book.side(opposite(side)).best_price() is None
