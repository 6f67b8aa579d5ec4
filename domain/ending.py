"""Ending orders: one by its owner, many at once, those whose time has come."""

from typing import TYPE_CHECKING

from domain.book import Order
from domain.event import Event
from domain.markets import Market
from domain.order import CancelAll, CancelOrder, CancelReason, OrderCancelled
from domain.rejections import RefusedError
from domain.step import Step

if TYPE_CHECKING:
    from domain.exchange import Exchange


def cancel(exchange: "Exchange", command: CancelOrder, now_us: int) -> list[Event]:
    """Take the order out and release what it holds. Raises ``RefusedError``."""
    order = open_order(exchange, command.account, command.order_id)
    step = Step(exchange, command.command_id, now_us)
    cancel_order(step, step.market(order.symbol), order, "requested")
    return step.events


def cancel_all(exchange: "Exchange", command: CancelAll, now_us: int) -> list[Event]:
    """Cancel whatever is open and named; none is fine. Raises ``RefusedError``."""
    if command.account is None and command.symbol is None:
        raise RefusedError("scope_required", "neither account nor symbol was given")
    reason: CancelReason = "requested" if command.session is None else "disconnected"
    step = Step(exchange, command.command_id, now_us)
    for order in named(exchange, command):
        cancel_order(step, step.market(order.symbol), order, reason)
    return step.events


def named(exchange: "Exchange", command: CancelAll) -> list[Order]:
    """Return the open orders a mass cancel names, oldest first."""
    if command.account is not None:
        account = exchange.accounts.get(command.account)
        if account is None:
            raise RefusedError("unknown_account", f"account {command.account!r} is not open")
        candidates = list(account.orders.values())
    else:
        candidates = list(exchange.orders.values())
    return [
        order
        for order in candidates
        if command.symbol in {None, order.symbol}
        and command.side in {None, order.side}
        and command.session in {None, order.session}
    ]


def open_order(exchange: "Exchange", account: str, order_id: str) -> Order:
    """Return the account's open order. Raises ``RefusedError``."""
    order = exchange.orders.get(order_id)
    if order is None or order.account != account:
        raise RefusedError("order_not_open", f"{account} has no open order {order_id}")
    return order


def not_a_leg(order: Order) -> None:
    """Raise ``RefusedError`` for an order whose list says what it is."""
    if order.list_id:
        raise RefusedError("leg_of_order_list", f"order {order.order_id} is a leg of list {order.list_id}")


def expire(exchange: "Exchange", now_us: int) -> list[Event]:
    """Cancel the orders whose time has come by ``now_us``."""
    step = Step(exchange, "clock", now_us)
    for order in sorted(_due(exchange, now_us), key=lambda order: (order.expires_at_us, order.order_id)):
        cancel_order(step, step.market(order.symbol), order, "expired")
    return step.events


def _due(exchange: "Exchange", now_us: int) -> list[Order]:
    ids = {order_id for expires_at_us, order_id in exchange.expiries if expires_at_us <= now_us}
    return [exchange.orders[order_id] for order_id in ids if order_id in exchange.orders]


def cancel_order(step: Step, market: Market, order: Order, reason: CancelReason) -> None:
    """End the order and release what it holds."""
    step.events.append(
        OrderCancelled(
            order.order_id,
            order.account,
            order.symbol,
            order.side,
            order.price,
            order.remaining,
            order.shown,
            reason,
        )
    )
    step.ended.add(order.order_id)
    step.ledger.release(order.account, held_asset(market, order), order.held, order.order_id)


def held_asset(market: Market, order: Order) -> str:
    """Return the asset an order holds: it pays with it."""
    return market.quote_asset if order.side == "buy" else market.base_asset
