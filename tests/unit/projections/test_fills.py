"""An account's own side of every trade: all of them, in stretches of history."""

from collections import Counter

from domain.order import OrderFilled
from projections import fills
from projections.folding import Folding
from streams.codec import RecordedEvent
from tests.unit.projections.folds import fold_into, folded
from tests.unit.projections.trading import Venue, bust, opened, place, trading

Side = tuple[str, str, str, int, str, int, int]


def sides_of(events: list[RecordedEvent]) -> Counter[Side]:
    """Return what the orders' events say was traded."""
    filled = [each.event for each in events if isinstance(each.event, OrderFilled)]
    return Counter(
        (fill.account, fill.order_id, fill.symbol, fill.trade_id, fill.side, fill.price, fill.quantity)
        for fill in filled
    )


def test_every_side_of_every_trade_stands_with_its_account() -> None:
    events = trading(800, seed=3, accounts_count=4).events
    documents = folded("fills", events)
    found = Counter(
        (
            document["account"],
            fill["order_id"],
            fill["symbol"],
            fill["trade_id"],
            fill["side"],
            fill["price"],
            fill["quantity"],
        )
        for document in documents.values()
        for fill in document["fills"]
    )
    assert found == sides_of(events)
    assert len(documents) > 4


def test_a_document_holds_a_stretch_of_history() -> None:
    events = trading(800, seed=3, accounts_count=4).events
    for name, document in folded("fills", events).items():
        shard, stretch, account = name.split("|")
        assert account == document["account"]
        assert document["page_key"].endswith(f"-{int(shard):03d}-{int(stretch):015d}")
        assert {fill["seq"] // fills.SEQS_PER_DOCUMENT for fill in document["fills"]} == {int(stretch)}
        times = [fill["filled_at_us"] for fill in document["fills"]]
        assert times == sorted(times)
        assert document["page_key"].startswith(f"{times[0]:017d}-")


def test_a_trade_that_is_taken_back_stays_as_it_was_made() -> None:
    venue = opened(Venue(), "ann", "bob")
    made = venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "2", "100"))
    before = folded("fills", venue.events)
    venue.batch(bust(next(each.event for each in made if isinstance(each.event, OrderFilled))))
    assert folded("fills", venue.events) == before


def test_a_fold_that_is_interrupted_anywhere_gives_the_same() -> None:
    events = trading(150, seed=7).events
    whole = folded("fills", events)
    for cut in range(0, len(events), 37):
        first, second = Folding(fills.PROJECTION), Folding(fills.PROJECTION)
        fold_into(first, events[:cut])
        second.put([{**each, "fills": list(each["fills"])} for each in first.take_changed()])
        fold_into(second, events[max(0, cut - 10) :])
        assert dict(second.documents) == whole
