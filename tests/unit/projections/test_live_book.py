"""The live book, event by event, is the book that the read models' folds give."""

import copy
import random

import pytest

from domain.event import Side
from domain.order import OrderFilled
from projections import book_orders, books
from projections.live_book import LiveBook, OrderPlace
from projections.projection import At
from projections.rolling_day import MINUTE_US, MINUTES, NOTHING, RollingDay
from streams.merging import ShardOrder
from tests.unit.projections.test_book_orders import Crowded
from tests.unit.projections.test_books_of_all_orders import ACCOUNTS, SYMBOLS, Floor
from tests.unit.projections.trading import Venue, opened, place

SYMBOL = SYMBOLS[0]
SIDES: tuple[Side, Side] = ("buy", "sell")


class Watched(Floor):
    """A floor with a live book beside the folds; what changes in it is told to a copy."""

    def __init__(self, seed: int) -> None:
        self.book = LiveBook()
        self.levels: dict[tuple[Side, int], int] = {}
        self.orders: dict[OrderPlace, tuple[int, int]] = {}
        super().__init__(seed)
        self.wishes = Crowded(random.Random(seed), ACCOUNTS, SYMBOLS, "{}-{}".format)  # noqa: S311

    def take(self, events: object) -> None:
        kept, first = list(events), self.seq + 1  # type: ignore[call-overload] # as its base takes them
        super().take(kept)
        for seq, event in enumerate(kept, first):
            if type(event) in book_orders.PROJECTION.event_types and event.symbol == SYMBOL:
                self.book.take(event, seq)

    def tell_the_copy(self) -> None:
        changes = self.book.take_changes()
        self.levels.update(changes.levels)
        self.orders.update(changes.orders)

    def compare(self) -> None:
        self.tell_the_copy()
        folded = self.folded("books", SYMBOL)
        for side in SIDES:
            levels = books.best_levels(folded, side, 10_000)
            assert self.book.best(side) == levels
            assert {
                price: left for (where, price), left in self.levels.items() if where == side and left
            } == dict(levels)
            assert self.book.queues(side) == book_orders.queues(self.bands(side), side)
            self.compare_orders(side)

    def compare_orders(self, side: Side) -> None:
        told = {
            (place.price, place.order_id): what
            for place, what in self.orders.items()
            if place.side == side and what[0]
        }
        queues = self.book.queues(side)
        assert told == {
            (price, order.order_id): (order.quantity, order.joined)
            for price, queue in queues
            for order in queue
        }

    def bands(self, side: Side) -> list[dict[str, object]]:
        documents = self.foldings["book_orders"].documents.values()
        return [each for each in documents if each["symbol"] == SYMBOL and each["side"] == side]


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_folded_book_after_each_command_and_so_is_who_is_told_the_changes(seed: int) -> None:
    floor = Watched(seed)
    for _ in range(300):
        floor.step()
        floor.compare()
    assert floor.happened["OrderFilled"] or sum(floor.happened.values()) > 300


@pytest.mark.parametrize("seed", range(4))
def test_one_that_starts_from_documents_of_different_moments_comes_to_the_same(seed: int) -> None:
    """What a document has seen is skipped; whoever reads documents one by one finds some newer than
    others.
    """
    floor, random_ = Watched(seed), random.Random(seed)  # noqa: S311 - repeatable
    for _ in range(150):
        floor.step()
    seen, early = (
        floor.seq,
        {each["_id"]: copy.deepcopy(each) for side in SIDES for each in floor.bands(side)},
    )
    events = Recorded(floor)
    for _ in range(150):
        events.step()
    late = {each["_id"]: copy.deepcopy(each) for side in SIDES for each in floor.bands(side)}
    mixed = [random_.choice([early.get(name, late[name]), late[name]]) for name in late if name in early]
    mixed += [late[name] for name in late if name not in early and random_.random() < 0.5]
    book = LiveBook(mixed)
    for seq, event in events.taken:
        assert seq > seen
        book.take(event, seq)
    for side in SIDES:
        assert book.queues(side) == floor.book.queues(side)
        assert book.best(side) == floor.book.best(side)


class Recorded:
    """Keeps the book's events of a floor from now on."""

    def __init__(self, floor: Watched) -> None:
        self.floor = floor
        self.taken: list[tuple[int, book_orders.BookEvent]] = []
        take = floor.book.take

        def keep(event: book_orders.BookEvent, seq: int) -> None:
            self.taken.append((seq, event))
            take(event, seq)

        floor.book.take = keep  # type: ignore[method-assign] # what is taken is kept as well

    def step(self) -> None:
        self.floor.step()


def test_more_leaving_than_shows_is_an_error() -> None:
    fill = OrderFilled("x", "ann", SYMBOL, "buy", "maker", 1, "y", 100, 5, 500, 0, 0, 0)
    with pytest.raises(ValueError, match="5 of order x leaves the book, where 0 shows"):
        LiveBook().take(fill, 1)


# --- The rolling day --------------------------------------------------------------------------------------


def test_a_day_sums_the_trades_of_its_minutes_in_whatever_order_they_come() -> None:
    trades = [
        (1, 100, 5, 500, 0),
        (2, 103, 1, 103, 1),
        (3, 99, 2, 198, MINUTE_US),
        (4, 101, 2, 202, 3 * MINUTE_US),
    ]
    days = []
    for order in (trades, trades[::-1]):
        day = RollingDay()
        for trade in order:
            day.take(*trade)
        days.append(day.as_of(5 * MINUTE_US))
    assert days[0] == days[1] == (100, 103, 99, 101, 10, 1003, 4)


def test_what_is_older_than_a_day_no_longer_counts() -> None:
    day = RollingDay()
    day.take(1, 100, 5, 500, 0)
    day.take(2, 90, 1, 90, MINUTE_US)
    assert day.as_of((MINUTES - 1) * MINUTE_US).trades == 2
    assert day.as_of(MINUTES * MINUTE_US) == (90, 90, 90, 90, 1, 90, 1)
    assert day.as_of((MINUTES + 1) * MINUTE_US) == NOTHING


# --- A shard's events in order ----------------------------------------------------------------------------


def test_events_of_several_partitions_come_out_in_order_each_once() -> None:
    venue = opened(Venue(), "ann", "bob")
    venue.batch(place("ann", "a", "buy", "1", "99"), place("bob", "b", "sell", "1", "99"))
    events, chance = venue.events, random.Random(1)  # noqa: S311 - repeatable
    order, out = ShardOrder(0), []
    shuffled = [*events, *events[:5]]
    chance.shuffle(shuffled)
    for event in shuffled:
        out += order.add([event])
    assert [event.seq for event in out] == [event.seq for event in events]
    assert order.waiting == 0


def test_what_is_missing_is_known() -> None:
    venue = opened(Venue(), "ann")
    order = ShardOrder(0)
    assert order.add([*venue.events[:1], *venue.events[3:]]) == venue.events[:1]
    assert (order.seq, order.waiting_until) == (1, len(venue.events))
    assert order.add(venue.events[1:3]) == venue.events[1:]
    assert At(0, order.seq, 0).seq == len(venue.events)
