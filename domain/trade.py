"""Trade: what the venue does to one that was made: it busts it, or corrects its price. The facts, and the
commands that ask for them.

The state does not keep the trades that were made: each stands in the streams of its two orders. So the wish
(``BustTrade``, ``CorrectTrade``) is decided together with what is on record of the trade (``ChangeTrade``).
"""

import msgspec

from domain.event import Command, Event
from domain.order import OrderFilled

# --- Events ---------------------------------------------------------------------------------------------


class TradeBusted(Event, frozen=True, tag="TradeBusted.v1"):
    """The trade counts as never made: what it moved went back, fees included. Prices and amounts are those
    that it stood at before, corrected ones if it had been corrected. Its orders stay as they are.
    """

    symbol: str
    trade_id: int
    buy_order_id: str
    buyer: str
    sell_order_id: str
    seller: str
    quantity: int
    price: int
    notional: int
    buyer_fee: int
    seller_fee: int
    reason: str


class TradeCorrected(Event, frozen=True, tag="TradeCorrected.v1"):
    """The trade counts as made at ``price``, its quantity as it was; the difference was paid, both ways."""

    symbol: str
    trade_id: int
    buy_order_id: str
    buyer: str
    sell_order_id: str
    seller: str
    quantity: int
    old_price: int
    old_notional: int
    old_buyer_fee: int
    old_seller_fee: int
    price: int
    notional: int
    buyer_fee: int
    seller_fee: int
    reason: str


# --- Commands -------------------------------------------------------------------------------------------


class BustTrade(Command, frozen=True, tag="BustTrade"):
    """``order_id``: the order of either side."""

    symbol: str
    trade_id: int
    order_id: str
    reason: str


class CorrectTrade(Command, frozen=True, tag="CorrectTrade"):
    """``order_id``: the order of either side; ``price``: a decimal string."""

    symbol: str
    trade_id: int
    order_id: str
    price: str
    reason: str


class TradeSide(msgspec.Struct, frozen=True, gc=False):
    """One order's side of a trade as it was made; ``fee_ppm``: the rate at which its fee was charged."""

    filled: OrderFilled
    fee_ppm: int


class ChangeTrade(Command, frozen=True, tag="ChangeTrade"):
    """The wish, with both sides of the trade as they stand on record; none: there is no such trade.

    Nobody sends it: whoever has the records makes it of a wish that was sent.
    """

    wish: BustTrade | CorrectTrade
    sides: tuple[TradeSide, ...]
