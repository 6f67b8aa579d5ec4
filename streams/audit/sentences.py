"""One plain sentence for each event: what happened, in decimals, for a person who knows the business and not
the code.
"""

from collections.abc import Callable
from typing import Any

from domain.account import (
    AccountFeesSet,
    AccountGroupSet,
    AccountLimits,
    AccountLimitsSet,
    AccountOpened,
    AccountPosted,
    FundsDeposited,
    Posting,
    PostingKind,
)
from domain.control import (
    AccountStatusChanged,
    MarketDelisted,
    MarketRulesChanged,
    MarketStatusChanged,
    VenueStatusChanged,
)
from domain.event import Event
from domain.market import MarketListed, MarkPriceSet
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    TradePrevented,
    Trigger,
)
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from domain.shard_transfer import (
    FundsDeclined,
    FundsReceived,
    FundsSent,
    TransferCompleted,
    TransferReturned,
)
from domain.trade import TradeBusted, TradeCorrected
from domain.transfer import (
    BalanceAdjusted,
    FundsTransferred,
    WithdrawalCancelled,
    WithdrawalCompleted,
    WithdrawalRequested,
)
from streams.audit.units import Units, meaning

PPM_PER_PERCENT = 10_000

CANCEL_REASONS: dict[str, str] = {
    "requested": "as its owner asked",
    "unfilled_remainder": "as what an order of its time in force cannot trade at once is cancelled",
    "fill_or_kill": "as it could not be filled in full at once",
    "expired": "as its time was over",
    "self_trade": "as it would have traded with an order of the same owner",
    "budget_spent": "as its budget was spent",
    "disconnected": "as the connection it was sent over was lost",
    "replaced": "as another order replaced it",
    "list": "as another order of its list had traded or ended",
    "market_closed": "as its market was closed",
    "rules_changed": "as the market's new rules leave no room for it",
    "account_restricted": "as its account was restricted",
    "kill_switch": "by the kill switch",
}

POSTINGS: dict[PostingKind, str] = {
    "deposit": "{amount} came in",
    "hold": "{amount} held",
    "release": "{amount} released",
    "pay": "{amount} paid out of what was held",
    "receive": "{amount} received",
    "withdraw": "{amount} left the venue",
    "transfer_out": "{amount} transferred out",
    "transfer_in": "{amount} transferred in",
    "credit": "{amount} credited by the venue",
    "debit": "{amount} debited by the venue",
    "send": "{amount} sent to another shard",
    "take_in": "{amount} taken in from another shard",
    "give_back": "{amount} given back, as the other shard declined it",
    "refund": "{amount} given back for a trade that was busted or corrected",
    "reclaim": "{amount} taken back for a trade that was busted or corrected",
}


def sentence(event: Event, units: Units) -> str:
    """Return what ``event`` says, as a sentence without its full stop."""
    return SENTENCES[type(event)](event, units)


# --- Orders ---------------------------------------------------------------------------------------------


def _placed(event: OrderPlaced, units: Units) -> str:
    parts = [f"{event.account} placed a {event.order_type.replace('_', '-')} order to {event.side}"]
    parts.append(f" {units.quantity(event.symbol, event.quantity)}{_price(event, units)}")
    parts.append(f", {event.time_in_force.upper()}{_extras(event, units)}")
    if event.pending:
        parts.append("; it is pending until the working order of its list trades")
    elif event.trigger is not None:
        parts.append(f"; it waits for {_trigger(event.symbol, event.trigger, units)}")
    elif event.resting:
        parts.append(f"; {units.base(event.symbol, event.resting)} of it rests in the book")
    return "".join(parts)


def _price(event: OrderPlaced, units: Units) -> str:
    if event.budget:
        return f" for {units.money(event.symbol, event.budget)} in all"
    return " at market" if event.price is None else f" at {units.price(event.symbol, event.price)}"


