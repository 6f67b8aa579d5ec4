"""A snapshot has all of the state: an exchange restored from one is the same, and goes on the same."""

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from domain import (
    accounts,
    book,
    busting,
    exchange,
    exposure,
    markets,
    order_lists,
    positions,
    shard_transfers,
    transfers,
    waiting,
)
from domain.account import AccountLimits
from domain.exchange import Exchange, replay
from domain.snapshot import (
    AccountSnapshot,
    BalanceSnapshot,
    ChangedTradeSnapshot,
    ExchangeSnapshot,
    ExposureSnapshot,
    LegSnapshot,
    MarketSnapshot,
    OrderListSnapshot,
    OrderSnapshot,
    PositionSnapshot,
    TransitSnapshot,
    WithdrawalSnapshot,
    layout_of,
)
from domain.snapshots import restored, taken
from tests.unit.domain.dump import dump
from tests.unit.domain.flow_of_snapshots import written_and_read
from tests.unit.domain.invariants import check_invariants
from tests.unit.domain.limiting import limits
from tests.unit.domain.story import (
    NOW_US,
    Story,
    after,
    do,
    funded,
    given,
    last_price,
    listed_market,
    mark_price,
    resting,
)
from tests.unit.domain.story import waiting as waits
from tests.unit.domain.transfer_wishes import request_withdrawal, set_fees, set_group
from tests.unit.domain.wishes import SYMBOL, buy, cancel_all, sell

CHECKOUT = Path(__file__).parents[3]

# What a market keeps at hand of its rules.
AT_HAND = (
    "symbol",
    "base_asset",
    "quote_asset",
    "base_scale",
    "price_scale",
    "tick",
    "lot",
    "min_quantity",
    "max_quantity",
    "min_notional",
    "maker_fee_ppm",
    "taker_fee_ppm",
    "max_open_orders",
    "max_position",
    "has_bands",
    "notional_factor",
    "notional_divisor",
)

# What a snapshot leaves out, and what it follows from.
DERIVED = {
    "Exchange": {
        "hashed": "all digests",
        "expiries": "the orders' expires_at_us",
        "in_transit_of": "what is in transit",
    },
    "Account": {
        "orders": "the exchange's orders, in their order",
        "open_on": "its orders",
        "owner": "account and group",
    },
    "Balance": {"account": "whose it is", "seed": "account and asset"},
    "Position": {"seed": "account and symbol"},
    "Exposure": {},
    "Market": {
        "book": "the orders that show, by priority; its last priority is kept",
        "waiting": "the orders with a trigger; the order of trailing ones is kept",
    }
    | dict.fromkeys(AT_HAND, "the rules"),
    "Book": {"bids": "the orders that show", "asks": "the orders that show"},
    "Waiting": {"_lists": "the orders with a trigger", "_trailing": "kept as ids in MarketSnapshot.trailing"},
    "Order": {
        "owner": "its account",
        "seed": "what never changes of it",
        "level": "the book",
        "before": "the book",
        "after": "the book",
    },
    "Withdrawal": {},
    "Transit": {},
    "OrderList": {},
    "Leg": {},
    "ChangedTrade": {"symbol": "its market"},
}
KEPT = [
    (exchange.Exchange, ExchangeSnapshot),
    (accounts.Account, AccountSnapshot),
    (accounts.Balance, BalanceSnapshot),
    (positions.Position, PositionSnapshot),
    (exposure.Exposure, ExposureSnapshot),
    (markets.Market, MarketSnapshot),
    (book.Book, MarketSnapshot),
    (waiting.Waiting, MarketSnapshot),
    (book.Order, OrderSnapshot),
    (order_lists.OrderList, OrderListSnapshot),
    (order_lists.Leg, LegSnapshot),
    (transfers.Withdrawal, WithdrawalSnapshot),
    (shard_transfers.Transit, TransitSnapshot),
    (busting.ChangedTrade, ChangedTradeSnapshot),
]


