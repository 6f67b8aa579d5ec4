"""What the random tests draw: markets, orders that often meet, and now and then nonsense."""

import os
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from domain.market import ListMarket
from tests.unit.domain.naive import Rules

EXAMPLES = int(os.environ.get("OMS_PROPERTY_EXAMPLES", "150"))
STEPS = 40
SECONDS_PER_EXAMPLE_MAX = 1

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
ticks = st.one_of(st.integers(95, 105), st.integers(95, 105), st.integers(1, 300))
lots = st.one_of(st.integers(1, 10), st.integers(1, 40))
rarely = st.integers(0, 9).map(lambda chance: chance == 9)


@dataclass(frozen=True)
class Limit:
    """A limit order, its price in ticks and its quantity in lots of a market yet to be chosen."""

    account: str
    side: str
    ticks: int
    lots: int
    immediate: bool


limits = st.builds(Limit, st.sampled_from(ACCOUNTS), st.sampled_from(["buy", "sell"]), ticks, lots, rarely)