def _extras(event: OrderPlaced, units: Units) -> str:
    shown = f"shows {units.base(event.symbol, event.display)} at a time" if event.display else ""
    session = f"ends with session {event.session}" if event.session else ""
    extras = ["post-only" if event.post_only else "", shown, session]
    return "".join(f", {extra}" for extra in extras if extra)


def _trigger(symbol: str, trigger: Trigger, units: Units) -> str:
    way = "rise to" if trigger.rising else "fall to"
    told = f"the {trigger.source} price to {way} {units.price(symbol, trigger.price)}"
    if trigger.trail:
        return f"{told}, following {units.price(symbol, trigger.trail)} behind"
    return f"{told}, following {trigger.trail_bps} basis points behind" if trigger.trail_bps else told


def _rejected(event: OrderRejected, _: Units) -> str:
    return f"{event.account}'s order was rejected ({event.code}): {event.detail}"


def _filled(event: OrderFilled, units: Units) -> str:
    did = "bought" if event.side == "buy" else "sold"
    left = f"{units.base(event.symbol, event.remaining)} left" if event.remaining else "nothing left"
    return (
        f"{event.account} {did} {units.quantity(event.symbol, event.quantity)}"
        f" at {units.price(event.symbol, event.price)} as {event.liquidity} in trade {event.trade_id}"
        f" for {units.money(event.symbol, event.notional)},"
        f" fee {units.money(event.symbol, event.fee)}; {left}"
    )


def _triggered(event: OrderTriggered, units: Units) -> str:
    becomes = "a market order"
    if event.price is not None:
        becomes = f"a limit order at {units.price(event.symbol, event.price)}"
    stood = units.price(event.symbol, event.trigger_price)
    quantity = units.quantity(event.symbol, event.quantity)
    return (
        f"{event.account}'s trigger at {stood} fired: its order to {event.side} {quantity} became {becomes}"
    )


def _amended(event: OrderAmended, units: Units) -> str:
    price = "market" if event.price is None else units.price(event.symbol, event.price)
    place = "keeps its place in the queue" if event.keeps_priority else "queues anew"
    waits = ""
    if event.trigger is not None:
        place, waits = "waits on", f", for {_trigger(event.symbol, event.trigger, units)}"
    return (
        f"{event.account}'s order now is to {event.side} {units.quantity(event.symbol, event.quantity)}"
        f" at {price}, {units.base(event.symbol, event.remaining)} of it still to trade; it {place}{waits}"
    )


def _cancelled(event: OrderCancelled, units: Units) -> str:
    why = CANCEL_REASONS.get(event.reason) or f"({event.reason}: {meaning(event.reason).rstrip('.')})"
    return (
        f"{event.account}'s order was cancelled {why};"
        f" {units.quantity(event.symbol, event.remaining)} will not trade"
    )


def _prevented(event: TradePrevented, units: Units) -> str:
    other = event.counter_account or event.account
    return (
        f"A trade of {units.quantity(event.symbol, event.quantity)} at"
        f" {units.price(event.symbol, event.price)} between {event.account} and {other}'s order"
        f" {event.counter_order_id} was prevented: they are of one owner ({event.mode})"
    )


# --- Order lists ----------------------------------------------------------------------------------------


def _list_placed(event: OrderListPlaced, _: Units) -> str:
    return (
        f"{event.account} placed an {event.kind.upper()} list of {len(event.legs)} orders on {event.symbol}"
    )


def _list_rejected(event: OrderListRejected, _: Units) -> str:
    return f"{event.account}'s {event.kind.upper()} list was rejected ({event.code}): {event.detail}"


def _list_ended(event: OrderListEnded, _: Units) -> str:
    why = "its owner cancelled it" if event.reason == "requested" else "none of its orders is open any more"
    return f"{event.account}'s order list on {event.symbol} ended: {why}"


# --- Money ----------------------------------------------------------------------------------------------


def _deposited(event: FundsDeposited, units: Units) -> str:
    return f"{event.account} received {units.sum(event.asset, event.amount)} from outside"


