"""Exposures and the profit of the day, against numpy on the fills of a random market, and by hand."""

import random
from collections import defaultdict

import numpy as np
import pytest

from domain.account import AccountPosted, Fill
from domain.market import DAY_US
from domain.positions import day_of
from projections.risk.account import AccountState, from_document, to_document
from projections.risk.figures import figures
from projections.risk.prices import Cause, PriceBook
from tests.unit.projections.trading import (
    START_US,
    Venue,
    deposit,
    list_market,
    mark,
    open_account,
    opened,
    place,
    trading,
)
from tests.unit.risk.recorded import states

DAY = day_of(START_US)


def book_of(venue: Venue, **marks: int) -> PriceBook:
    """Return the markets as the venue has them, at these marks (price units), or their last prices."""
    book = PriceBook()
    for symbol, market in venue.shard.exchange.markets.items():
        listed = book.listed(market.rules)
        price = marks.get(symbol.replace("-", "_")) or market.mark_price or market.last_price
        if price:
            listed.saw("mark", price, Cause("0-1", venue.now_us))
    return book


def fills_of(venue: Venue) -> dict[tuple[str, str], list[Fill]]:
    found = defaultdict(list)
    for recorded in venue.events:
        if isinstance(recorded.event, AccountPosted):
            for posting in recorded.event.postings:
                if posting.fill is not None:
                    found[posting.account, posting.fill.symbol].append(posting.fill)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_all_accounts_figures_are_what_numpy_finds(seed: int) -> None:
    venue = trading(400, seed=seed, money_moves=True)
    book, folded = book_of(venue), states(venue.events)
    for (account, symbol), fills in fills_of(venue).items():
        if account == "fees":
            continue
        market = book.markets[symbol]
        assert market.price is not None
        sides = np.array([1 if fill.side == "buy" else -1 for fill in fills], dtype=object)
        quantities = np.array([fill.quantity for fill in fills], dtype=object)
        notionals = np.array([fill.notional for fill in fills], dtype=object)
        fees = np.array([fill.fee for fill in fills], dtype=object)
        quantity = int((sides * quantities).sum())
        value = market.rules.notional(market.price, abs(quantity)) * (1 if quantity >= 0 else -1)
        pnl = int(-(sides * notionals).sum() - fees.sum()) + value

        found = figures([folded[account]], book, DAY, "USD")
        (one,) = [each for each in found.markets if each.symbol == symbol]
        assert (one.quantity, one.value, one.day_pnl) == (quantity, value, pnl)
        realised = folded[account].positions[symbol].realised
        assert one.day_pnl == realised + one.unrealised - int(fees.sum()), "average cost comes to the same"


@pytest.mark.parametrize("seed", range(2))
def test_what_an_account_has_and_holds_is_what_the_exchange_says(seed: int) -> None:
    venue = trading(400, seed=seed, money_moves=True)
    book, exchange = book_of(venue), venue.shard.exchange
    for account, state in states(venue.events).items():
        if account == "fees":
            continue
        found = figures([state], book, DAY, "USD")
        on_orders: dict[str, int] = defaultdict(int)
        for order in exchange.accounts[account].orders.values():
            market = exchange.markets[order.symbol]
            on_orders[market.quote_asset if order.side == "buy" else market.base_asset] += order.held
        for asset in found.assets:
            balance = exchange.accounts[account].balances[asset.asset]
            assert asset.quantity == balance.available + balance.held
            assert asset.on_orders == on_orders[asset.asset]
        total = sum(asset.value or 0 for asset in found.assets)
        assert found.equity == total
        share = max(asset.value or 0 for asset in found.assets if asset.asset != "USD") / total
        assert found.concentration_ppm == pytest.approx(share * 1_000_000, abs=1)
        assert found.gross["USD"] == sum(abs(each.value) for each in found.markets) + on_orders["USD"]


def test_a_position_of_yesterday_counts_from_midnight_on() -> None:
    venue = opened(Venue(), "ann", "bob")
    venue.batch(place("bob", "offer", "sell", "10", "100"), place("ann", "buy", "buy", "10", "100"))
    book = PriceBook()
    market = book.listed(venue.shard.exchange.markets["BTC-USD"].rules)
    market.saw("mark", 10_000, Cause("0-1", START_US))
    market.saw("mark", 12_000, Cause("0-2", (DAY + 1) * DAY_US - 1))
    market.saw("mark", 11_000, Cause("0-3", (DAY + 1) * DAY_US + 1))
    (one,) = figures([states(venue.events)["ann"]], book, DAY + 1, "USD").markets
    assert one.day_pnl == -10 * 10 * 10**8, "ten bitcoin have lost 10 USD each since midnight"
    assert one.unrealised == 10 * 10 * 10**8, "and gained 10 USD each since they were bought"


def test_an_asset_without_a_price_is_told_and_not_guessed() -> None:
    venue = opened(Venue(), "ann")
    found = figures([states(venue.events)["ann"]], book_of(venue), DAY, "USD")
    assert found.unvalued == ["BTC"]
    assert found.equity == 100_000_000 * 10**8


def test_a_state_is_the_same_after_it_was_written_and_read() -> None:
    venue = trading(200, seed=9, money_moves=True)
    for state in states(venue.events).values():
        document = to_document(state)
        assert from_document(document) == state
        assert not any(isinstance(text, int) for _, *texts in document["positions"] for text in texts)


def test_events_that_come_again_change_nothing() -> None:
    venue = trading(200, seed=8)
    events = venue.events
    chance = random.Random(1)  # noqa: S311 - to be repeatable
    again = sorted([*events, *chance.sample(events, 50)], key=lambda recorded: recorded.seq)
    assert states(again) == states(events)
    assert all(isinstance(state, AccountState) for state in states(events).values())


def test_marks_and_last_trades_are_kept_apart() -> None:
    venue = Venue()
    venue.batch(list_market(), open_account("ann"), deposit("ann", "USD", "1"), mark("90"))
    market = book_of(venue).markets["BTC-USD"]
    assert market.price == 9_000
    assert not market.saw("last", 5_000, Cause("0-9", venue.now_us)), "the mark price counts"
    assert market.price == 9_000
