"""What the naive exchange speaks of: rules, orders, trades, in exact fractions of whole units."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import floor

MOST = 10**18
ZERO = Fraction(0)


@dataclass(frozen=True)
class Rules:
    """A market's rules, as a person would write them; fees and the buffer are parts of the notional.

    ``price_decimals``: as many as the tick had when the market was listed. ``bands``: for each side how far
    down and up, in parts of the reference price. ``most_open``: orders of one account; 0: any number.
    """

    base: str
    quote: str
    base_scale: int
    quote_scale: int
    tick: Fraction
    lot: Fraction
    least: Fraction
    most: Fraction
    min_notional: Fraction
    maker_fee: Fraction
    taker_fee: Fraction
    buffer: Fraction
    price_decimals: int = 0
    most_open: int = 0
    bands: tuple[tuple[str, Fraction, Fraction], ...] = ()
    max_position: Fraction | None = None

    def fee(self, notional: Fraction, rate: Fraction) -> Fraction:
        return down(notional * rate, self.quote_scale)

    @property
    def price_unit(self) -> Fraction:
        return Fraction(1, 10**self.price_decimals)

    def band(self, side: str, reference: Fraction | None) -> tuple[Fraction | None, Fraction | None]:
        """Return the lowest and the highest price of that side, ``None``: any."""
        for which, below, above in self.bands:
            if which == side and reference is not None:
                lowest = reference * (1 - below) if below else None
                return lowest, reference * (1 + above) if above else None
        return None, None


@dataclass(frozen=True)
class Trigger:
    """``trail``: a price; ``bps``: basis points; either: how far it stays behind."""

    price: Fraction
    rising: bool
    source: str
    trail: Fraction = ZERO
    bps: int = 0

    def fires_at(self, now: Fraction | None) -> bool:
        if now is None:
            return False
        return now >= self.price if self.rising else now <= self.price


@dataclass
class NaiveOrder:
    """``arrived`` tells who came first. ``hold_price``: at which a waiting market buy was held for."""

    order_id: str
    account: str
    symbol: str
    side: str
    price: Fraction | None
    quantity: Fraction
    remaining: Fraction
    tif: str = "gtc"
    display: Fraction = ZERO
    shown: Fraction = ZERO
    arrived: int = 0
    self_trade: str = "none"
    post_only: bool = False
    budget: Fraction | None = None
    session: str = ""
    expires: int = 0
    trigger: Trigger | None = None
    hold_price: Fraction = ZERO
    maker_fee: Fraction = ZERO
    taker_fee: Fraction = ZERO
    group: str | None = None

    def is_of_one_owner_with(self, other: "NaiveOrder") -> bool:
        if self.group is None and other.group is None:
            return self.account == other.account
        return self.group == other.group

    def accepts(self, price: Fraction) -> bool:
        if self.price is None:
            return True
        return price <= self.price if self.side == "buy" else price >= self.price

    def show(self) -> None:
        self.shown = min(self.display, self.remaining) if self.display else self.remaining


@dataclass(frozen=True)
class Placing:
    """An order as it was sent."""

    order_id: str
    account: str
    symbol: str
    side: str
    order_type: str
    time_in_force: str = "gtc"
    quantity: str | None = None
    quote_quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None
    trigger_source: str = "last"
    trailing_offset: str | None = None
    trailing_bps: int | None = None
    display_quantity: str | None = None
    post_only: bool = False
    expires_at_us: int | None = None
    self_trade: str = "none"
    session: str = ""
    late: bool = False


@dataclass(frozen=True, order=True)
class Trade:
    """Two fills: what the maker and the taker of a trade are told."""

    maker: str
    taker: str
    price: Fraction
    quantity: Fraction
    maker_fee: Fraction
    taker_fee: Fraction


@dataclass
class Result:
    """What a command did: why it was refused, or all that happened to all orders."""

    refused: str | None = None
    trades: list[Trade] = field(default_factory=list)
    cancelled: list[tuple[str, Fraction, str]] = field(default_factory=list)
    triggered: list[str] = field(default_factory=list)
    prevented: list[tuple[str, str, Fraction]] = field(default_factory=list)


class RefusedError(Exception):
    """Its text is the code."""


@dataclass
class Meeting:
    """What a taker would do: ``makers`` are copies, as they are afterwards. ``why`` it ends: the reason, or
    ``None`` if the book has no more for it. ``turns``: at which part each maker trades, all its parts
    together: the first, or where an iceberg last queued again.
    """

    makers: list[NaiveOrder]
    left: Fraction
    purse: Fraction | None
    parts: list[tuple[NaiveOrder, Fraction]] = field(default_factory=list)
    prevented: list[tuple[NaiveOrder, Fraction]] = field(default_factory=list)
    expired: list[NaiveOrder] = field(default_factory=list)
    turns: dict[str, int] = field(default_factory=dict)
    decremented: Fraction = ZERO
    why: str | None = None

    @property
    def traded(self) -> Fraction:
        return sum((quantity for _, quantity in self.parts), ZERO)


def down(value: Fraction, scale: int) -> Fraction:
    return Fraction(floor(value * 10**scale), 10**scale)


def number(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)


def plain(text: str, scale: int) -> Fraction | None:
    """Return what a plain decimal says, ``None`` if it is none, or too fine or too large for its scale."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]*)?", text):
        return None
    value = Fraction(text)
    return None if (value * 10**scale).denominator != 1 or value * 10**scale >= MOST else value


def decimals(value: Fraction) -> int:
    exponent = (Decimal(value.numerator) / Decimal(value.denominator)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)


def is_price(rules: Rules, text: str) -> bool:
    price = plain(text, rules.price_decimals)
    return price is not None and price > 0 and price % rules.tick == 0


def is_quantity(rules: Rules, text: str) -> bool:
    quantity = plain(text, rules.base_scale)
    return quantity is not None and quantity % rules.lot == 0 and rules.least <= quantity <= rules.most
