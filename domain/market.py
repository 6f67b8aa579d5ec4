"""Market: what is traded, in which steps, at which fees; its facts, and the commands that ask for them.

Prices are integers in units of ``10**-price_scale`` of the quote asset, quantities in minor units of the
base asset, notionals and fees in minor units of the quote asset. A market is only listed if tick x lot is
a whole number of quote units, so that every notional is exact and no rounding ever makes money.
"""

import msgspec

from domain.event import Command, Event

SCALE_MAX = 12
FEE_PPM_MAX = 100_000
BUFFER_PPM_MAX = 1_000_000
BAND_UP_PPM_MAX = 100_000_000
OPEN_ORDERS_MAX = 1_000_000
SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US


class MarketRules(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """``tick`` in price units; ``lot``, ``min_quantity``, ``max_quantity`` in base units; ``min_notional`` in
    quote units; fees in parts per million of the notional. ``market_buffer_ppm``: how far beyond its trigger
    price a market buy that waits holds funds. ``session_end_s``: the second of the UTC day on which day
    orders end. ``max_open_orders``: of one account; 0: any number. Price bands: how far above (``up``) and
    below (``down``) the reference price an order of that side may be priced, in parts per million; 0: any.
    ``max_position``: of each account without a limit of its own, in base units; 0: unlimited.

    Stored events leave defaults out, so a default never changes.
    """

    symbol: str
    base_asset: str
    quote_asset: str
    base_scale: int
    quote_scale: int
    price_scale: int
    tick: int
    lot: int
    min_quantity: int
    max_quantity: int
    min_notional: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    market_buffer_ppm: int = 50_000
    session_end_s: int = 0
    max_open_orders: int = 0
    buy_band_up_ppm: int = 0
    buy_band_down_ppm: int = 0
    sell_band_up_ppm: int = 0
    sell_band_down_ppm: int = 0
    max_position: int = 0

    def session_end_after(self, now_us: int) -> int:
        """Return when the trading session that ``now_us`` is in ends, in microseconds."""
        since_end = (now_us - self.session_end_s * SECOND_US) % DAY_US
        return now_us - since_end + DAY_US

    @property
    def has_bands(self) -> bool:
        bands = (self.buy_band_up_ppm, self.buy_band_down_ppm, self.sell_band_up_ppm, self.sell_band_down_ppm)
        return any(bands)

    def notional(self, price: int, quantity: int) -> int:
        """Return price x quantity in quote units, exactly."""
        factor, divisor = self.notional_ratio()
        return price * quantity * factor // divisor

    def notional_ratio(self) -> tuple[int, int]:
        """Return factor and divisor of price x quantity that make it quote units, one of them 1."""
        shift = self.quote_scale - self.price_scale - self.base_scale
        return 10 ** max(shift, 0), 10 ** max(-shift, 0)


# --- Events ---------------------------------------------------------------------------------------------


class MarketListed(Event, frozen=True, tag="MarketListed.v1"):
    rules: MarketRules


class MarkPriceSet(Event, frozen=True, tag="MarkPriceSet.v1"):
    """What the market is held to be worth, by more than its own last trade; in price units."""

    symbol: str
    price: int


# --- Commands -------------------------------------------------------------------------------------------


class ListMarket(Command, frozen=True, tag="ListMarket"):
    """Sizes and amounts are decimal strings; scales say how many decimals an asset's minor unit has."""

    symbol: str
    base_asset: str
    quote_asset: str
    base_scale: int
    quote_scale: int
    tick_size: str
    lot_size: str
    min_quantity: str
    max_quantity: str
    min_notional: str
    maker_fee_ppm: int
    taker_fee_ppm: int
    market_buffer_ppm: int = 50_000
    session_end_s: int = 0
    max_open_orders: int = 0
    buy_band_up_ppm: int = 0
    buy_band_down_ppm: int = 0
    sell_band_up_ppm: int = 0
    sell_band_down_ppm: int = 0
    max_position: str = "0"


class SetMarkPrice(Command, frozen=True, tag="SetMarkPrice"):
    """``price`` is a decimal string; what it has beyond the market's price scale is cut off."""

    symbol: str
    price: str
