"""Deposits: money comes in from outside, exactly, once for each transfer."""

import msgspec
import pytest

from domain.account import AccountOpened, FundsDeposited, Posting
from domain.event import Event
from domain.ids import transfer_id
from domain.numbers import AMOUNT_MAX
from tests.unit.domain.expectations import filled, has, nothing_happened, refused, traded
from tests.unit.domain.story import Story, funded, given, listed_market, opened, resting
from tests.unit.domain.wishes import SHARD, buy, deposit, open_account, sell

DIGITS_18 = "9" * 18


def test_an_account_is_opened_once() -> None:
    story = given().when(open_account("alice"))
    assert story.events == [AccountOpened("alice")]
    story.when(open_account("alice")).then(nothing_happened)


def test_the_venues_account_cannot_be_opened() -> None:
    given().when(open_account("fees")).then(refused("reserved_account", "'fees'"))


def test_the_venues_account_cannot_be_paid_into() -> None:
    given(listed_market()).when(deposit("fees", 1, "USD")).then(refused("unknown_account", "'fees'"))


def test_a_deposit_is_available_at_once() -> None:
    story = given(listed_market(), opened("alice")).when(deposit("alice", "12.5", "USD", name="wire-1"))
    wire = transfer_id(SHARD, "alice", "wire-1")
    assert story.events == [
        FundsDeposited(wire, "wire-1", "alice", "USD", 125_000),
        Posting("alice", "USD", "deposit", 125_000, 125_000, 0, "deposit-wire-1", transfer_id=wire),
    ]
    story.then(has("alice", USD="12.5"))


def test_deposits_add_up() -> None:
    given(listed_market(), opened("alice")).when(
        deposit("alice", "1.5", "USD"), deposit("alice", "0.0001", "USD"), deposit("alice", 2, "BTC")
    ).then(has("alice", USD="1.5001", BTC=2))


def test_the_account_must_be_open() -> None:
    given(listed_market()).when(deposit("nobody", 1, "USD")).then(refused("unknown_account", "'nobody'"))


def test_some_market_must_trade_the_asset() -> None:
    given(opened("alice")).when(deposit("alice", 1, "USD")).then(refused("unknown_asset", "'USD'", "none"))
    given(listed_market(), opened("alice")).when(deposit("alice", 1, "EUR")).then(
        refused("unknown_asset", "'EUR'", "BTC, USD")
    )


@pytest.mark.parametrize("amount", ["0", "0.0000", "-1", "1.00001", "1e3", "", "all", "1,5", "9" * 19])
def test_the_amount_is_a_positive_decimal_of_the_asset(amount: str) -> None:
    given(listed_market(), opened("alice")).when(deposit("alice", amount, "USD")).then(
        refused("invalid_amount", f"{float(amount):.0f}" if amount == "0.0000" else amount)
    )


# --- The bounds of 64 bits ------------------------------------------------------------------------------


def nearly_full(asset: str = "USD") -> Story:
    """An account with 9 deposits of 18 digits: less than another deposit's room is left."""
    story = given(listed_market(base_scale=2, quote_scale=4), opened("alice"), opened("bob"))
    return story.when(*(deposit("alice", largest(asset), asset) for _ in range(9)))


def largest(asset: str) -> str:
    scale = 4 if asset == "USD" else 2
    return f"{DIGITS_18[:-scale]}.{DIGITS_18[-scale:]}"


def units(story: Story, account: str, asset: str) -> int:
    return story.exchange.accounts[account].balances[asset].available


def test_the_largest_deposit_has_18_digits() -> None:
    story = given(listed_market(), opened("alice")).when(deposit("alice", largest("USD"), "USD"))
    assert units(story, "alice", "USD") == 10**18 - 1


def test_an_account_can_be_filled_to_the_last_unit_of_64_bits_and_no_further() -> None:
    story = nearly_full()
    room = AMOUNT_MAX - units(story, "alice", "USD")
    whole, fraction = divmod(room, 10_000)
    story.when(deposit("alice", largest("USD"), "USD")).then(refused("balance_limit", largest("USD"), "USD"))
    story.when(deposit("alice", f"{whole}.{fraction:04}", "USD"))
    assert units(story, "alice", "USD") == AMOUNT_MAX
    story.when(deposit("alice", "0.0001", "USD")).then(refused("balance_limit", "0.0001 USD"))


def test_a_sale_may_lift_a_balance_beyond_64_bits() -> None:
    """Only deposits are bounded: a trade is not undone because its seller is too rich. The integers here and
    in the stored JSON have no such bound; read models must not assume one for balances."""
    story = nearly_full()
    story.when(
        *(deposit("bob", largest("USD"), "USD", name=f"bob-{n}") for n in range(9)),
        deposit("alice", 1, "BTC"),
        sell("alice", 1, at=5 * 10**14),
        buy("bob", 1, at=5 * 10**14),
    ).then(filled("alice"))
    assert units(story, "alice", "USD") > AMOUNT_MAX
    check_encoding(story.events)


def check_encoding(events: list[Event]) -> None:
    for posting in events:
        if isinstance(posting, Posting):
            assert msgspec.json.decode(msgspec.json.encode(posting), type=Posting) == posting


def test_an_order_of_18_digits_is_held_and_traded_exactly() -> None:
    most = largest("BTC")
    given(
        listed_market(max_quantity=most, tick_size="0.01"),
        resting(sell("alice", most, at="0.01")),
        funded("bob", USD=largest("USD")),
    ).when(buy("bob", most, at="0.01")).then(
        traded(("alice", most, "0.01")), has("bob", BTC=most, USD=0), has("alice", USD=largest("USD"))
    )


def test_a_price_of_18_digits_rests() -> None:
    most = f"{DIGITS_18[:16]}.{DIGITS_18[16:]}"
    story = given(listed_market(max_quantity=most), resting(sell("alice", most, at=most)))
    (order,) = story.exchange.orders.values()
    assert (order.price, order.quantity) == (10**18 - 1, 10**18 - 1)
