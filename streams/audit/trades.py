"""From a trade back to the orders and the people behind it, and what the venue made of it since."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from domain.event import Liquidity, Side
from domain.order import OrderAmended, OrderFilled, OrderPlaced, OrderTriggered
from domain.trade import TradeBusted, TradeCorrected
from streams.audit import index
from streams.audit.steps import CommandId, Decimal, Step, Time, step
from streams.audit.store import NotThereError, Store
from streams.audit.units import Units, time_of
from streams.codec import RecordedEvent


class Act(msgspec.Struct, frozen=True):
    """Who did something to an order before it traded, or what happened to it, by which command."""

    what: Annotated[str, Meta(examples=["placed", "amended", "triggered"])]
    actor: Annotated[str, Meta(examples=["alice"])]
    command_id: CommandId
    correlation_id: str | None
    at: Time
    seq: int


class TradeSideView(msgspec.Struct, frozen=True):
    """One order's side of a trade. ``people``: all who placed or amended the order, or triggered it, before
    it traded; ``acts`` says how.
    """

    side: Side
    liquidity: Liquidity
    account: str
    order_id: str
    client_order_id: str
    order_type: str
    fee: Decimal
    remaining: Decimal
    people: list[str]
    acts: list[Act]


class TradeTrail(msgspec.Struct, frozen=True):
    """A trade: by which command of whom it came about, its two sides, the taker's first, and the busts and
    corrections since. ``status``: as it stands.
    """

    symbol: str
    trade_id: int
    price: Decimal
    quantity: Decimal
    notional: Decimal
    status: Annotated[str, Meta(examples=["made", "busted", "corrected"])]
    shard: int
    seq: int
    traded_at: Time
    caused_by: str
    command_id: CommandId
    correlation_id: str | None
    sides: list[TradeSideView]
    changes: list[Step]


def trade_trail(store: Store, symbol: str, trade_id: int) -> TradeTrail:
    """Raises ``NotThereError``."""
    events = [each for each in store.found(index.TRADE, symbol, str(trade_id)) if _is(each, symbol, trade_id)]
    if not events or not isinstance(events[0].event, OrderFilled):
        raise NotThereError(f"there is no trade {trade_id} on {symbol!r}")
    taker, fill = events[0], events[0].event
    shard = _shard(taker)
    units = store.units_of(shard, symbol)
    changes = [step(each, shard, units) for each in events[1:]]
    return TradeTrail(
        symbol=symbol,
        trade_id=trade_id,
        price=units.price(symbol, fill.price),
        quantity=units.base(symbol, fill.quantity),
        notional=units.quote(symbol, fill.notional),
        status=_status(events[-1].event),
        shard=shard,
        seq=taker.seq,
        traded_at=time_of(taker.occurred_at_us),
        caused_by=taker.actor,
        command_id=taker.causation_id or None,
        correlation_id=taker.correlation_id or None,
        sides=[_side(store, shard, each, units) for each in (taker, _maker(store, shard, taker, fill))],
        changes=changes,
    )


def _shard(recorded: RecordedEvent) -> int:
    return int(recorded.event_id.partition("-")[0])


def _is(recorded: RecordedEvent, symbol: str, trade_id: int) -> bool:
    event: Any = recorded.event
    kinds = (OrderFilled, TradeBusted, TradeCorrected)
    return isinstance(event, kinds) and (event.symbol, event.trade_id) == (symbol, trade_id)


def _status(event: Any) -> str:
    if isinstance(event, TradeBusted):
        return "busted"
    return "corrected" if isinstance(event, TradeCorrected) else "made"


def _maker(store: Store, shard: int, taker: RecordedEvent, fill: OrderFilled) -> RecordedEvent:
    """Return the other side's fill, which the same commit has."""
    commit = store.commit_of(shard, taker.seq)
    for recorded in store.of_stream_in(commit, fill.counter_order_id):
        if _is(recorded, fill.symbol, fill.trade_id):
            return recorded
    raise NotThereError(
        f"the other side of trade {fill.trade_id} on {fill.symbol} is missing from its commit"
    )


def _side(store: Store, shard: int, filled: RecordedEvent, units: Units) -> TradeSideView:
    fill: Any = filled.event
    before = [each for each in store.whole_stream(shard, fill.order_id) if each.seq < filled.seq]
    placed: Any = before[0].event
    acts = [_act(each) for each in before if type(each.event) in _ACTS]
    return TradeSideView(
        side=fill.side,
        liquidity=fill.liquidity,
        account=fill.account,
        order_id=fill.order_id,
        client_order_id=placed.client_order_id,
        order_type=placed.order_type,
        fee=units.quote(fill.symbol, fill.fee),
        remaining=units.base(fill.symbol, fill.remaining),
        people=list(dict.fromkeys(act.actor for act in acts)),
        acts=acts,
    )


_ACTS: dict[type, str] = {OrderPlaced: "placed", OrderAmended: "amended", OrderTriggered: "triggered"}


def _act(recorded: RecordedEvent) -> Act:
    return Act(
        what=_ACTS[type(recorded.event)],
        actor=recorded.actor,
        command_id=recorded.causation_id or None,
        correlation_id=recorded.correlation_id or None,
        at=time_of(recorded.occurred_at_us),
        seq=recorded.seq,
    )
