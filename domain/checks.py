"""What an order must satisfy before it may trade. Each check returns what it read, or raises
``RefusedError`` with the offending value.
"""

from typing import TYPE_CHECKING

from domain.event import Command
from domain.market import Market, MarketRules
from domain.numbers import format_units, parse_units
from domain.rejections import RefusedError

if TYPE_CHECKING:
    from domain.exchange import Exchange


def not_stale(command: Command, now_us: int) -> None:
    """A processor that comes back after an outage does not execute what the trader has given up on."""
    if command.valid_until_us is not None and now_us > command.valid_until_us:
        late_ms = (now_us - command.valid_until_us) // 1000
        raise RefusedError(
            "stale_command", f"it was decided {late_ms} ms after the time until which it was valid"
        )


def market_of(exchange: "Exchange", symbol: str) -> Market:
    market = exchange.markets.get(symbol)
    if market is None:
        listed = ", ".join(exchange.markets) or "none"
        raise RefusedError("unknown_market", f"market {symbol!r} is not listed; listed are: {listed}")
    return market


def limit_price(rules: MarketRules, order_type: str, text: str | None) -> int | None:
    """Return the price in price units; ``None`` for a market order."""
    if order_type == "market":
        if text is not None:
            raise RefusedError("price_forbidden", f"price was {text} on a market order")
        return None
    if text is None:
        raise RefusedError("price_required", "a limit order came without a price")
    try:
        price = parse_units(text, rules.price_scale)
    except ValueError as error:
        raise RefusedError("invalid_price", f"price {error}; {_ticks(rules)}") from None
    if price == 0 or price % rules.tick:
        raise RefusedError("invalid_price", f"price was {text}; {_ticks(rules)}")
    return price


def _ticks(rules: MarketRules) -> str:
    return f"{rules.symbol} trades in ticks of {format_units(rules.tick, rules.price_scale)}"


def order_quantity(rules: MarketRules, text: str) -> int:
    """Return the quantity in base units."""
    try:
        quantity = parse_units(text, rules.base_scale)
    except ValueError as error:
        raise RefusedError("invalid_quantity", f"quantity {error}") from None
    if quantity % rules.lot:
        lot = format_units(rules.lot, rules.base_scale)
        raise RefusedError("invalid_quantity", f"quantity was {text}; {rules.symbol} trades in lots of {lot}")
    if not rules.min_quantity <= quantity <= rules.max_quantity:
        least = format_units(rules.min_quantity, rules.base_scale)
        most = format_units(rules.max_quantity, rules.base_scale)
        raise RefusedError(
            "invalid_quantity", f"quantity was {text}; {rules.symbol} allows {least} to {most}"
        )
    return quantity


def worth_enough(rules: MarketRules, price: int | None, quantity: int) -> None:
    """A limit order must be worth the market's minimum notional; what a market order is worth shows later."""
    if price is None:
        return
    notional = rules.notional(price, quantity)
    if notional < rules.min_notional:
        worth, least = (format_units(units, rules.quote_scale) for units in (notional, rules.min_notional))
        raise RefusedError("min_notional", f"worth {worth} {rules.quote_asset}; at least {least} is needed")
