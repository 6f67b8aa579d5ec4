"""What a story's traders wish for: commands in a few words."""

from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from domain.account import Deposit, OpenAccount
from domain.control import (
    ChangeMarketRules,
    DelistMarket,
    SetAccountStatus,
    SetMarketStatus,
    SetVenueStatus,
)
from domain.event import Command, Side
from domain.ids import order_id, transfer_id
from domain.market import ListMarket, SetMarkPrice
from domain.order import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    CancelReplace,
    OrderRequest,
    PlaceOrder,
)

SHARD = 0
SYMBOL = "BTC-USD"

Number = int | str
Wish = TypeVar("Wish", bound=Command)


def buy(account: str, quantity: Number | None = None, **more: Any) -> PlaceOrder:
    """``at``: the limit price; without one it is a market order. ``quote``: a budget instead of a quantity.
    ``stop``, ``take_profit``: the price it waits for; ``trail``, ``trail_bps``: how far it stays behind. For
    more, see ``_place``.
    """
    return _place("buy", account, quantity, **more)


def sell(account: str, quantity: Number | None = None, **more: Any) -> PlaceOrder:
    """As ``buy``."""
    return _place("sell", account, quantity, **more)


def _place(
    side: Side,
    account: str,
    quantity: Number | None,
    *,
    name: str = "",
    symbol: str = SYMBOL,
    until_us: int | None = None,
    dry_run: bool = False,
    **asked: Any,
) -> PlaceOrder:
    name = name or account
    return PlaceOrder(
        command_id=f"place-{name}",
        actor=account,
        valid_until_us=until_us,
        order_id=order_named(name),
        account=account,
        client_order_id=name,
        symbol=symbol,
        request=_request(side, quantity, **asked),
        dry_run=dry_run,
    )


def _request(
    side: Side,
    quantity: Number | None,
    *,
    at: Number | None = None,
    quote: Number | None = None,
    tif: str = "gtc",
    stop: Number | None = None,
    take_profit: Number | None = None,
    trail: Number | None = None,
    display: Number | None = None,
    **more: Any,
) -> OrderRequest:
    """``more``: fields of ``OrderRequest`` by their own names. ``trail_bps`` is short for trailing_bps."""
    trigger = take_profit if stop is None else stop
    trail_bps = more.pop("trail_bps", None)
    trails = trail is not None or trail_bps is not None
    fields = {
        "side": side,
        "order_type": _type(at, stop, take_profit, trails=trails),
        "time_in_force": tif,
        "quantity": _text(quantity),
        "quote_quantity": _text(quote),
        "price": _text(at),
        "trigger_price": _text(trigger),
        "trailing_offset": _text(trail),
        "trailing_bps": trail_bps,
        "display_quantity": _text(display),
    }
    return msgspec.convert(fields | more, OrderRequest)


def _type(at: Number | None, stop: Number | None, take_profit: Number | None, *, trails: bool) -> str:
    if trails:
        return "trailing_stop"
    if stop is not None:
        return "stop" if at is None else "stop_limit"
    if take_profit is not None:
        return "take_profit" if at is None else "take_profit_limit"
    return "market" if at is None else "limit"


def _text(value: Number | None) -> str | None:
    return None if value is None else str(value)


def but(order: PlaceOrder, **changes: Any) -> PlaceOrder:
    """Return the order with other fields in its request."""
    return replace(order, request=replace(order.request, **changes))


def amend(account: str, name: str = "", until_us: int | None = None, **changes: Number) -> AmendOrder:
    """``changes``: quantity, price, trigger_price."""
    return AmendOrder(
        command_id=f"amend-{name or account}",
        actor=account,
        valid_until_us=until_us,
        order_id=order_named(name or account),
        account=account,
        **{field: str(value) for field, value in changes.items()},
    )


def replacing(name: str, order: PlaceOrder, *, allow_failure: bool = False) -> CancelReplace:
    """Cancel the order of that name, and place ``order``."""
    return CancelReplace(
        command_id=f"replace-{name}",
        actor=order.actor,
        valid_until_us=order.valid_until_us,
        cancel_order_id=order_named(name),
        mode="allow_failure" if allow_failure else "stop_on_failure",
        order_id=order.order_id,
        account=order.account,
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        request=order.request,
    )


def cancel_all(
    account: str | None = None,
    symbol: str | None = None,
    side: Side | None = None,
    session: str | None = None,
) -> CancelAll:
    return CancelAll(
        command_id="cancel-all", actor="", account=account, symbol=symbol, side=side, session=session
    )


def mark(price: Number, symbol: str = SYMBOL) -> SetMarkPrice:
    return SetMarkPrice(command_id=f"mark-{price}", actor="operator", symbol=symbol, price=str(price))


def order_named(name: str) -> str:
    """Return the order id; in a story a name is used once, whatever the account."""
    return order_id(SHARD, "story", name)


def cancel(account: str, name: str = "", until_us: int | None = None) -> CancelOrder:
    return CancelOrder(
        command_id=f"cancel-{name or account}",
        actor=account,
        valid_until_us=until_us,
        order_id=order_named(name or account),
        account=account,
    )


def open_account(account: str) -> OpenAccount:
    return OpenAccount(command_id=f"open-{account}", actor="operator", account=account)


def deposit(account: str, amount: Number, asset: str, name: str = "deposit") -> Deposit:
    return Deposit(
        command_id=f"deposit-{name}",
        actor="operator",
        transfer_id=transfer_id(SHARD, account, name),
        client_transfer_id=name,
        account=account,
        asset=asset,
        amount=str(amount),
    )


def market_is(status: str, symbol: str = SYMBOL) -> SetMarketStatus:
    return _as(SetMarketStatus, command_id=f"market-{status}", symbol=symbol, status=status, reason="drill")


def account_is(account: str, status: str, *, only_tighten: bool = False) -> SetAccountStatus:
    return _as(
        SetAccountStatus,
        command_id=f"account-{status}",
        account=account,
        status=status,
        reason="drill",
        only_tighten=only_tighten,
    )


def venue_is(status: str, *, cancel_orders: bool = False) -> SetVenueStatus:
    return _as(
        SetVenueStatus,
        command_id=f"venue-{status}",
        status=status,
        reason="drill",
        cancel_orders=cancel_orders,
    )


def change_rules(symbol: str = SYMBOL, **changes: Any) -> ChangeMarketRules:
    return ChangeMarketRules(command_id="rules", actor="operator", symbol=symbol, **changes)


def delist(symbol: str = SYMBOL) -> DelistMarket:
    return DelistMarket(command_id="delist", actor="operator", symbol=symbol)


def _as(kind: type[Wish], **fields: Any) -> Wish:
    """Return the command as it would be read from a message."""
    return msgspec.convert({"type": kind.__name__, "actor": "operator"} | fields, kind)


def list_market(**changes: Any) -> ListMarket:
    rules: dict[str, Any] = {
        "symbol": SYMBOL,
        "base_asset": "BTC",
        "quote_asset": "USD",
        "base_scale": 2,
        "quote_scale": 4,
        "tick_size": "0.01",
        "lot_size": "0.01",
        "min_quantity": "0.01",
        "max_quantity": "1000",
        "min_notional": "0",
        "maker_fee_ppm": 0,
        "taker_fee_ppm": 0,
    }
    return ListMarket(command_id="list", actor="operator", **(rules | changes))
