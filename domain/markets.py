"""Markets: each with its rules, its book, the orders that wait for its price; how they come to be listed."""

from typing import TYPE_CHECKING, Final

import msgspec

from domain.book import Book
from domain.event import Event, TriggerSource
from domain.market import (
    BAND_UP_PPM_MAX,
    BUFFER_PPM_MAX,
    DAY_US,
    FEE_PPM_MAX,
    OPEN_ORDERS_MAX,
    SCALE_MAX,
    SECOND_US,
    ListMarket,
    MarketListed,
    MarketRules,
    MarkPriceSet,
    SetMarkPrice,
)
from domain.numbers import decimals_of, format_units, parse_units
from domain.rejections import RefusedError
from domain.staleness import not_stale
from domain.state_hash import Hashed, Part, digest_of
from domain.waiting import Waiting

if TYPE_CHECKING:
    from domain.busting import ChangedTrade
    from domain.exchange import Exchange


DELISTED = "delisted"
OF_AN_ASSET = ("base_asset", "quote_asset", "base_scale", "quote_scale")

# --- State ----------------------------------------------------------------------------------------------


class Market(Hashed):
    """A market that was listed. Fees round down: many small fills never cost more than one large one, so that
    what an order holds always covers what it pays. ``status``: one of ``MarketStatus``, or ``DELISTED``.
    ``changed_trades``: those that were busted or corrected, by id.
    """

    __slots__ = (
        "base_asset",
        "base_scale",
        "book",
        "changed_trades",
        "has_bands",
        "last_price",
        "last_trade_id",
        "lot",
        "maker_fee_ppm",
        "mark_price",
        "max_open_orders",
        "max_position",
        "max_quantity",
        "min_notional",
        "min_quantity",
        "notional_divisor",
        "notional_factor",
        "price_scale",
        "quote_asset",
        "rules",
        "status",
        "symbol",
        "taker_fee_ppm",
        "tick",
        "waiting",
    )

    def __init__(self, rules: MarketRules) -> None:
        super().__init__()
        self.book = Book()
        self.waiting = Waiting()
        self.last_trade_id = 0
        self.last_price: int | None = None
        self.mark_price: int | None = None
        self.changed_trades: dict[int, ChangedTrade] = {}
        self.status = "open"
        self.take_over(rules)

    def take_over(self, rules: MarketRules) -> None:
        """Trade by these rules from now on. What every order needs of them is kept at hand."""
        self.rules = rules
        self.symbol = rules.symbol
        self.base_asset, self.quote_asset = rules.base_asset, rules.quote_asset
        self.base_scale, self.price_scale = rules.base_scale, rules.price_scale
        self.tick, self.lot = rules.tick, rules.lot
        self.min_quantity, self.max_quantity = rules.min_quantity, rules.max_quantity
        self.min_notional = rules.min_notional
        self.maker_fee_ppm, self.taker_fee_ppm = rules.maker_fee_ppm, rules.taker_fee_ppm
        self.max_open_orders, self.max_position = rules.max_open_orders, rules.max_position
        self.has_bands = rules.has_bands
        self.notional_factor, self.notional_divisor = rules.notional_ratio()

    def notional(self, price: int, quantity: int) -> int:
        """Return price x quantity in quote units, exactly."""
        return price * quantity * self.notional_factor // self.notional_divisor

    def parts(self) -> tuple[Part, ...]:
        prices = (str(self.last_price), str(self.mark_price))
        return (self.rules.symbol, self.last_trade_id, self.book.last_priority, *prices, self.status)

    def price_of(self, source: TriggerSource) -> int | None:
        """Return the last trade's price or the mark price, if there was one yet."""
        return self.last_price if source == "last" else self.mark_price


PPM: Final = 1_000_000


def fee_on(notional: int, ppm: int) -> int:
    return notional * ppm // PPM


def rules_digest(rules: MarketRules) -> int:
    return digest_of("rules", *msgspec.structs.astuple(rules))


# --- Decisions ------------------------------------------------------------------------------------------


