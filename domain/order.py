"""Order: placed or rejected, filled in parts, at last filled or cancelled. Each order is its own stream."""

from typing import TYPE_CHECKING, Literal

from domain.account import FEES, Fill, Ledger, check_open
from domain.book import Order
from domain.checks import limit_price, market_of, not_stale, order_quantity, worth_enough
from domain.event import Command, Event, Liquidity, Side
from domain.market import Market, fee_on, market_changed
from domain.numbers import format_units
from domain.rejections import RefusedError
from domain.state_hash import digest_of

if TYPE_CHECKING:
    from domain.exchange import Exchange

OrderType = Literal["limit", "market"]
TimeInForce = Literal["gtc", "ioc"]
CancelReason = Literal["requested", "unfilled_remainder"]


# --- Events ---------------------------------------------------------------------------------------------


class OrderPlaced(Event, frozen=True, tag="OrderPlaced.v1"):
    """The order is accepted. ``resting`` of its ``quantity`` enters the book once it has traded what it can;
    ``held`` is what its account holds for it before that.
    """

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: int | None
    quantity: int
    resting: int
    held: int


class OrderRejected(Event, frozen=True, tag="OrderRejected.v1"):
    """The order never came to be. Price and quantity stand as they were sent."""

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: str | None
    quantity: str
    code: str
    detail: str


class OrderFilled(Event, frozen=True, tag="OrderFilled.v1"):
    """The order's own side of one trade; ``remaining`` and ``held`` are what is left after it."""

    order_id: str
    account: str
    symbol: str
    side: Side
    liquidity: Liquidity
    trade_id: int
    counter_order_id: str
    price: int
    quantity: int
    notional: int
    fee: int
    remaining: int
    held: int


class OrderCancelled(Event, frozen=True, tag="OrderCancelled.v1"):
    """``remaining`` will not trade any more; ``resting`` of it leaves the book at ``price``."""

    order_id: str
    account: str
    symbol: str
    side: Side
    price: int | None
    remaining: int
    resting: int
    reason: CancelReason


# --- Commands -------------------------------------------------------------------------------------------


class PlaceOrder(Command, frozen=True, tag="PlaceOrder"):
    """``quantity`` and ``price`` are decimal strings, as the trader wrote them: no step on the way can turn
    them into something else.
    """

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: str
    price: str | None = None


class CancelOrder(Command, frozen=True, tag="CancelOrder"):
    order_id: str
    account: str


# --- Decisions ------------------------------------------------------------------------------------------


def place(exchange: "Exchange", command: PlaceOrder, now_us: int) -> list[Event]:
    """Hold funds, trade what matches, let the rest of a GTC order rest; or reject it and say why."""
    try:
        return _accepted(exchange, command, now_us)
    except RefusedError as refusal:
        return [rejected(command, refusal.code, refusal.detail)]


def rejected(command: PlaceOrder, code: str, detail: str) -> OrderRejected:
    return OrderRejected(
        command.order_id,
        command.account,
        command.client_order_id,
        command.symbol,
        command.side,
        command.order_type,
        command.time_in_force,
        command.price,
        command.quantity,
        code,
        detail,
    )


def cancel(exchange: "Exchange", command: CancelOrder, _now_us: int) -> list[Event]:
    """Take the order out and release what it holds. Raises ``RefusedError``."""
    order = exchange.orders.get(command.order_id)
    if order is None or order.account != command.account:
        raise RefusedError("order_not_open", f"{command.account} has no open order {command.order_id}")
    events: list[Event] = []
    ledger = Ledger(exchange, command.command_id, events)
    _cancel(exchange.markets[order.symbol], order, order.remaining, "requested", ledger)
    return events


def _accepted(exchange: "Exchange", command: PlaceOrder, now_us: int) -> list[Event]:
    not_stale(command, now_us)
    market = market_of(exchange, command.symbol)
    check_open(exchange, command.account)
    price = limit_price(market.rules, command.order_type, command.price)
    quantity = order_quantity(market.rules, command.quantity)
    worth_enough(market.rules, price, quantity)
    order = Order(
        command.order_id,
        command.account,
        command.client_order_id,
        command.symbol,
        command.side,
        price,
        quantity,
    )
    matches = list(market.book.matches(order.side, quantity, price))
    order.held = _hold_needed(market, order, matches)
    events: list[Event] = []
    ledger = Ledger(exchange, command.command_id, events)
    _check_funds(market, order, ledger)
    left = quantity - sum(traded for _, _, traded in matches)
    rests = left if command.order_type == "limit" and command.time_in_force == "gtc" else 0
    events.append(_placed(command, order, rests))
    ledger.hold(order.account, _held_asset(market, order), order.held, order.order_id)
    for trade_id, (maker, maker_price, traded) in enumerate(matches, market.last_trade_id + 1):
        taken = _fill(market, order, maker.order_id, "taker", trade_id, maker_price, traded, ledger)
        _fill(market, maker, order.order_id, "maker", trade_id, maker_price, traded, ledger)
        order.remaining, order.held = taken.remaining, taken.held
    if left and not rests:
        _cancel(market, order, 0, "unfilled_remainder", ledger)
    return events


