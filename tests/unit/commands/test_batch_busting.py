"""Busts and corrections in a batch: what is on record of the trade comes from the store and the batch."""

from collections.abc import Sequence

import pytest

from commands.batch import Batch
from commands.messages import AnyCommand, CommandMessage, Outcome
from commands.shard import Shard
from domain import ids
from domain.trade import BustTrade, CorrectTrade, TradeBusted, TradeCorrected
from streams.codec import RecordedEvent, decode_recorded
from tests.unit.commands.test_batch import FUNDED, NOW_US, order

BUY, SELL = order("1", "alice", "buy", "1", "100"), order("2", "bob", "sell", "1", "100")


class Ledger:
    """A shard and its store."""

    def __init__(self) -> None:
        self.shard = Shard(0, partitions=4, ids_expected=1_000)
        self.streams: dict[str, list[RecordedEvent]] = {}
        self.asked: list[str] = []
        self.decided(*FUNDED)

    def stored(self, stream: str) -> Sequence[RecordedEvent]:
        self.asked.append(stream)
        return self.streams.get(stream, ())

    def decided(self, *commands: AnyCommand) -> tuple[list[Outcome], list[RecordedEvent]]:
        batch = Batch(self.shard, NOW_US, {}, self.stored)
        for command in commands:
            batch.handle(CommandMessage(command, "me"))
        events = [decode_recorded(placed.state) for placed in batch.close()]
        for event in events:
            self.streams.setdefault(event.stream, []).append(event)
        return batch.outcomes.get("me", []), events

    def balance(self, account: str, asset: str) -> int:
        return self.shard.exchange.accounts[account].balances[asset].available


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def bust(order_id: str = BUY.order_id, trade_id: int = 1) -> BustTrade:
    return BustTrade(
        command_id="bust",
        actor="op",
        symbol="BTC-USD",
        trade_id=trade_id,
        order_id=order_id,
        reason="erroneous",
    )


def correct(price: str) -> CorrectTrade:
    return CorrectTrade(
        command_id="correct",
        actor="op",
        symbol="BTC-USD",
        trade_id=1,
        order_id=SELL.order_id,
        price=price,
        reason="erroneous",
    )


def told(outcomes: Sequence[Outcome]) -> list[tuple[str, str, bool]]:
    return [(outcome.status, outcome.code, outcome.replayed) for outcome in outcomes]


def test_a_trade_of_an_earlier_batch_is_read_from_the_store(ledger: Ledger) -> None:
    before = ledger.balance("alice", "USD"), ledger.balance("bob", "BTC")
    ledger.decided(BUY, SELL)
    outcomes, events = ledger.decided(bust())
    assert told(outcomes) == [("busted", "", False)]
    assert ledger.asked == [BUY.order_id, SELL.order_id]
    assert (ledger.balance("alice", "USD"), ledger.balance("bob", "BTC")) == before
    assert isinstance(events[0].event, TradeBusted)
    assert (events[0].actor, events[0].causation_id) == ("op", "bust")
    assert events[0].stream == ids.market_stream(0, "BTC-USD")


def test_a_trade_of_the_same_batch_is_not_in_the_store_yet(ledger: Ledger) -> None:
    outcomes, _ = ledger.decided(BUY, SELL, bust(SELL.order_id))
    assert told(outcomes[2:]) == [("busted", "", False)]


def test_an_order_stored_before_may_have_traded_in_this_batch(ledger: Ledger) -> None:
    ledger.decided(BUY)
    outcomes, events = ledger.decided(SELL, correct("99"))
    assert told(outcomes[1:]) == [("corrected", "", False)]
    (corrected,) = [event.event for event in events if isinstance(event.event, TradeCorrected)]
    assert (corrected.buyer_fee, corrected.seller_fee) == (99 * 10**7, 198 * 10**7), "maker and taker"


def test_the_same_again_is_answered_as_the_first_was(ledger: Ledger) -> None:
    ledger.decided(BUY, SELL)
    outcomes, _ = ledger.decided(correct("99"), correct("99"), bust(), bust())
    later, none = ledger.decided(bust(), correct("98"))
    assert told(outcomes) == [
        ("corrected", "", False),
        ("corrected", "", True),
        ("busted", "", False),
        ("busted", "", True),
    ]
    assert told(later) == [("busted", "", True), ("refused", "trade_already_busted", False)]
    assert none == []


def test_a_trade_that_never_was_is_refused(ledger: Ledger) -> None:
    ledger.decided(BUY, SELL)
    outcomes, none = ledger.decided(bust(trade_id=2), bust(ids.order_id(0, "alice", "other")))
    assert told(outcomes) == [("refused", "unknown_trade", False)] * 2
    assert none == []


def test_a_store_that_does_not_answer_stops_the_batch(ledger: Ledger) -> None:
    """It is no defect of the command: refused, it would seem to be settled."""

    def away(_: str) -> Sequence[RecordedEvent]:
        raise ConnectionError

    batch = Batch(ledger.shard, NOW_US, {}, away)
    with pytest.raises(ConnectionError):
        batch.handle(CommandMessage(bust(), "me"))


def test_replaying_what_was_stored_gives_the_same_shard(ledger: Ledger) -> None:
    ledger.decided(BUY, SELL)
    ledger.decided(correct("99"), order("3", "alice", "buy", "1", "90"))
    ledger.decided(bust())
    history = sorted((event for events in ledger.streams.values() for event in events), key=lambda e: e.seq)
    rebuilt = Shard(0, partitions=4, ids_expected=1_000)
    rebuilt.replay(history)
    assert rebuilt.exchange.state_hash == ledger.shard.exchange.state_hash
    assert rebuilt.versions == ledger.shard.versions