def list_market(exchange: "Exchange", command: ListMarket, _now_us: int) -> list[Event]:
    """List the market; listing it again with the same rules changes nothing. One that was delisted may come
    back, with the assets and scales it had. Raises ``RefusedError``.
    """
    listed = exchange.markets.get(command.symbol)
    rules = _rules(command, None if listed is None else listed.rules.price_scale)
    for asset, scale in ((rules.base_asset, rules.base_scale), (rules.quote_asset, rules.quote_scale)):
        known = exchange.scales.get(asset, scale)
        if known != scale:
            raise RefusedError("market_rules_invalid", f"{asset} has scale {known} elsewhere, not {scale}")
    if listed is None:
        return [MarketListed(rules)]
    _check_same(listed, rules, OF_AN_ASSET if listed.status == DELISTED else rules.__struct_fields__)
    return [MarketListed(rules)] if listed.status == DELISTED else []


def _check_same(listed: Market, rules: MarketRules, fields: tuple[str, ...]) -> None:
    other = [name for name in fields if getattr(rules, name) != getattr(listed.rules, name)]
    if other:
        stands = "was" if listed.status == DELISTED else "is"
        raise RefusedError("market_exists", f"{rules.symbol} {stands} listed with another {', '.join(other)}")


def _rules(command: ListMarket, price_scale: int | None) -> MarketRules:
    """``price_scale``: of the market when it was listed first; it never changes."""
    _check_scales(command.base_scale, command.quote_scale)
    if price_scale is None:
        price_scale = decimals_of(command.tick_size)
    rules = MarketRules(
        symbol=command.symbol,
        base_asset=command.base_asset,
        quote_asset=command.quote_asset,
        base_scale=command.base_scale,
        quote_scale=command.quote_scale,
        price_scale=price_scale,
        tick=positive_units("tick_size", command.tick_size, price_scale),
        lot=positive_units("lot_size", command.lot_size, command.base_scale),
        min_quantity=positive_units("min_quantity", command.min_quantity, command.base_scale),
        max_quantity=positive_units("max_quantity", command.max_quantity, command.base_scale),
        min_notional=units_of("min_notional", command.min_notional, command.quote_scale),
        maker_fee_ppm=command.maker_fee_ppm,
        taker_fee_ppm=command.taker_fee_ppm,
        market_buffer_ppm=command.market_buffer_ppm,
        session_end_s=command.session_end_s,
        max_open_orders=command.max_open_orders,
        buy_band_up_ppm=command.buy_band_up_ppm,
        buy_band_down_ppm=command.buy_band_down_ppm,
        sell_band_up_ppm=command.sell_band_up_ppm,
        sell_band_down_ppm=command.sell_band_down_ppm,
        max_position=units_of("max_position", command.max_position, command.base_scale),
    )
    check_rules(rules)
    return rules


def check_rules(rules: MarketRules) -> None:
    """Raise ``RefusedError`` for rules that contradict each other."""
    if broken := _first_broken(rules):
        raise RefusedError("market_rules_invalid", broken)


def _first_broken(rules: MarketRules) -> str | None:
    shift = rules.price_scale + rules.base_scale - rules.quote_scale
    if rules.base_asset == rules.quote_asset:
        return f"base and quote asset are both {rules.base_asset}"
    if shift > 0 and rules.tick * rules.lot % 10**shift:
        return (
            f"tick x lot is finer than the minor unit of {rules.quote_asset}: give it a scale of "
            f"{rules.price_scale + rules.base_scale}, or use a larger tick or lot"
        )
    if rules.max_quantity < rules.min_quantity:
        return f"{_bounds(rules)}: the least is more than the most"
    if rules.min_quantity % rules.lot or rules.max_quantity % rules.lot:
        return f"{_bounds(rules)}: both are multiples of lot_size {format_units(rules.lot, rules.base_scale)}"
    return _first_beyond_bounds(rules)


def _first_beyond_bounds(rules: MarketRules) -> str | None:
    if not 0 <= rules.market_buffer_ppm <= BUFFER_PPM_MAX:
        return f"market_buffer_ppm was {rules.market_buffer_ppm}; 0 to {BUFFER_PPM_MAX} are allowed"
    if not 0 <= rules.session_end_s < DAY_US // SECOND_US:
        return f"session_end_s was {rules.session_end_s}; it is a second of the day, 0 to 86399"
    fees = (rules.maker_fee_ppm, rules.taker_fee_ppm)
    if not all(0 <= ppm <= FEE_PPM_MAX for ppm in fees):
        return f"fees were {fees[0]} (maker) and {fees[1]} (taker) ppm; 0 to {FEE_PPM_MAX} are allowed"
    if not 0 <= rules.max_open_orders <= OPEN_ORDERS_MAX:
        return f"max_open_orders was {rules.max_open_orders}; 0 (any number) to {OPEN_ORDERS_MAX} are allowed"
    return _first_band_beyond_bounds(rules)