def _placed(command: PlaceOrder, order: Order, rests: int) -> OrderPlaced:
    return OrderPlaced(
        order.order_id,
        order.account,
        order.client_order_id,
        order.symbol,
        order.side,
        command.order_type,
        command.time_in_force,
        order.price,
        order.quantity,
        rests,
        order.held,
    )


def _held_asset(market: Market, order: Order) -> str:
    return market.rules.quote_asset if order.side == "buy" else market.rules.base_asset


def _hold_needed(market: Market, order: Order, matches: list[tuple[Order, int, int]]) -> int:
    """Return what must be held: for a sell its quantity, for a limit buy the most it can cost, for a market
    buy what its trades will cost.
    """
    if order.side == "sell":
        return order.quantity
    if order.price is not None:
        return market.cost_max(order.price, order.quantity)
    rules = market.rules
    notionals = [rules.notional(price, traded) for _, price, traded in matches]
    return sum(notional + fee_on(notional, rules.taker_fee_ppm) for notional in notionals)


def _check_funds(market: Market, order: Order, ledger: Ledger) -> None:
    asset = _held_asset(market, order)
    available, _ = ledger.balance(order.account, asset)
    if available < order.held:
        scale = market.rules.quote_scale if order.side == "buy" else market.rules.base_scale
        needs, has = format_units(order.held, scale), format_units(available, scale)
        raise RefusedError("insufficient_funds", f"needs {needs} {asset}, available {has}")


def _fill(
    market: Market,
    order: Order,
    counter_order_id: str,
    liquidity: Liquidity,
    trade_id: int,
    price: int,
    traded: int,
    ledger: Ledger,
) -> OrderFilled:
    """Settle one side of a trade: what is paid leaves the hold, what the hold has too much is released."""
    rules = market.rules
    notional = rules.notional(price, traded)
    fee = fee_on(notional, rules.maker_fee_ppm if liquidity == "maker" else rules.taker_fee_ppm)
    remaining = order.remaining - traded
    fill = Fill(order.symbol, trade_id, order.side, liquidity, price, traded, notional, fee)
    if order.side == "sell":
        held = order.held - traded
    elif order.price is None:
        held = order.held - notional - fee
    else:
        held = market.cost_max(order.price, remaining)
    filled = OrderFilled(
        order.order_id,
        order.account,
        order.symbol,
        order.side,
        liquidity,
        trade_id,
        counter_order_id,
        price,
        traded,
        notional,
        fee,
        remaining,
        held,
    )
    ledger.events.append(filled)
    if order.side == "sell":
        ledger.pay(order.account, rules.base_asset, traded, order.order_id, fill)
        ledger.receive(order.account, rules.quote_asset, notional - fee, order.order_id)
    else:
        spent = notional + fee
        ledger.pay(order.account, rules.quote_asset, spent, order.order_id)
        ledger.release(order.account, rules.quote_asset, order.held - spent - held, order.order_id)
        ledger.receive(order.account, rules.base_asset, traded, order.order_id, fill)
    ledger.receive(FEES, rules.quote_asset, fee, order.order_id)
    return filled


def _cancel(market: Market, order: Order, resting: int, reason: CancelReason, ledger: Ledger) -> None:
    ledger.events.append(
        OrderCancelled(
            order.order_id,
            order.account,
            order.symbol,
            order.side,
            order.price,
            order.remaining,
            resting,
            reason,
        )
    )
    ledger.release(order.account, _held_asset(market, order), order.held, order.order_id)


# --- Evolution ------------------------------------------------------------------------------------------


def order_placed(exchange: "Exchange", event: OrderPlaced) -> None:
    market = exchange.markets[event.symbol]
    order = Order(
        event.order_id,
        event.account,
        event.client_order_id,
        event.symbol,
        event.side,
        event.price,
        event.quantity,
    )
    order.held = event.held
    exchange.orders[event.order_id] = order
    if event.resting and event.price is not None:
        market.book.rest(order, event.price, event.resting)
        market_changed(exchange, market)
    _rehash(exchange, order)


def order_filled(exchange: "Exchange", event: OrderFilled) -> None:
    market = exchange.markets[event.symbol]
    order = exchange.orders[event.order_id]
    order.remaining = event.remaining
    order.held = event.held
    if event.liquidity == "maker":
        market.book.reduce(order, event.quantity)
    else:
        market.last_trade_id = event.trade_id
        market_changed(exchange, market)
    if order.remaining == 0:
        del exchange.orders[order.order_id]
    _rehash(exchange, order)


def order_cancelled(exchange: "Exchange", event: OrderCancelled) -> None:
    order = exchange.orders.pop(event.order_id)
    order.remaining = 0
    exchange.markets[event.symbol].book.reduce(order, event.resting)
    _rehash(exchange, order)


def order_rejected(exchange: "Exchange", event: OrderRejected) -> None:
    """A rejected order never was part of the state."""


def _rehash(exchange: "Exchange", order: Order) -> None:
    """Bring the state hash up to date: an order that is done leaves nothing in it."""
    digest = _digest(order) if order.remaining else 0
    exchange.rehash(order.digest, digest)
    order.digest = digest


def _digest(order: Order) -> int:
    return digest_of(
        order.order_id,
        order.account,
        order.client_order_id,
        order.symbol,
        order.side,
        str(order.price),
        order.quantity,
        order.remaining,
        order.held,
        order.priority,
    )
