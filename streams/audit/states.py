"""States of the aggregates as their events alone tell them, in decimals: what a step was before and after."""

from typing import Any

import msgspec

from domain.account import (
    AccountFeesSet,
    AccountGroupSet,
    AccountLimitsSet,
    AccountOpened,
    AccountPosted,
)
from domain.control import AccountStatusChanged, MarketDelisted, MarketRulesChanged, MarketStatusChanged
from domain.event import Event
from domain.market import MarketListed, MarketRules
from domain.order import OrderCancelled, OrderFilled, OrderRejected
from projections import orders
from projections.projection import At, Document
from streams.audit.sentences import limits_shown
from streams.audit.steps import State, balance_before
from streams.audit.units import Units, time_of
from streams.codec import RecordedEvent

# --- Orders ---------------------------------------------------------------------------------------------


class OrderState:
    """An order as its own events leave it: folded as the read model does, with what its account holds."""

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.document: Document | None = None
        self.held = 0

    def take(self, recorded: RecordedEvent) -> None:
        """Raises ``ValueError`` if the stream does not begin with the order's beginning."""
        event: Any = recorded.event
        at = At(self.shard, recorded.seq, recorded.occurred_at_us)
        self.document = orders.fold(self.document, event, at)
        if isinstance(event, OrderCancelled | OrderRejected):
            self.held = 0
        else:
            self.held = getattr(event, "held", self.held)

    def shown(self, units: Units) -> State | None:
        """Return what can change of the order; ``None``: it is not there yet."""
        order = self.document
        if order is None:
            return None
        if order["status"] == orders.REJECTED:
            return {"status": orders.REJECTED, "code": order["code"]}
        symbol = order["symbol"]
        trigger = order["trigger"]
        return {
            "status": order["status"],
            "price": None if order["price"] is None else units.price(symbol, order["price"]),
            "quantity": units.base(symbol, order["quantity"]),
            "filled": units.base(symbol, order["filled"]),
            "remaining": units.base(symbol, order["remaining"]),
            "held": self._held(units),
            "notional": units.quote(symbol, int(order["notional"])),
            "fees": units.quote(symbol, int(order["fees"])),
            "fills": str(order["fills_count"]),
            "trigger_price": None if trigger is None else units.price(symbol, trigger["price"]),
            "trigger_fired_at": None if trigger is None else _time(trigger["fired_at_us"]),
            "trades_prevented": str(order["prevented_count"]),
            "cancel_reason": order.get("cancel_reason"),
        }

    def _held(self, units: Units) -> str:
        assert self.document is not None  # noqa: S101 - only a placed order is shown
        symbol, buys = self.document["symbol"], self.document["side"] == "buy"
        return units.quote(symbol, self.held) if buys else units.base(symbol, self.held)


def _time(us: int | None) -> str | None:
    return None if us is None else time_of(us)


# --- Accounts -------------------------------------------------------------------------------------------


class AccountTerms:
    """What an account may do: its status, group, fees and limits, as its events leave them."""

    def __init__(self) -> None:
        self.state: State = {}

    def take(self, event: Event, units: Units) -> None:
        if isinstance(event, AccountOpened):
            self.state = {"status": "active", "group": None}
        elif isinstance(event, AccountStatusChanged):
            self.state = {**self.state, "status": event.status, "status_reason": event.reason}
        elif isinstance(event, AccountGroupSet):
            self.state = {**self.state, "group": event.group}
        elif isinstance(event, AccountFeesSet):
            self.state = {**self.state, f"fees {event.symbol or 'all markets'}": _fees(event)}
        elif isinstance(event, AccountLimitsSet):
            kept = {name: value for name, value in self.state.items() if not name.startswith("limit ")}
            limits = limits_shown(event.limits, units)
            self.state = {**kept, **{f"limit {name}": value for name, value in limits.items()}}


def _fees(event: AccountFeesSet) -> str | None:
    if event.maker_fee_ppm is None or event.taker_fee_ppm is None:
        return None
    return f"{event.maker_fee_ppm} ppm maker, {event.taker_fee_ppm} ppm taker"


def balances_around(event: AccountPosted, units: Units) -> tuple[State, State]:
    """Return the balances that the event changes, before its first posting and after its last."""
    before: State = {}
    after: State = {}
    for posting in event.postings:
        names = f"{posting.asset} available", f"{posting.asset} held"
        amounts = zip(names, balance_before(posting), (posting.available, posting.held), strict=True)
        for name, old, new in amounts:
            before.setdefault(name, units.amount(posting.asset, old))
            after[name] = units.amount(posting.asset, new)
    return before, after


# --- Markets --------------------------------------------------------------------------------------------


class MarketState:
    """A market's status, rules and last price, as its events and trades leave them."""

    def __init__(self) -> None:
        self.state: State = {}

    def take(self, event: Event, units: Units) -> None:
        if isinstance(event, MarketListed):
            self.state = {"status": "open", **rules_shown(event.rules, units)}
        elif isinstance(event, MarketRulesChanged):
            self.state = {**self.state, **rules_shown(event.rules, units)}
        elif isinstance(event, MarketStatusChanged):
            self.state = {**self.state, "status": event.status, "status_reason": event.reason}
        elif isinstance(event, MarketDelisted):
            self.state = {**self.state, "status": "delisted"}
        elif isinstance(event, OrderFilled):
            price = units.price(event.symbol, event.price)
            self.state = {**self.state, "last_price": price, "last_trade_id": str(event.trade_id)}


_PRICES, _QUANTITIES, _MONEY = (
    {"tick"},
    {"lot", "min_quantity", "max_quantity", "max_position"},
    {"min_notional"},
)


def rules_shown(rules: MarketRules, units: Units) -> State:
    """Return a market's rules, each as people write it."""
    symbol = rules.symbol
    shown: State = {}
    for name, value in msgspec.structs.asdict(rules).items():
        if name in _PRICES:
            shown[name] = units.price(symbol, value)
        elif name in _QUANTITIES:
            shown[name] = units.base(symbol, value)
        elif name in _MONEY:
            shown[name] = units.quote(symbol, value)
        else:
            shown[name] = str(value)
    return shown
