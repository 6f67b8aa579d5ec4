"""What the routes of the venue's controls take."""

from typing import Annotated, Literal

from msgspec import Meta

from api.command.schemas import BandDown, BandUp, DecimalText, FeePpm, OpenOrders, Request
from domain.control import AccountStatus, MarketStatus, VenueStatus

Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="Why, for whoever reads the history. It is kept for ever: name no people in it.",
        examples=["price feed lost"],
    ),
]


class MarketStatusRequest(Request):
    """``cancel_only``: cancels, and amendments by which only the quantity falls; ``halted``: only cancels;
    ``closed``: no orders, those that are open are cancelled.
    """

    status: MarketStatus
    reason: Reason


class MarketRulesRequest(Request):
    """What is left out stays as it is."""

    tick_size: DecimalText | None = None
    lot_size: DecimalText | None = None
    min_quantity: DecimalText | None = None
    max_quantity: DecimalText | None = None
    min_notional: DecimalText | None = None
    max_position: DecimalText | None = None
    maker_fee_ppm: FeePpm | None = None
    taker_fee_ppm: FeePpm | None = None
    market_buffer_ppm: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    session_end_s: Annotated[int, Meta(ge=0, le=86_399)] | None = None
    max_open_orders: OpenOrders | None = None
    buy_band_up_ppm: BandUp | None = None
    buy_band_down_ppm: BandDown | None = None
    sell_band_up_ppm: BandUp | None = None
    sell_band_down_ppm: BandDown | None = None


class AccountStatusRequest(Request):
    """``reduce_only``: it may only sell; ``cancel_only``: it may place no orders; ``suspended``: nor send its
    funds out.
    """

    status: AccountStatus
    reason: Reason


class KillSwitchRequest(Request):
    """A stricter status that the account has already stays."""

    status: Literal["cancel_only", "suspended"] = "cancel_only"
    reason: Reason = "kill switch"


class VenueStatusRequest(Request):
    """As a market's status, for all markets. ``cancel_orders``: cancel every open order with it."""

    status: VenueStatus
    reason: Reason
    cancel_orders: bool = False