def _withdrawal_requested(event: WithdrawalRequested, units: Units) -> str:
    to = f" to {event.destination}" if event.destination else ""
    return f"{event.account} asked to withdraw {units.sum(event.asset, event.amount)}{to}"


def _withdrawal_completed(event: WithdrawalCompleted, units: Units) -> str:
    amount = units.sum(event.asset, event.amount)
    return f"{amount} of {event.account} left the venue as payment {event.reference}"


def _withdrawal_cancelled(event: WithdrawalCancelled, units: Units) -> str:
    amount = units.sum(event.asset, event.amount)
    return f"{event.account}'s withdrawal of {amount} was cancelled: {event.reason}"


def _transferred(event: FundsTransferred, units: Units) -> str:
    return f"{event.account} transferred {units.sum(event.asset, event.amount)} to {event.to_account}"


def _sent(event: FundsSent, units: Units) -> str:
    amount = units.sum(event.asset, event.amount)
    return f"{event.account} sent {amount} to {event.to_account} on shard {event.to_shard}"


def _completed(event: TransferCompleted, units: Units) -> str:
    amount = units.sum(event.asset, event.amount)
    return f"Shard {event.to_shard} has credited the {amount} that {event.account} sent there"


def _returned(event: TransferReturned, units: Units) -> str:
    amount = units.sum(event.asset, event.amount)
    return (
        f"{event.account} has the {amount} back that shard {event.to_shard} declined"
        f" ({event.code}): {event.detail}"
    )


def _received(event: FundsReceived, units: Units) -> str:
    amount = units.sum(event.asset, event.amount)
    return f"{event.account} received {amount} from {event.from_account} on shard {event.from_shard}"


def _declined(event: FundsDeclined, _: Units) -> str:
    return (
        f"{event.amount} {event.asset} from {event.from_account} on shard {event.from_shard} to"
        f" {event.account} was declined ({event.code}): {event.detail}"
    )


def _adjusted(event: BalanceAdjusted, units: Units) -> str:
    way = "credited to" if event.side == "credit" else "debited from"
    amount = units.sum(event.asset, event.amount)
    return f"{amount} was {way} {event.account}: {event.reason}; {event.approver} approved it"


# --- Accounts -------------------------------------------------------------------------------------------


def _opened(event: AccountOpened, _: Units) -> str:
    return f"Account {event.account} was opened"


def _posted(event: AccountPosted, _: Units) -> str:
    count = len(event.postings)
    return f"{event.account}'s balances changed in {count} posting{'s' if count != 1 else ''}"


def posting_sentence(posting: Posting, units: Units) -> str:
    told = POSTINGS[posting.kind].format(amount=units.sum(posting.asset, posting.amount))
    if posting.fill is not None:
        return f"{told}, for trade {posting.fill.trade_id} on {posting.fill.symbol}"
    return told


def _fees_set(event: AccountFeesSet, _: Units) -> str:
    where = "all markets" if event.symbol is None else event.symbol
    if event.maker_fee_ppm is None or event.taker_fee_ppm is None:
        return f"{event.account} has no agreed fees on {where} any more"
    maker, taker = _percent(event.maker_fee_ppm), _percent(event.taker_fee_ppm)
    return f"{event.account} pays {maker} as maker and {taker} as taker on {where}"


def _percent(ppm: int) -> str:
    return f"{ppm / PPM_PER_PERCENT:.4f}".rstrip("0").rstrip(".") + " %"


def _group_set(event: AccountGroupSet, _: Units) -> str:
    if event.group is None:
        return f"{event.account} belongs to no group any more"
    return f"{event.account} belongs to group {event.group}"


def _limits_set(event: AccountLimitsSet, units: Units) -> str:
    limits = limits_shown(event.limits, units)
    told = ", ".join(f"{name} {value}" for name, value in limits.items())
    return f"{event.account}'s limits are now: {told or 'none'}"


