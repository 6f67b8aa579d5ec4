"""PnL, turnover and fees of a day, by examples, and against the positions and the trades after random
trading.
"""

from collections.abc import Iterable

import pytest

from domain.account import AccountPosted, Fill, Posting
from domain.market import DAY_US
from domain.order import OrderFilled
from projections import daily
from projections.folding import Folding
from projections.projection import At, Document
from streams.codec import RecordedEvent
from tests.unit.projections.folds import at, fold_into, folded
from tests.unit.projections.trading import Venue, bust, correct, opened, place, trading

SCALE = 10**8


def traded_once() -> Venue:
    """Ann buys 2 at 100 of Bob, as the maker: her fee is 0.2, his 0.4."""
    venue = opened(Venue(), "ann", "bob")
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "2", "100"))
    return venue


def last_fill(venue: Venue) -> OrderFilled:
    return next(each.event for each in reversed(venue.events) if isinstance(each.event, OrderFilled))


def days(venue: Venue, account: str = "ann") -> list[Document]:
    found: list[Document] = folded("daily", venue.events)[f"BTC-USD|{account}"]["days"]
    return found


def figures(day: Document) -> dict[str, float]:
    """Return the day in whole units; exact, for the numbers used here."""
    return {name: int(day[name]) / SCALE for name in daily.SUMS} | {name: day[name] for name in daily.COUNTS}


BOUGHT = {"buys": 1, "bought": 2, "paid": 200, "buy_fees": 0.2}
NOTHING: dict[str, float] = dict.fromkeys((*daily.SUMS, *daily.COUNTS), 0)


def test_each_side_of_a_trade_counts_on_its_accounts_day() -> None:
    venue = traded_once()
    (ann,), (bob,) = days(venue), days(venue, "bob")
    assert figures(ann) == {**NOTHING, **BOUGHT}
    assert figures(bob) == {**NOTHING, "sells": 1, "sold": 2, "earned": 200, "sell_fees": 0.4}


def test_what_is_realised_counts_on_the_day_of_the_closing_trade() -> None:
    venue = traded_once()
    venue.now_us += DAY_US
    venue.batch(place("ann", "ask", "sell", "1", "110"), place("bob", "lift", "buy", "1", "110"))
    first, second = days(venue)
    assert second["day"] == first["day"] + 1
    assert figures(first) == {**NOTHING, **BOUGHT}
    assert figures(second) == {
        **NOTHING,
        "sells": 1,
        "sold": 1,
        "earned": 110,
        "sell_fees": 0.11,
        "realised": 10,
    }


@pytest.mark.parametrize("account", ["ann", "bob"])
def test_a_trade_busted_on_its_day_leaves_nothing_behind(account: str) -> None:
    venue = traded_once()
    venue.batch(bust(last_fill(venue)))
    (day,) = days(venue, account)
    assert figures(day) == NOTHING


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("ann", {**BOUGHT, "paid": 180, "buy_fees": 0.18}),
        ("bob", {"sells": 1, "sold": 2, "earned": 180, "sell_fees": 0.36}),
    ],
)
def test_a_trade_corrected_on_its_day_counts_at_the_other_price(
    account: str, expected: dict[str, float]
) -> None:
    venue = traded_once()
    venue.batch(correct(last_fill(venue), "90"))
    (day,) = days(venue, account)
    assert figures(day) == {**NOTHING, **expected}


def test_a_trade_busted_later_leaves_the_day_that_was_reported_as_it_was() -> None:
    venue = traded_once()
    venue.now_us += DAY_US
    venue.batch(bust(last_fill(venue)))
    first, second = days(venue)
    assert figures(first) == {**NOTHING, **BOUGHT}
    assert figures(second) == {name: -value for name, value in {**NOTHING, **BOUGHT}.items()}


