"""Control: the facts of what a market, an account and the venue take at the moment, of a market's changed
rules, and the commands that ask for them. What becomes of a command is decided in ``statuses`` and
``rule_changes``.

Each fact names its ``actor``, and the ``reason`` as whoever asked for it gave it: for people, not programs.
"""

from typing import Literal

from domain.event import Command, Event
from domain.market import MarketRules

MarketStatus = Literal["open", "cancel_only", "halted", "closed"]
AccountStatus = Literal["active", "reduce_only", "cancel_only", "suspended"]
VenueStatus = Literal["open", "cancel_only", "halted"]


# --- Events ---------------------------------------------------------------------------------------------


class MarketStatusChanged(Event, frozen=True, tag="MarketStatusChanged.v1"):
    symbol: str
    status: MarketStatus
    reason: str
    actor: str


class MarketRulesChanged(Event, frozen=True, tag="MarketRulesChanged.v1"):
    """``rules``: all of them, as they are from now on."""

    symbol: str
    rules: MarketRules
    actor: str


class MarketDelisted(Event, frozen=True, tag="MarketDelisted.v1"):
    symbol: str
    actor: str


class AccountStatusChanged(Event, frozen=True, tag="AccountStatusChanged.v1"):
    account: str
    status: AccountStatus
    reason: str
    actor: str


class VenueStatusChanged(Event, frozen=True, tag="VenueStatusChanged.v1"):
    """Of all markets of the shard."""

    status: VenueStatus
    reason: str
    actor: str


# --- Commands -------------------------------------------------------------------------------------------


class SetMarketStatus(Command, frozen=True, tag="SetMarketStatus"):
    symbol: str
    status: MarketStatus
    reason: str


class ChangeMarketRules(Command, frozen=True, tag="ChangeMarketRules"):
    """Give a market other rules; what is left out stays as it is. In words and units as ``ListMarket``."""

    symbol: str
    tick_size: str | None = None
    lot_size: str | None = None
    min_quantity: str | None = None
    max_quantity: str | None = None
    min_notional: str | None = None
    maker_fee_ppm: int | None = None
    taker_fee_ppm: int | None = None
    market_buffer_ppm: int | None = None
    session_end_s: int | None = None
    max_open_orders: int | None = None
    buy_band_up_ppm: int | None = None
    buy_band_down_ppm: int | None = None
    sell_band_up_ppm: int | None = None
    sell_band_down_ppm: int | None = None
    max_position: str | None = None


class DelistMarket(Command, frozen=True, tag="DelistMarket"):
    symbol: str


class SetAccountStatus(Command, frozen=True, tag="SetAccountStatus"):
    """``only_tighten``: a stricter status stays, as whoever stops an account must not loosen it by that."""

    account: str
    status: AccountStatus
    reason: str
    only_tighten: bool = False


class SetVenueStatus(Command, frozen=True, tag="SetVenueStatus"):
    """``cancel_orders``: cancel every open order of the shard with it."""

    status: VenueStatus
    reason: str
    cancel_orders: bool = False
