"""Statuses: what a market, an account and the venue take at the moment, and how that changes.

Of market and venue the stricter counts. Cancels are always taken.
"""

from typing import TYPE_CHECKING

from domain.accounts import Account, check_open
from domain.checks import market_of
from domain.control import (
    AccountStatusChanged,
    DelistMarket,
    MarketDelisted,
    MarketStatusChanged,
    SetAccountStatus,
    SetMarketStatus,
    SetVenueStatus,
    VenueStatusChanged,
)
from domain.ending import cancel_order
from domain.event import Event
from domain.markets import DELISTED, Market
from domain.order import CancelReason
from domain.rejections import RefusedError
from domain.state_hash import digest_of
from domain.step import Step

if TYPE_CHECKING:
    from domain.book import Order
    from domain.exchange import Exchange

TAKES: dict[str, str] = {
    "cancel_only": "cancels are taken, and amendments by which nothing but the quantity falls",
    "halted": "cancels alone are taken",
    "closed": "it has no orders",
}
MAY: dict[str, str] = {
    "reduce_only": "it may only sell",
    "cancel_only": "it may place no orders",
    "suspended": "it may place no orders, and send nothing out",
}
STRICTER: tuple[str, ...] = ("active", "reduce_only", "cancel_only", "suspended")  # from left to right


# --- What is taken --------------------------------------------------------------------------------------


def matches(exchange: "Exchange", market: Market) -> bool:
    """Whether orders trade there, and triggers fire."""
    return market.status == "open" and exchange.venue_status == "open"


def check_takes_orders(exchange: "Exchange", market: Market, *, reducing: bool = False) -> None:
    """Raise ``RefusedError`` unless the market takes new orders; or, ``reducing``, an amendment by which
    nothing but the quantity of an order falls.
    """
    taking = ("open", "cancel_only") if reducing else ("open",)
    if exchange.venue_status not in taking:
        status = exchange.venue_status
        raise RefusedError("venue_not_open", f"the venue is {status}: {TAKES[status]}")
    if market.status not in taking:
        detail = f"market {market.rules.symbol} is {market.status}: {TAKES[market.status]}"
        raise RefusedError("market_not_open", detail)


def check_may_place(account: Account, side: str) -> None:
    """Raise ``RefusedError`` unless the account may place an order of that side."""
    if not _may_have(account.status, side):
        detail = f"account {account.account} is {account.status}: {MAY[account.status]}"
        raise RefusedError("account_restricted", detail)


def check_may_send_out(account: Account) -> None:
    """Raise ``RefusedError`` unless the account may send its funds elsewhere."""
    if account.status == "suspended":
        detail = f"account {account.account} is suspended: its funds stay where they are"
        raise RefusedError("account_restricted", detail)


def _may_have(status: str, side: str) -> bool:
    return status == "active" or (status == "reduce_only" and side == "sell")


# --- Decisions ------------------------------------------------------------------------------------------


def set_market_status(exchange: "Exchange", command: SetMarketStatus, now_us: int) -> list[Event]:
    """Give the market that status; closing it cancels its orders. Raises ``RefusedError``."""
    market = market_of(exchange, command.symbol)
    if market.status == command.status:
        return []
    step = Step(exchange, command.command_id, now_us)
    step.events.append(
        MarketStatusChanged(command.symbol, command.status, command.reason, actor=command.actor)
    )
    if command.status == "closed":
        _cancel(step, orders_on(exchange, command.symbol), "market_closed")
    return step.events


def delist(exchange: "Exchange", command: DelistMarket, _now_us: int) -> list[Event]:
    """Take a closed market off the list; taking it off again changes nothing. Raises ``RefusedError``."""
    known = exchange.markets.get(command.symbol)
    if known is not None and known.status == DELISTED:
        return []
    market = market_of(exchange, command.symbol)
    if market.status != "closed":
        raise RefusedError("market_not_closed", f"market {command.symbol} is {market.status}")
    return [MarketDelisted(command.symbol, actor=command.actor)]


def set_account_status(exchange: "Exchange", command: SetAccountStatus, now_us: int) -> list[Event]:
    """Give the account that status, and cancel the orders it may not have. Raises ``RefusedError``."""
    account = check_open(exchange, command.account)
    if command.only_tighten and STRICTER.index(command.status) < STRICTER.index(account.status):
        return []
    step = Step(exchange, command.command_id, now_us)
    if command.status != account.status:
        step.events.append(
            AccountStatusChanged(command.account, command.status, command.reason, actor=command.actor)
        )
    forbidden = [order for order in account.orders.values() if not _may_have(command.status, order.side)]
    _cancel(step, forbidden, "account_restricted")
    return step.events


def set_venue_status(exchange: "Exchange", command: SetVenueStatus, now_us: int) -> list[Event]:
    """Give the venue that status; if so asked, cancel all orders."""
    step = Step(exchange, command.command_id, now_us)
    if command.status != exchange.venue_status:
        step.events.append(VenueStatusChanged(command.status, command.reason, actor=command.actor))
    if command.cancel_orders:
        _cancel(step, list(exchange.orders.values()), "kill_switch")
    return step.events


def orders_on(exchange: "Exchange", symbol: str) -> "list[Order]":
    """Return the open orders of a market, oldest first."""
    return [order for order in exchange.orders.values() if order.symbol == symbol]


def _cancel(step: Step, orders: "list[Order]", reason: CancelReason) -> None:
    for order in orders:
        cancel_order(step, step.market(order.symbol), order, reason)


# --- Evolution ------------------------------------------------------------------------------------------


def market_status_changed(exchange: "Exchange", event: MarketStatusChanged) -> None:
    """A price may have come while nothing fired: whom it triggers is looked at when the market opens."""
    market = exchange.markets[event.symbol]
    market.status = event.status
    exchange.moved[event.symbol] = None
    exchange.hashed.changed(market)


def market_delisted(exchange: "Exchange", event: MarketDelisted) -> None:
    """It stays known, so that what it traded can be told, and its scales."""
    market = exchange.markets[event.symbol]
    market.status = DELISTED
    exchange.hashed.changed(market)


def account_status_changed(exchange: "Exchange", event: AccountStatusChanged) -> None:
    account = exchange.accounts[event.account]
    account.status = event.status
    exchange.hashed.changed(account)


def venue_status_changed(exchange: "Exchange", event: VenueStatusChanged) -> None:
    """As ``market_status_changed``, for all markets."""
    before, exchange.venue_status = exchange.venue_status, event.status
    exchange.hashed.replace(venue_digest(before), venue_digest(event.status))
    exchange.moved.update(dict.fromkeys(exchange.markets))


def venue_digest(status: str) -> int:
    return digest_of("venue", status) if status != "open" else 0