def _first_band_beyond_bounds(rules: MarketRules) -> str | None:
    up, down = BAND_UP_PPM_MAX, PPM - 1
    for name, ppm, most in (
        ("buy_band_up_ppm", rules.buy_band_up_ppm, up),
        ("buy_band_down_ppm", rules.buy_band_down_ppm, down),
        ("sell_band_up_ppm", rules.sell_band_up_ppm, up),
        ("sell_band_down_ppm", rules.sell_band_down_ppm, down),
    ):
        if not 0 <= ppm <= most:
            return f"{name} was {ppm}; 0 (no band) to {most} are allowed"
    return None


def _bounds(rules: MarketRules) -> str:
    least, most = (
        format_units(units, rules.base_scale) for units in (rules.min_quantity, rules.max_quantity)
    )
    return f"min_quantity was {least} and max_quantity {most}"


def _check_scales(base_scale: int, quote_scale: int) -> None:
    """Scales come first: every other number is read with their help."""
    if not (0 <= base_scale <= SCALE_MAX and 0 <= quote_scale <= SCALE_MAX):
        scales = f"scales were {base_scale} and {quote_scale}; 0 to {SCALE_MAX} are allowed"
        raise RefusedError("market_rules_invalid", scales)


def units_of(name: str, text: str, scale: int) -> int:
    try:
        return parse_units(text, scale)
    except ValueError as error:
        raise RefusedError("market_rules_invalid", f"{name}: {error}") from None


def positive_units(name: str, text: str, scale: int) -> int:
    units = units_of(name, text, scale)
    if units == 0:
        raise RefusedError("market_rules_invalid", f"{name} was 0")
    return units


def not_delisted(market: Market) -> Market:
    """Return the market. Raises ``RefusedError`` if it is no longer listed."""
    if market.status == DELISTED:
        raise RefusedError("market_delisted", f"market {market.rules.symbol} is no longer listed")
    return market


def set_mark_price(exchange: "Exchange", command: SetMarkPrice, now_us: int) -> list[Event]:
    """Take over a mark price, if it is not too late for it. Raises ``RefusedError``."""
    not_stale(command, now_us)
    market = exchange.markets.get(command.symbol)
    if market is None:
        raise RefusedError("unknown_market", f"market {command.symbol!r} is not listed")
    not_delisted(market)
    whole, _, fraction = command.price.partition(".")
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise RefusedError("invalid_price", f"mark price {command.price!r} is not a plain decimal number")
    try:
        price = parse_units(f"{whole}.{fraction[: market.rules.price_scale]}", market.rules.price_scale)
    except ValueError as error:
        raise RefusedError("invalid_price", f"mark price {error}") from None
    if price == 0:
        raise RefusedError("invalid_price", f"mark price was {command.price}")
    return [] if price == market.mark_price else [MarkPriceSet(command.symbol, price)]


# --- Evolution ------------------------------------------------------------------------------------------


def market_listed(exchange: "Exchange", event: MarketListed) -> None:
    """A market that comes back goes on counting its trades, and has no price yet."""
    rules = event.rules
    market = exchange.markets.get(rules.symbol)
    if market is None:
        market = exchange.markets[rules.symbol] = Market(rules)
        exchange.hashed.replace(0, rules_digest(rules))
    else:
        market.status, market.last_price, market.mark_price = "open", None, None
        put_rules(exchange, market, rules)
    exchange.scales[rules.base_asset] = rules.base_scale
    exchange.scales[rules.quote_asset] = rules.quote_scale
    exchange.hashed.changed(market)


def put_rules(exchange: "Exchange", market: Market, rules: MarketRules) -> None:
    exchange.hashed.replace(rules_digest(market.rules), rules_digest(rules))
    market.take_over(rules)
