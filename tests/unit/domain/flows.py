"""What the random tests draw: markets, orders that often meet, and now and then nonsense."""

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from domain.market import ListMarket
from tests.unit.domain.naive_orders import Placing, Rules, decimals

EXAMPLES = int(os.environ.get("OMS_PROPERTY_EXAMPLES", "250"))
STEPS = 40
SECONDS_PER_EXAMPLE_MAX = 1
MIDDLE = 100  # ticks: around it prices are drawn
SECOND_US = 1_000_000

# A flow of many commands draws much, and a small machine draws slowly; neither says anything about the test.
SETTINGS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

ACCOUNTS = ("alice", "bob", "carol")
ASSETS = ("USD", "BTC", "ETH")


@dataclass(frozen=True)
class Pair:
    """A market's symbol and assets. BTC is quoted on one and a quote on the other."""

    symbol: str
    base: str
    quote: str


PAIRS = (Pair("BTC-USD", "BTC", "USD"), Pair("ETH-BTC", "ETH", "BTC"))


@dataclass(frozen=True)
class Listed:
    """One market, for both exchanges."""

    command: ListMarket
    rules: Rules


fees_ppm = st.sampled_from([0, 1, 999, 1000, 2500, 33_333, 100_000])
scales = st.fixed_dictionaries({"USD": st.integers(2, 6), "BTC": st.integers(2, 8), "ETH": st.integers(0, 3)})


@st.composite
def markets(draw: st.DrawFn) -> list[Listed]:
    """Draw rules for each pair: tick x lot is a whole number of quote units, and not much more than one."""
    decimals = draw(scales)
    return [draw(market(pair, decimals[pair.base], decimals[pair.quote])) for pair in PAIRS]


@st.composite
def market(draw: st.DrawFn, pair: Pair, base_scale: int, quote_scale: int) -> Listed:
    lot_decimals = draw(st.integers(0, min(base_scale, quote_scale)))
    tick_decimals = draw(st.integers(0, quote_scale - lot_decimals))
    tick = Fraction(draw(st.sampled_from([1, 5])), 10**tick_decimals)
    lot = Fraction(draw(st.sampled_from([1, 2])), 10**lot_decimals)
    most = draw(st.sampled_from([30, 10**6])) * lot
    min_notional = draw(st.sampled_from([0, 90])) * tick * lot
    maker, taker = draw(fees_ppm), draw(fees_ppm)
    buffer = draw(st.sampled_from([0, 10_000, 50_000]))
    max_position = draw(st.sampled_from([0, 0, 0, 40])) * lot
    command = ListMarket(
        command_id=f"list-{pair.symbol}",
        actor="operator",
        symbol=pair.symbol,
        base_asset=pair.base,
        quote_asset=pair.quote,
        base_scale=base_scale,
        quote_scale=quote_scale,
        tick_size=text(tick),
        lot_size=text(lot),
        min_quantity=text(lot),
        max_quantity=text(most),
        min_notional=text(min_notional),
        maker_fee_ppm=maker,
        taker_fee_ppm=taker,
        market_buffer_ppm=buffer,
        max_position=text(max_position),
    )
    rules = Rules(
        pair.base,
        pair.quote,
        base_scale,
        quote_scale,
        tick,
        lot,
        lot,
        most,
        min_notional,
        Fraction(maker, 10**6),
        Fraction(taker, 10**6),
        Fraction(buffer, 10**6),
        decimals(tick),
        max_position=max_position or None,
    )
    return Listed(command, rules)


def text(value: Fraction) -> str:
    """Return an exact fraction as a plain decimal."""
    places = 0
    while (value * 10**places).denominator != 1:
        places += 1
    digits = str(int(value * 10**places)).rjust(places + 1, "0")
    return f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else digits


nonsense = st.sampled_from(["", "-1", "1e3", "0", "0.0000000000001", "٣", "9" * 19, "1.2.3", "999999999999"])
ticks = st.one_of(st.integers(99, 101), st.integers(95, 105), st.integers(1, 300))
lots = st.one_of(st.integers(1, 10), st.integers(1, 40))
rarely = st.integers(0, 9).map(lambda chance: chance == 9)


@dataclass(frozen=True)
class Asked:
    """An order, its prices in ticks and its quantities in lots of a market yet to be chosen."""

    account: str
    side: str
    order_type: str
    tif: str
    lots: int
    ticks: int
    away: int  # how far the trigger is from the middle, in ticks
    display: int | None
    budget: bool
    post_only: bool
    source: str
    trail_bps: int | None
    self_trade: str
    session: str
    seconds: int


sides = st.sampled_from(["buy", "sell"])
self_trades = st.sampled_from(
    ["none", "none", "none", "none", "expire_taker", "expire_maker", "expire_both", "decrement"]
)
types = st.sampled_from(
    [
        *["limit"] * 6,
        *["market", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop"],
    ]
)
in_force = st.sampled_from([*["gtc"] * 6, "ioc", "fok", "gtd"])
sources = st.sampled_from(["last", "last", "last", "mark"])

asked = st.builds(
    Asked,
    account=st.sampled_from(ACCOUNTS),
    side=sides,
    order_type=types,
    tif=in_force,
    lots=lots,
    ticks=ticks,
    away=st.integers(0, 6),
    display=st.none() | st.integers(1, 3),
    budget=st.booleans(),
    post_only=rarely,
    source=sources,
    trail_bps=st.none() | st.sampled_from([1, 100, 300]),
    self_trade=self_trades,
    session=st.sampled_from(["", "", "s1", "s2"]),
    seconds=st.integers(1, 5),
)


def placing(order: Asked, order_id: str, symbol: str, rules: Rules, now_us: int) -> Placing:
    """Return the order as it is sent to that market; parts that contradict its type are left out."""
    limited = order.order_type in {"limit", "stop_limit", "take_profit_limit"}
    tif = "gtc" if order.order_type == "market" and order.tif == "gtd" else order.tif
    rests = limited and tif not in {"ioc", "fok"}
    budget = order.budget and order.order_type == "market"
    return Placing(
        order_id,
        order.account,
        symbol,
        order.side,
        order.order_type,
        tif,
        quantity=None if budget else text(order.lots * rules.lot),
        quote_quantity=text(order.lots * order.ticks * rules.lot * rules.tick) if budget else None,
        price=text(order.ticks * rules.tick) if limited else None,
        display_quantity=text(order.display * rules.lot) if order.display and rests else None,
        post_only=order.post_only and rests and order.order_type == "limit",
        expires_at_us=now_us + order.seconds * SECOND_US if tif == "gtd" else None,
        self_trade=order.self_trade,
        session=order.session,
        **trigger_parts(order, rules),
    )


def trigger_parts(order: Asked, rules: Rules) -> dict[str, Any]:
    """Most triggers lie where the price has not come yet."""
    if order.order_type in {"limit", "market"}:
        return {}
    parts: dict[str, Any] = {"trigger_source": order.source}
    if order.order_type == "trailing_stop":
        offset = None if order.trail_bps else text((order.away + 1) * rules.tick)
        return parts | {"trailing_offset": offset, "trailing_bps": order.trail_bps}
    rising = (order.side == "buy") != order.order_type.startswith("take_profit")
    away = order.away if rising else -order.away
    return parts | {"trigger_price": text((MIDDLE + away) * rules.tick)}
