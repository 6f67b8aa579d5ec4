"""Price bands: how far from the reference price an order may be priced, and how far it may trade.

As Binance's filter PERCENT_PRICE_BY_SIDE, each side has a bound of its own above and below. The reference is
the mark price, or where there is none the last trade's; before the first of them there is no band.
"""

from domain.market import PPM
from domain.markets import Market
from domain.numbers import format_units
from domain.rejections import RefusedError


def check_in_band(market: Market, side: str, price: int) -> None:
    """Raise ``RefusedError`` for a limit price outside the band of its side."""
    highest, lowest = _highest(market, side), _lowest(market, side)
    if (highest is not None and price > highest) or (lowest is not None and price < lowest):
        scale = market.rules.price_scale
        bounds = [
            f"{words} {format_units(bound, scale)}"
            for words, bound in (("at least", lowest), ("at most", highest))
            if bound is not None
        ]
        raise RefusedError(
            "price_band", f"price was {format_units(price, scale)}; a {side} is {' and '.join(bounds)} now"
        )


def worst_price(market: Market, side: str) -> int | None:
    """Return the worst price at which a new order of that side may trade; ``None``: any."""
    return _highest(market, side) if side == "buy" else _lowest(market, side)


def is_beyond(side: str, price: int, worst: int | None) -> bool:
    """Whether ``price`` is worse than ``worst`` for an order of that side."""
    if worst is None:
        return False
    return price > worst if side == "buy" else price < worst


def _reference(market: Market) -> int | None:
    return market.last_price if market.mark_price is None else market.mark_price


def _highest(market: Market, side: str) -> int | None:
    ppm = market.rules.buy_band_up_ppm if side == "buy" else market.rules.sell_band_up_ppm
    reference = _reference(market)
    return reference * (PPM + ppm) // PPM if ppm and reference is not None else None


def _lowest(market: Market, side: str) -> int | None:
    """Rounded up: a price below it is below the exact bound as well."""
    ppm = market.rules.buy_band_down_ppm if side == "buy" else market.rules.sell_band_down_ppm
    reference = _reference(market)
    return -(-reference * (PPM - ppm) // PPM) if ppm and reference is not None else None
