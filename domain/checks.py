"""What an order must satisfy before it may trade. Each check returns what it read, or raises
``RefusedError`` with the offending value.
"""

from typing import TYPE_CHECKING, Final

from domain.asked import Asked
from domain.markets import DELISTED, Market, not_delisted
from domain.numbers import format_units, parse_units
from domain.order import WITH_LIMIT, WITH_TRIGGER
from domain.rejections import RefusedError

if TYPE_CHECKING:
    from domain.exchange import Exchange

AT_ONCE: Final = frozenset({"ioc", "fok"})
BPS_MAX: Final = 10_000


def market_of(exchange: "Exchange", symbol: str) -> Market:
    """Return a market that orders may name. Raises ``RefusedError``."""
    return not_delisted(known_market(exchange, symbol))


def known_market(exchange: "Exchange", symbol: str) -> Market:
    """Return a market that was ever listed. Raises ``RefusedError``."""
    market = exchange.markets.get(symbol)
    if market is None:
        named = [name for name, known in exchange.markets.items() if known.status != DELISTED]
        listed = ", ".join(named) or "none"
        raise RefusedError("unknown_market", f"market {symbol!r} is not listed; listed are: {listed}")
    return market


# --- Do the parts of the order fit together? --------------------------------------------------------------


def check_request(request: Asked) -> None:
    """Raise ``RefusedError`` for parts that contradict each other or the order's type."""
    _check_amount(request)
    _check_trigger(request)
    _check_time(request)
    rests = request.order_type in WITH_LIMIT and request.time_in_force not in AT_ONCE
    if request.post_only and (request.order_type != "limit" or not rests):
        raise _contradiction("post_only", f"a {request.order_type} order {request.time_in_force} never rests")
    if request.display_quantity is not None and not rests:
        raise _contradiction(
            "display_quantity", f"a {request.order_type} order that does not rest shows nothing"
        )


def _check_amount(request: Asked) -> None:
    if (request.quantity is None) == (request.quote_quantity is None):
        raise RefusedError("invalid_quantity", "give either quantity or quote_quantity, and not both")
    if request.quote_quantity is not None and request.order_type != "market":
        raise _contradiction("quote_quantity", f"a {request.order_type} order needs a quantity")


def _check_trigger(request: Asked) -> None:
    trailing = (request.trailing_offset is not None) + (request.trailing_bps is not None)
    waits = request.order_type in WITH_TRIGGER and request.order_type != "trailing_stop"
    if waits != (request.trigger_price is not None):
        needed = "needs a trigger_price" if waits else "has no trigger_price"
        raise RefusedError("invalid_trigger", f"a {request.order_type} order {needed}")
    if (request.order_type == "trailing_stop") != (trailing == 1):
        raise RefusedError(
            "invalid_trigger", "trailing_offset or trailing_bps, one of them, goes with a trailing_stop order"
        )
    if request.trailing_bps is not None and not 0 < request.trailing_bps < BPS_MAX:
        raise RefusedError(
            "invalid_trigger", f"trailing_bps was {request.trailing_bps}; 1 to 9999 are allowed"
        )


def _check_time(request: Asked) -> None:
    if (request.expires_at_us is not None) != (request.time_in_force == "gtd"):
        raise RefusedError("invalid_expiry", "expires_at goes with time in force gtd, and only with that")
    if request.order_type == "market" and request.time_in_force in {"gtd", "day"}:
        raise _contradiction(
            "time_in_force", f"a market order trades at once, {request.time_in_force} or not"
        )


def _contradiction(part: str, why: str) -> RefusedError:
    return RefusedError("contradictory_order", f"{part}: {why}")


# --- Does the market trade it? ------------------------------------------------------------------------------


def limit_price(market: Market, request: Asked) -> int | None:
    """Return the limit price in price units; ``None`` for an order without one."""
    if request.order_type not in WITH_LIMIT:
        if request.price is not None:
            raise RefusedError(
                "price_forbidden", f"price was {request.price} on a {request.order_type} order"
            )
        return None
    if request.price is None:
        raise RefusedError("price_required", f"a {request.order_type} order came without a price")
    return limit_price_units(market, request.price)


def limit_price_units(market: Market, text: str) -> int:
    """Return a limit price in price units."""
    try:
        return _price_units(market, "price", text)
    except ValueError as error:
        raise RefusedError("invalid_price", str(error)) from None


def positive_price(market: Market, part: str, text: str) -> int:
    """Return a trigger price or a trailing offset in price units."""
    try:
        return _price_units(market, part, text)
    except ValueError as error:
        raise RefusedError("invalid_trigger", str(error)) from None


def _price_units(market: Market, part: str, text: str) -> int:
    """Raise ``ValueError``, in words for whoever typed it, for what is no price on a tick."""
    try:
        price = parse_units(text, market.price_scale)
    except ValueError as error:
        raise ValueError(f"{part} {error}; {_ticks(market)}") from None
    if price == 0 or price % market.tick:
        raise ValueError(f"{part} was {text}; {_ticks(market)}")
    return price


def _ticks(market: Market) -> str:
    return f"{market.symbol} trades in ticks of {format_units(market.tick, market.price_scale)}"


def order_quantity(market: Market, request: Asked) -> int:
    """Return the quantity in base units; for an order with a budget the most it could be."""
    return market.max_quantity if request.quantity is None else quantity_units(market, request.quantity)


def quantity_units(market: Market, text: str) -> int:
    """Return a quantity in base units."""
    try:
        quantity = parse_units(text, market.base_scale)
    except ValueError as error:
        raise RefusedError("invalid_quantity", f"quantity {error}") from None
    if quantity % market.lot:
        lot = format_units(market.lot, market.base_scale)
        raise RefusedError(
            "invalid_quantity", f"quantity was {text}; {market.symbol} trades in lots of {lot}"
        )
    if not market.min_quantity <= quantity <= market.max_quantity:
        least = format_units(market.min_quantity, market.base_scale)
        most = format_units(market.max_quantity, market.base_scale)
        raise RefusedError(
            "invalid_quantity", f"quantity was {text}; {market.symbol} allows {least} to {most}"
        )
    return quantity


def quote_budget(market: Market, request: Asked) -> int:
    """Return the budget in quote units; 0: the order has none."""
    text = request.quote_quantity
    if text is None:
        return 0
    try:
        budget = parse_units(text, market.rules.quote_scale)
    except ValueError as error:
        raise RefusedError("invalid_quantity", f"quote_quantity {error}") from None
    if budget == 0 or budget < market.min_notional:
        least = format_units(max(market.min_notional, 1), market.rules.quote_scale)
        raise RefusedError(
            "min_notional", f"quote_quantity was {text} {market.quote_asset}; at least {least} is needed"
        )
    return budget


def shown_quantity(market: Market, request: Asked, quantity: int) -> int:
    """Return how much of an iceberg shows at a time, in base units; 0: all of it."""
    text = request.display_quantity
    if text is None:
        return 0
    shown = quantity_units(market, text)
    if shown >= quantity:
        raise RefusedError("invalid_quantity", f"display_quantity was {text}; it is less than the quantity")
    return shown


def worth_enough(market: Market, price: int | None, quantity: int) -> None:
    """A limit order must be worth the market's minimum notional; what a market order is worth shows later."""
    if price is None:
        return
    notional = market.notional(price, quantity)
    if notional < market.min_notional:
        scale = market.rules.quote_scale
        worth, least = format_units(notional, scale), format_units(market.min_notional, scale)
        raise RefusedError("min_notional", f"worth {worth} {market.quote_asset}; at least {least} is needed")