def limits_shown(limits: AccountLimits, units: Units) -> dict[str, str]:
    """Return each limit that is set, by a name that says of what, as ``max_position BTC-USD``."""
    shown = {}
    for name in ("max_order_notional", "max_open_notional", "daily_loss"):
        for asset, most in getattr(limits, name).items():
            shown[f"{name} {asset}"] = units.amount(asset, most)
    for symbol, most in limits.max_position.items():
        shown[f"max_position {symbol}"] = units.base(symbol, most)
    if limits.order_rate is not None:
        shown["order_rate"] = f"{limits.order_rate} a second"
    return shown


def _account_status(event: AccountStatusChanged, _: Units) -> str:
    return f"{event.actor} made account {event.account} {event.status}: {event.reason}"


# --- Markets and the venue ------------------------------------------------------------------------------


def _listed(event: MarketListed, units: Units) -> str:
    rules, symbol = event.rules, event.rules.symbol
    return (
        f"Market {symbol} was listed: prices in steps of {units.price(symbol, rules.tick)}, quantities in"
        f" steps of {units.quantity(symbol, rules.lot)}, fees {_percent(rules.maker_fee_ppm)} maker and"
        f" {_percent(rules.taker_fee_ppm)} taker"
    )


def _marked(event: MarkPriceSet, units: Units) -> str:
    return f"The mark price of {event.symbol} became {units.price(event.symbol, event.price)}"


def _market_status(event: MarketStatusChanged, _: Units) -> str:
    return f"{event.actor} made market {event.symbol} {event.status}: {event.reason}"


def _rules_changed(event: MarketRulesChanged, _: Units) -> str:
    return f"{event.actor} changed the rules of market {event.symbol}"


def _delisted(event: MarketDelisted, _: Units) -> str:
    return f"{event.actor} delisted market {event.symbol}"


def _venue_status(event: VenueStatusChanged, _: Units) -> str:
    return f"{event.actor} made the venue {event.status}: {event.reason}"


def _busted(event: TradeBusted, units: Units) -> str:
    return (
        f"Trade {event.trade_id} on {event.symbol} was busted: {event.buyer} gave"
        f" {units.quantity(event.symbol, event.quantity)} back to {event.seller}, and got"
        f" {units.money(event.symbol, event.notional)}; {event.reason}"
    )


def _corrected(event: TradeCorrected, units: Units) -> str:
    old, new = (units.price(event.symbol, price) for price in (event.old_price, event.price))
    return (
        f"Trade {event.trade_id} on {event.symbol} between {event.buyer} (buyer) and {event.seller} (seller)"
        f" was corrected from {old} to {new}; {event.reason}"
    )


SENTENCES: dict[type[Event], Callable[[Any, Units], str]] = {
    OrderPlaced: _placed,
    OrderRejected: _rejected,
    OrderFilled: _filled,
    OrderTriggered: _triggered,
    OrderAmended: _amended,
    OrderCancelled: _cancelled,
    TradePrevented: _prevented,
    OrderListPlaced: _list_placed,
    OrderListRejected: _list_rejected,
    OrderListEnded: _list_ended,
    FundsDeposited: _deposited,
    WithdrawalRequested: _withdrawal_requested,
    WithdrawalCompleted: _withdrawal_completed,
    WithdrawalCancelled: _withdrawal_cancelled,
    FundsTransferred: _transferred,
    FundsSent: _sent,
    TransferCompleted: _completed,
    TransferReturned: _returned,
    FundsReceived: _received,
    FundsDeclined: _declined,
    BalanceAdjusted: _adjusted,
    AccountOpened: _opened,
    AccountPosted: _posted,
    AccountFeesSet: _fees_set,
    AccountGroupSet: _group_set,
    AccountLimitsSet: _limits_set,
    AccountStatusChanged: _account_status,
    MarketListed: _listed,
    MarkPriceSet: _marked,
    MarketStatusChanged: _market_status,
    MarketRulesChanged: _rules_changed,
    MarketDelisted: _delisted,
    TradeBusted: _busted,
    TradeCorrected: _corrected,
    VenueStatusChanged: _venue_status,
}