@pytest.mark.parametrize(("thing", "snapshot"), KEPT, ids=[thing.__name__ for thing, _ in KEPT])
def test_all_that_a_thing_has_is_kept_or_follows_from_what_is(
    thing: type, snapshot: type[msgspec.Struct]
) -> None:
    """Whoever adds to the state and comes here by this test: keep it, or say what it follows from."""
    known = set(snapshot.__struct_fields__) | set(DERIVED[thing.__name__])
    assert set(attributes(thing)) - known == set()


def attributes(thing: type) -> Iterator[str]:
    """Yield all names that the class's methods set, from its source: it may be compiled."""
    source = (CHECKOUT / (thing.__module__.replace(".", "/") + ".py")).read_text()
    (body,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and node.name == thing.__name__
    )
    for node in ast.walk(body):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value):
            yield node.attr


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def test_every_attribute_is_found_that_the_classes_have() -> None:
    assert set(attributes(book.Order)) >= {"order_id", "held", "trigger", "before"}
    assert set(attributes(exchange.Exchange)) >= {"orders", "moved", "now_us"}


def a_story() -> Story:
    """Something of everything."""
    return given(
        listed_market(),
        resting(sell("ann", 5, at=101, display=2)),
        resting(sell("bob", 3, at=101)),
        resting(buy("cat", 3, at=99)),
        waits(sell("dan", 2, stop=90)),
        last_price(100),
        waits(sell("fay", 2, trail=3)),
        waits(sell("gus", 2, trail=4)),
        mark_price(100),
        funded("eve", USD=1_000),
        after(set_group("eve", "family"), set_fees("eve", 5, 7), limits("eve", order_rate=5)),
        after(request_withdrawal("eve", 7, "USD")),
        after(buy("eve", 3, at=101)),
    )


def test_a_restored_exchange_is_the_same() -> None:
    before = a_story().exchange
    copy = written_and_read(before)
    assert dump(copy) == dump(before)
    assert copy.state_hash == before.state_hash
    check_invariants(copy)


def test_taking_a_snapshot_changes_nothing_and_the_copy_stands_alone() -> None:
    story = a_story()
    before = dump(story.exchange)
    copy = restored(taken(story.exchange))
    assert dump(story.exchange) == before
    do(copy, cancel_all(symbol=SYMBOL))
    assert copy.orders == {}
    assert dump(story.exchange) == before


def test_an_empty_exchange_comes_back_empty() -> None:
    assert dump(written_and_read(Exchange())) == dump(Exchange())


def test_sums_beyond_64_bits_come_back() -> None:
    """What is in custody is more than any account may have."""
    rich = [funded(f"rich-{number}", USD=10**14 - 1) for number in range(20)]
    story = given(listed_market(), *rich)
    assert written_and_read(story.exchange).outside["USD"] > 2**64


def test_what_was_replayed_may_still_have_to_look_whom_prices_trigger() -> None:
    """After a replay all markets that ever moved are to be looked at; so they are in a snapshot of it."""
    story = a_story()
    replayed = Exchange()
    for event in story.history:
        replay(replayed, event, NOW_US)
    assert list(replayed.moved) == [SYMBOL]
    assert list(written_and_read(replayed).moved) == [SYMBOL]


def test_a_snapshot_of_another_version_is_refused() -> None:
    snapshot = taken(a_story().exchange)
    other = msgspec.structs.replace(snapshot, version=snapshot.version + 1)
    with pytest.raises(ValueError, match=f"version {other.version}"):
        restored(other)


def test_a_damaged_snapshot_is_refused() -> None:
    """Here an order has lost a unit: the state hash is of another state."""
    snapshot = taken(a_story().exchange)
    order = msgspec.structs.replace(snapshot.orders[0], remaining=snapshot.orders[0].remaining - 1)
    damaged = msgspec.structs.replace(snapshot, orders=[order, *snapshot.orders[1:]])
    with pytest.raises(ValueError, match="state hash"):
        restored(damaged)


def test_the_layout_differs_when_another_thing_is_kept() -> None:
    class More(ExchangeSnapshot, frozen=True):
        more: int = 0

    assert layout_of(More) != layout_of(ExchangeSnapshot)
    assert layout_of(ExchangeSnapshot) == layout_of(ExchangeSnapshot)
    assert layout_of(AccountLimits) != layout_of(ExchangeSnapshot)
