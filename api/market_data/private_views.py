"""What happened to an account, as its owner is told: from the event alone, so that it reads the same live and
years later from the store.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from api.market_data.private_messages import AccountNews, Balance, OpenOrder, ShardBalance
from api.query.decimals import base_of, given, price_of, quote_of
from domain.account import AccountPosted
from domain.control import AccountStatusChanged
from domain.market import MarketRules
from domain.numbers import format_units
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    TradePrevented,
)
from domain.trade import TradeBusted, TradeCorrected
from projections.projection import Document
from streams.codec import RecordedEvent


class Units(Protocol):
    """Where decimals are known from."""

    def rules(self, symbol: str) -> MarketRules: ...

    def scale(self, asset: str) -> int: ...


def accounts_of(event: Any) -> tuple[str, ...]:
    """Return whom ``event`` is told; nobody: it changes nothing that the user stream shows."""
    kind = type(event)
    if kind in _OF_ACCOUNT:
        return (event.account,)
    if kind is TradePrevented:
        other = event.counter_account
        return (event.account, other) if other and other != event.account else (event.account,)
    if kind is TradeBusted or kind is TradeCorrected:
        return (event.buyer,) if event.buyer == event.seller else (event.buyer, event.seller)
    return ()


def news_of(
    account: str, shard: int, recorded: RecordedEvent, units: Units, previous: int = 0
) -> AccountNews:
    event: Any = recorded.event
    what, fields = _VIEWS[type(event)]
    return AccountNews(
        account=account,
        shard=shard,
        seq=recorded.seq,
        previous=previous,
        occurred_at_us=recorded.occurred_at_us,
        what=what,  # type: ignore[arg-type] # the table below has no others
        **fields(event, units),
    )


def _named(event: Any) -> dict[str, Any]:
    return {"order_id": event.order_id, "symbol": event.symbol}


def _placed(event: OrderPlaced, units: Units) -> dict[str, Any]:
    rules = units.rules(event.symbol)
    return {
        **_named(event),
        "client_order_id": event.client_order_id,
        "side": event.side,
        "order_type": event.order_type,
        "time_in_force": event.time_in_force,
        "price": given(price_of, rules, event.price),
        "quantity": base_of(rules, event.quantity),
        "remaining": base_of(rules, event.quantity),
        "trigger_price": None if event.trigger is None else price_of(rules, event.trigger.price),
    }


def _rejected(event: OrderRejected, _units: Units) -> dict[str, Any]:
    """As it was sent: its market may not exist."""
    request = event.request
    return {
        **_named(event),
        "client_order_id": event.client_order_id,
        "side": request.side,
        "order_type": request.order_type,
        "time_in_force": request.time_in_force,
        "price": request.price,
        "quantity": request.quantity,
        "reason": f"{event.code}: {event.detail}",
    }


def _filled(event: OrderFilled, units: Units) -> dict[str, Any]:
    rules = units.rules(event.symbol)
    return {
        **_named(event),
        "side": event.side,
        "price": price_of(rules, event.price),
        "quantity": base_of(rules, event.quantity),
        "remaining": base_of(rules, event.remaining),
        "trade_id": event.trade_id,
        "fee": quote_of(rules, event.fee),
        "liquidity": event.liquidity,
    }


def _triggered(event: OrderTriggered, units: Units) -> dict[str, Any]:
    rules = units.rules(event.symbol)
    return {
        **_named(event),
        "side": event.side,
        "price": given(price_of, rules, event.price),
        "quantity": base_of(rules, event.quantity),
        "remaining": base_of(rules, event.quantity),
        "trigger_price": price_of(rules, event.trigger_price),
    }


def _amended(event: OrderAmended, units: Units) -> dict[str, Any]:
    rules = units.rules(event.symbol)
    return {
        **_named(event),
        "side": event.side,
        "price": given(price_of, rules, event.price),
        "quantity": base_of(rules, event.quantity),
        "remaining": base_of(rules, event.remaining),
        "trigger_price": None if event.trigger is None else price_of(rules, event.trigger.price),
    }


def _cancelled(event: OrderCancelled, units: Units) -> dict[str, Any]:
    rules = units.rules(event.symbol)
    return {
        **_named(event),
        "side": event.side,
        "price": given(price_of, rules, event.price),
        "quantity": base_of(rules, event.remaining),
        "remaining": "0",
        "reason": event.reason,
    }


def _prevented(event: TradePrevented, units: Units) -> dict[str, Any]:
    rules = units.rules(event.symbol)
    return {
        "symbol": event.symbol,
        "order_id": event.order_id,
        "price": price_of(rules, event.price),
        "quantity": base_of(rules, event.quantity),
        "reason": event.mode,
    }


def _trade_changed(event: TradeBusted | TradeCorrected, units: Units) -> dict[str, Any]:
    """The other side's order and fee are none of this account's business."""
    rules = units.rules(event.symbol)
    return {
        "symbol": event.symbol,
        "trade_id": event.trade_id,
        "price": price_of(rules, event.price),
        "quantity": base_of(rules, event.quantity),
        "reason": event.reason,
    }


def _posted(event: AccountPosted, units: Units) -> dict[str, Any]:
    """A posting states the balance after it: of each asset the last one counts."""
    last = {posting.asset: posting for posting in event.postings}
    balances = []
    for asset, posting in last.items():
        scale = units.scale(asset)
        amounts = (format_units(amount, scale) for amount in (posting.available, posting.held))
        balances.append(Balance(asset, *amounts))
    return {"balances": balances}


def _status(event: AccountStatusChanged, _units: Units) -> dict[str, Any]:
    return {"reason": f"{event.status}: {event.reason}"}


_VIEWS: Mapping[type, tuple[str, Callable[[Any, Units], dict[str, Any]]]] = {
    OrderPlaced: ("order_placed", _placed),
    OrderRejected: ("order_rejected", _rejected),
    OrderFilled: ("order_filled", _filled),
    OrderTriggered: ("order_triggered", _triggered),
    OrderAmended: ("order_amended", _amended),
    OrderCancelled: ("order_cancelled", _cancelled),
    TradePrevented: ("trade_prevented", _prevented),
    TradeBusted: ("trade_busted", _trade_changed),
    TradeCorrected: ("trade_corrected", _trade_changed),
    AccountPosted: ("balances", _posted),
    AccountStatusChanged: ("account_status", _status),
}
_OF_ACCOUNT = frozenset(_VIEWS) - {TradePrevented, TradeBusted, TradeCorrected}


# --- Snapshots ------------------------------------------------------------------------------------------


def open_order(document: Document, units: Units) -> OpenOrder:
    rules, trigger = units.rules(document["symbol"]), document["trigger"]
    return OpenOrder(
        order_id=document["_id"],
        client_order_id=document["client_order_id"],
        symbol=document["symbol"],
        side=document["side"],
        order_type=document["order_type"],
        time_in_force=document["time_in_force"],
        status=document["status"],
        price=given(price_of, rules, document["price"]),
        trigger_price=None if trigger is None else price_of(rules, trigger["price"]),
        quantity=base_of(rules, document["quantity"]),
        filled=base_of(rules, document["filled"]),
        remaining=base_of(rules, document["remaining"]),
        shard=document["shard"],
        seq=document["seq"],
    )


def shard_balance(document: Document, units: Units) -> ShardBalance:
    scale = units.scale(document["asset"])
    available, held = (format_units(int(document[name]), scale) for name in ("available", "held"))
    return ShardBalance(document["asset"], available, held, document["shard"])
