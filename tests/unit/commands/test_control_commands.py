"""The venue's controls through a shard: their streams and topics, what is answered, and replay."""

from typing import Any

import msgspec
import pytest

from commands.batch import POSTINGS_PER_EVENT_MAX
from commands.shard import Shard
from domain import ids
from domain.account import AccountPosted
from domain.control import (
    ChangeMarketRules,
    DelistMarket,
    SetAccountStatus,
    SetMarketStatus,
    SetVenueStatus,
    VenueStatusChanged,
)
from streams.topics import ACCOUNTS, EXECUTIONS, TopicPartition, destination, partition_of
from tests.unit.commands.test_batch import FUNDED, decided, order, recorded

SYMBOL = "BTC-USD"


def control(kind: type[Any], **fields: Any) -> Any:
    """Return the command, as it would be read from a message."""
    fields |= {"type": kind.__name__, "command_id": kind.__name__, "actor": "op"}
    return msgspec.convert(fields, kind)


def market_is(status: str) -> Any:
    return control(SetMarketStatus, symbol=SYMBOL, status=status, reason="drill")


VENUE_HALTED = control(SetVenueStatus, status="halted", reason="drill", cancel_orders=True)


@pytest.fixture
def shard() -> Shard:
    fresh = Shard(0, partitions=4, ids_expected=1_000)
    decided(fresh, FUNDED)
    return fresh


def test_each_belongs_to_the_stream_of_what_it_is_about(shard: Shard) -> None:
    suspended = control(SetAccountStatus, account="alice", status="suspended", reason="drill")
    _, placed = decided(shard, [market_is("halted"), suspended, VENUE_HALTED])
    streams = [ids.market_stream(0, SYMBOL), ids.account_stream(0, "alice"), ids.venue_stream(0)]
    assert [event.stream for event in recorded(placed)] == streams
    assert [event.place.topic for event in placed] == [EXECUTIONS, ACCOUNTS, EXECUTIONS]
    assert [event.actor for event in recorded(placed)] == ["op"] * 3


def test_the_venues_events_go_where_all_its_others_went() -> None:
    halted = VenueStatusChanged("halted", "drill", "op")
    assert destination(halted, 4) == TopicPartition(EXECUTIONS, partition_of("venue", 4))


def test_the_venues_stream_counts_its_versions(shard: Shard) -> None:
    again = control(SetVenueStatus, status="open", reason="over")
    _, placed = decided(shard, [VENUE_HALTED, again])
    assert [event.version for event in recorded(placed)] == [1, 2]


def test_the_answer_says_how_many_orders_went(shard: Shard) -> None:
    decided(shard, [order(str(n), "alice", "buy", "1", "90") for n in range(3)])
    (closed, again, delisted), _ = decided(
        shard, [market_is("closed"), market_is("closed"), control(DelistMarket, symbol=SYMBOL)]
    )
    assert (closed.status, closed.detail, closed.replayed) == ("set", "3 orders cancelled", False)
    assert (again.status, again.detail, again.replayed) == ("set", "", True)
    assert delisted.status == "delisted"


def test_a_refusal_leaves_no_trace(shard: Shard) -> None:
    (outcome,), placed = decided(shard, [control(DelistMarket, symbol=SYMBOL)])
    assert (outcome.status, outcome.code) == ("refused", "market_not_closed")
    assert not placed


def test_a_mass_cancel_of_very_many_orders_is_one_decision_in_events_of_bounded_size(shard: Shard) -> None:
    count = POSTINGS_PER_EVENT_MAX + 1
    decided(shard, [order(str(n), "alice", "buy", "0.1", "1") for n in range(count)])
    (outcome,), placed = decided(shard, [VENUE_HALTED])
    assert outcome.detail == f"{count} orders cancelled"
    sizes = [len(e.event.postings) for e in recorded(placed) if isinstance(e.event, AccountPosted)]
    assert sizes == [POSTINGS_PER_EVENT_MAX, 1]


def test_an_order_of_a_delisted_market_is_answered_as_the_first_time(shard: Shard) -> None:
    """Its id stands for it for ever, whatever has become of the market."""
    first = order("1", "alice", "buy", "1", "90")
    _, placed = decided(shard, [first])
    decided(shard, [market_is("closed"), control(DelistMarket, symbol=SYMBOL)])
    (again,), _ = decided(shard, [first], {first.order_id: recorded(placed)[:1]})
    assert (again.status, again.replayed) == ("open", True)


def test_replaying_what_was_stored_gives_the_same_shard() -> None:
    fresh = Shard(0, partitions=4, ids_expected=1_000)
    listing = FUNDED[0]
    commands = [
        *FUNDED,
        *(order(str(n), "alice", "buy", "2", f"{90 + n}") for n in range(9)),
        control(ChangeMarketRules, symbol=SYMBOL, tick_size="0.02", max_open_orders=5, buy_band_up_ppm=7),
        control(SetAccountStatus, account="alice", status="reduce_only", reason="drill"),
        market_is("closed"),
        control(DelistMarket, symbol=SYMBOL),
        listing,
        VENUE_HALTED,
    ]
    placed = [event for command in commands for event in decided(fresh, [command])[1]]
    rebuilt = Shard(0, partitions=4, ids_expected=1_000)
    rebuilt.replay(recorded(placed))
    assert rebuilt.exchange.state_hash == fresh.exchange.state_hash
    assert rebuilt.exchange.venue_status == "halted"
    assert (rebuilt.versions, rebuilt.places) == (fresh.versions, fresh.places)
