"""The read model of limits, and the view that sets what is used beside them."""

from typing import Any

import pytest

from api.query.limit_views import LimitsView, Use, limits_view, symbols_of
from domain.account import AccountLimits, AccountLimitsSet, LimitsRequest
from domain.market import DAY_US
from domain.positions import day_of
from projections.limits import AMOUNTS, limits_of, together
from projections.orders import ENDED
from projections.projection import Document
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import START_US, Venue, ask, opened, place, set_limits

ASKED = LimitsRequest(
    max_order_notional={"USD": "1000"},
    max_open_notional={"USD": "500.5"},
    max_position={"BTC-USD": "3"},
    order_rate=7,
    daily_loss={"USD": "50"},
)


@pytest.fixture(scope="module")
def venue() -> Venue:
    """Ann bought 2 at 100, sold 1 of them at 90, and has a bid, an ask and a stop in the market."""
    made = opened(Venue(), "ann", "bob")
    made.batch(set_limits("ann", LimitsRequest(order_rate=100)))
    made.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "2", "100"))
    made.batch(place("bob", "lift", "buy", "1", "90"), place("ann", "loss", "sell", "1", "90"))
    made.batch(place("ann", "new bid", "buy", "2", "80"), place("ann", "ask", "sell", "0.5", "120"))
    made.batch(ask("ann", "stop", side="buy", order_type="stop", quantity="1", trigger_price="110"))
    made.batch(set_limits("ann", ASKED))
    return made


def test_the_limits_set_last_are_shown_and_read_back_as_they_were(venue: Venue) -> None:
    (document,) = folded("limits", venue.events).values()
    (last,) = [event.event for event in venue.events if isinstance(event.event, AccountLimitsSet)][1:]
    assert document["account"] == "ann"
    assert document["max_open_notional"] == {"USD": "50050000000"}
    assert limits_of(document) == last.limits


def test_who_never_had_limits_has_none() -> None:
    assert limits_of(None) == AccountLimits()


def view(venue: Venue, today: int) -> LimitsView:
    rules = {symbol: market.rules for symbol, market in venue.shard.exchange.markets.items()}
    open_orders: list[Document] = [
        document
        for document in folded("orders", venue.events).values()
        if document["account"] == "ann" and document["status"] not in ENDED
    ]
    positions = [each for each in folded("positions", venue.events).values() if each["account"] == "ann"]
    (document,) = folded("limits", venue.events).values()
    use = Use(open_orders, symbols_of(positions), today, complete=True)
    scales: Any = venue.shard.exchange.scales
    limits = limits_of(document)
    return limits_view("ann", limits, document["changed_at_us"], use, rules.__getitem__, scales.__getitem__)


def test_what_is_used_is_what_the_domain_counts(venue: Venue) -> None:
    shown = view(venue, day_of(START_US))
    (usd,), (btc,) = shown.assets, shown.markets
    account = venue.shard.exchange.accounts["ann"]
    assert account.exposure is not None
    assert usd.open_notional == "335.5"  # 2 x 80, 0.5 x 120, and 1 x 110 with a buffer of 5 %
    assert account.exposure.notional["USD"] == 33_550_000_000
    assert (usd.max_order_notional, usd.max_open_notional, usd.daily_loss) == ("1000", "500.5", "50")
    assert usd.net_today == "-10.38"  # 10 lost; fees of 0.2 as maker and 0.18 as taker
    assert account.exposure.net["USD"] == -1_038_000_000
    assert (btc.max_position, btc.position, btc.bought_at_most, btc.sold_at_most) == ("3", "1", "4", "0")
    assert (shown.order_rate, shown.orders_counted, shown.complete) == (7, 3, True)


def test_tomorrow_begins_with_nothing(venue: Venue) -> None:
    (usd,) = view(venue, day_of(START_US + DAY_US)).assets
    assert usd.net_today == "0"


def test_the_limits_of_all_shards_are_told_together_the_last_word_first() -> None:
    def of_shard(at_us: int, **amounts: dict[str, str]) -> dict[str, Any]:
        return {"changed_at_us": at_us, "order_rate": at_us, **{name: {} for name in AMOUNTS}, **amounts}

    near = of_shard(1, max_order_notional={"USD": "5"}, max_position={"BTC-USD": "1"})
    far = of_shard(2, max_order_notional={"USD": "7", "EUR": "6"}, max_position={"BTC-EUR": "2"})
    found = together([far, near])
    assert found is not None
    assert found["max_order_notional"] == {"USD": "7", "EUR": "6"}
    assert found["max_position"] == {"BTC-USD": "1", "BTC-EUR": "2"}
    assert (found["order_rate"], found["changed_at_us"]) == (2, 2)
    assert together([]) is None