def test_without_fees_a_correction_is_told_from_a_bust() -> None:
    """A fill taken back has no negative fee to be known by, and its amount may equal its quantity."""
    made = Fill("X", 1, "buy", "maker", 1, 5, 5, 0)
    back = Fill("X", 1, "sell", "maker", 1, 5, 5, 0)
    again = Fill("X", 1, "buy", "maker", 2, 5, 5, 0)
    folding = Folding(daily.PROJECTION)
    for seq, postings in enumerate(
        [[("receive", "BASE", made)], [("refund", "QUOTE", back), ("reclaim", "QUOTE", again)]], start=1
    ):
        posted = tuple(
            Posting("ann", asset, kind, 5, 0, 0, "c", "o", fill)  # type: ignore[arg-type] # kinds by name
            for kind, asset, fill in postings
        )
        folding.fold(AccountPosted("ann", posted), At(0, seq, 1))
    (day,) = folding.documents["X|ann"]["days"]
    assert (day["buys"], day["bought"], day["sells"]) == (1, "5", 0)


def sums_of(days_found: Iterable[Document]) -> dict[str, int]:
    found = list(days_found)
    return {name: sum(int(day[name]) for day in found) for name in (*daily.SUMS, *daily.COUNTS)}


def test_the_days_of_an_account_sum_up_to_its_position() -> None:
    venue = trading(600, seed=5, money_moves=True)
    positions = folded("positions", venue.events)
    documents = folded("daily", venue.events)
    assert documents.keys() == positions.keys()
    assert len(documents) > 5
    for name, document in documents.items():
        sums, position = sums_of(document["days"]), positions[name]
        assert sums["realised"] == int(position["realised"])
        assert sums["buy_fees"] + sums["sell_fees"] == int(position["fees"])
        assert sums["bought"] - sums["sold"] == int(position["quantity"])
        assert (document["quantity"], document["cost"]) == (position["quantity"], position["cost"])


def test_what_is_bought_on_a_market_is_sold_there() -> None:
    venue = trading(400, seed=6)
    by_symbol: dict[str, list[Document]] = {}
    for document in folded("daily", venue.events).values():
        by_symbol.setdefault(document["symbol"], []).extend(document["days"])
    for days_found in by_symbol.values():
        sums = sums_of(days_found)
        assert (sums["buys"], sums["bought"], sums["paid"]) == (sums["sells"], sums["sold"], sums["earned"])


def test_a_fold_that_is_interrupted_anywhere_gives_the_same() -> None:
    events = trading(150, seed=7).events
    whole = folded("daily", events)
    for cut in range(0, len(events), 37):
        first, second = Folding(daily.PROJECTION), Folding(daily.PROJECTION)
        fold_into(first, events[:cut])
        second.put(copies(first.take_changed()))
        fold_into(second, events[max(0, cut - 10) :])  # some of them once more
        assert dict(second.documents) == whole


def copies(documents: Iterable[Document]) -> list[Document]:
    return [{**each, "days": [dict(day) for day in each["days"]]} for each in documents]


def test_days_of_long_ago_are_kept_as_their_sum() -> None:
    venue = traded_once()
    (posted,) = [each for each in venue.events if fills_of(each, "ann")]
    folding = Folding(daily.PROJECTION)
    for nth in range(daily.DAYS_KEPT_MAX + 3):
        moment = at(posted)._replace(
            seq=posted.seq + nth, occurred_at_us=posted.occurred_at_us + nth * DAY_US
        )
        folding.fold(posted.event, moment)
    document = folding.documents["BTC-USD|ann"]
    assert len(document["days"]) == daily.DAYS_KEPT_MAX
    assert document["earlier"]["day"] == document["days"][0]["day"] - 1
    assert (document["earlier"]["buys"], document["earlier"]["paid"]) == (3, str(600 * SCALE))
    assert document["last_day"] == document["days"][-1]["day"]


def fills_of(recorded: RecordedEvent, account: str) -> bool:
    event = recorded.event
    return (
        isinstance(event, AccountPosted)
        and event.account == account
        and any(posting.fill is not None for posting in event.postings)
    )
