"""Ledger: the books balance after any flow, and say the same as the exchange itself."""

from collections import Counter

import pytest

from domain.account import FEES
from projections import ledger
from projections.ledger import ADJUSTMENTS, AVAILABLE, CUSTODY, FEES_EARNED, FOR_ORDERS, IN_FLIGHT, Entry
from tests.unit.domain.transfer_wishes import (
    adjust,
    cancel_withdrawal,
    complete_withdrawal,
    move,
    request_withdrawal,
)
from tests.unit.projections.folds import folded
from tests.unit.projections.trading import Venue, deposit, list_market, open_account, place, trading

UNIT = 10**8


def books(venue: Venue) -> dict[str, dict[str, int]]:
    balances = folded("balances", venue.events).values()
    return ledger.trial_balance(folded("ledger", venue.events).values(), balances)


@pytest.fixture
def venue() -> Venue:
    made = Venue()
    made.batch(list_market(), open_account("ann"), open_account("bob"), deposit("ann", "USD", "100"))
    return made


def in_units(venue: Venue, asset: str = "USD") -> dict[str, float]:
    return {name: amount / UNIT for name, amount in books(venue)[asset].items() if amount}


def test_a_deposit_is_in_custody_and_owed(venue: Venue) -> None:
    assert in_units(venue) == {CUSTODY: 100, AVAILABLE: -100}


def test_what_is_under_way_is_owed_apart_until_it_has_left(venue: Venue) -> None:
    venue.batch(request_withdrawal("ann", "5", "USD"))
    assert in_units(venue) == {CUSTODY: 100, AVAILABLE: -95, IN_FLIGHT: -5}
    venue.batch(complete_withdrawal("ann"))
    assert in_units(venue) == {CUSTODY: 95, AVAILABLE: -95}


def test_what_was_called_off_is_available_again(venue: Venue) -> None:
    venue.batch(request_withdrawal("ann", "5", "USD"), cancel_withdrawal("ann"))
    assert in_units(venue) == {CUSTODY: 100, AVAILABLE: -100}


def test_what_orders_hold_is_apart_from_what_is_under_way(venue: Venue) -> None:
    venue.batch(request_withdrawal("ann", "5", "USD"), place("ann", "bid", "buy", "1", "10"))
    assert in_units(venue) == {CUSTODY: 100, AVAILABLE: -84.98, FOR_ORDERS: -10.02, IN_FLIGHT: -5}


def test_adjustments_are_no_part_of_custody(venue: Venue) -> None:
    venue.batch(adjust("bob", "credit", "7", "USD"), adjust("ann", "debit", "10", "USD"))
    assert in_units(venue) == {CUSTODY: 100, ADJUSTMENTS: -3, AVAILABLE: -97}


def test_fees_are_the_venues(venue: Venue) -> None:
    venue.batch(deposit("bob", "BTC", "1"), place("bob", "ask", "sell", "1", "50"))
    venue.batch(place("ann", "bid", "buy", "1", "50"))
    assert in_units(venue) == {CUSTODY: 100, AVAILABLE: -99.85, FEES_EARNED: -0.15}
    assert in_units(venue, "BTC") == {CUSTODY: 1, AVAILABLE: -1}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_any_flow_each_asset_sums_to_zero_and_is_what_the_exchange_has(seed: int) -> None:
    venue = trading(300, seed=seed, money_moves=True)
    exchange, found = venue.shard.exchange, books(venue)
    assert set(found) == set(exchange.outside)
    for asset, lines in found.items():
        assert sum(lines.values()) == 0
        assert lines[CUSTODY] == exchange.outside[asset]
        assert lines[ADJUSTMENTS] == exchange.adjustments.get(asset, 0)
        under_way = [each.amount for each in exchange.withdrawals.values() if each.asset == asset]
        assert lines[IN_FLIGHT] == -sum(under_way)
        fees = exchange.accounts[FEES].balances.get(asset)
        assert lines[FEES_EARNED] == -(fees.available if fees else 0)
    assert any(lines[IN_FLIGHT] and lines[FOR_ORDERS] for lines in found.values())


# --- Journal --------------------------------------------------------------------------------------------


def journal(venue: Venue) -> list[Entry]:
    return [entry for each in folded("transfers", venue.events).values() for entry in ledger.entries(each)]


def test_every_transfer_has_its_entries(venue: Venue) -> None:
    venue.batch(
        request_withdrawal("ann", "5", "USD"),
        complete_withdrawal("ann"),
        request_withdrawal("ann", "6", "USD", name="second"),
        cancel_withdrawal("ann", name="second"),
        move("ann", "bob", "7", "USD"),
        adjust("bob", "debit", "2", "USD"),
    )
    booked = [(entry.debit, entry.credit, entry.amount // UNIT) for entry in journal(venue)]
    assert booked == [
        ("custody", "available:ann", 100),
        ("available:ann", "withdrawals_in_flight:ann", 5),
        ("withdrawals_in_flight:ann", "custody", 5),
        ("available:ann", "withdrawals_in_flight:ann", 6),
        ("withdrawals_in_flight:ann", "available:ann", 6),
        ("available:ann", "available:bob", 7),
        ("available:bob", "adjustments", 2),
    ]


def test_the_journal_adds_up_to_the_trial_balance() -> None:
    venue = trading(200, seed=5, money_moves=True)
    sums: Counter[tuple[str, str]] = Counter()
    for entry in journal(venue):
        sums[entry.asset, entry.debit] += entry.amount
        sums[entry.asset, entry.credit] -= entry.amount
    for asset, lines in books(venue).items():
        assert sums[asset, CUSTODY] == lines[CUSTODY]
        assert sums[asset, ADJUSTMENTS] == lines[ADJUSTMENTS]
        under_way = [
            amount for (of, name), amount in sums.items() if (of, name[:11]) == (asset, "withdrawals")
        ]
        assert sum(under_way) == lines[IN_FLIGHT]
