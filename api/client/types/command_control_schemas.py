"""What the APIs take and give: the structs of api.command.control_schemas.

Written by docs/client_source.py from it: do not edit.
"""

from typing import Literal

import msgspec

from api.client.amounts import Amount
from api.client.types.words import AccountStatus, MarketStatus, VenueStatus


class MarketStatusRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``cancel_only``: cancels, and amendments by which only the quantity falls; ``halted``: only cancels;
    ``closed``: no orders, those that are open are cancelled.
    """

    status: MarketStatus
    reason: str


class MarketRulesRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is left out stays as it is."""

    tick_size: Amount | None = None
    lot_size: Amount | None = None
    min_quantity: Amount | None = None
    max_quantity: Amount | None = None
    min_notional: Amount | None = None
    max_position: Amount | None = None
    maker_fee_ppm: int | None = None
    taker_fee_ppm: int | None = None
    market_buffer_ppm: int | None = None
    session_end_s: int | None = None
    max_open_orders: int | None = None
    buy_band_up_ppm: int | None = None
    buy_band_down_ppm: int | None = None
    sell_band_up_ppm: int | None = None
    sell_band_down_ppm: int | None = None


class AccountStatusRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``reduce_only``: it may only sell; ``cancel_only``: it may place no orders; ``suspended``: nor send its
    funds out.
    """

    status: AccountStatus
    reason: str


class KillSwitchRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A stricter status that the account has already stays."""

    status: Literal["cancel_only", "suspended"] = "cancel_only"
    reason: str = "kill switch"


class VenueStatusRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """As a market's status, for all markets. ``cancel_orders``: cancel every open order with it."""

    status: VenueStatus
    reason: str
    cancel_orders: bool = False
