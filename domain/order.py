"""Order: the facts of its life, and the commands that ask for them. Each order is its own stream.

What becomes of a command is decided in ``placing``, ``matching``, ``amending`` and ``ending``; what follows
from a price by itself in ``triggering``; what the facts do to the state in ``evolution``.
"""

from typing import Literal

import msgspec

from domain.event import Command, Event, Liquidity, Side, TriggerSource

OrderType = Literal[
    "limit", "market", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop"
]
TimeInForce = Literal["gtc", "ioc", "fok", "gtd", "day"]
SelfTrade = Literal["none", "expire_taker", "expire_maker", "expire_both", "decrement"]
CancelReason = Literal[
    "requested",
    "unfilled_remainder",
    "fill_or_kill",
    "expired",
    "self_trade",
    "budget_spent",
    "disconnected",
    "replaced",
    "list",
    "insufficient_funds",
    "invalid_trigger",
    "post_only_would_take",
    "max_order_notional",
    "max_open_notional",
    "max_position",
    "daily_loss",
    "market_closed",
    "rules_changed",
    "price_band",
    "account_restricted",
    "kill_switch",
]

WITH_LIMIT = frozenset({"limit", "stop_limit", "take_profit_limit"})
WITH_TRIGGER = frozenset({"stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop"})


class Trigger(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What an order waits for: the price of ``source`` at or beyond ``price``, in price units.

    ``rising``: it fires at or above ``price``, else at or below. A trailing one follows the best price seen,
    ``trail`` price units or ``trail_bps`` basis points (at least one price unit) behind it.
    """

    price: int
    rising: bool
    source: TriggerSource = "last"
    trail: int = 0
    trail_bps: int = 0

    @property
    def trails(self) -> bool:
        return bool(self.trail or self.trail_bps)

    def following(self, price: int) -> int:
        """Return where a trailing trigger stands if ``price`` is the best seen."""
        distance = self.trail or max(1, price * self.trail_bps // 10_000)
        return price + distance if self.rising else price - distance


# --- Events ---------------------------------------------------------------------------------------------


class OrderPlaced(Event, frozen=True, tag="OrderPlaced.v1"):
    """The order is accepted. Of its ``quantity``, ``resting`` enters the book once it has traded what it can;
    ``held`` is what its account holds for it before that. With a ``trigger`` it waits for that instead.

    ``list_id``: the order list it is a leg of. A ``pending`` leg is in no book, waits for no price and holds
    nothing, until amendments bring it into force, part by part.
    """

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    price: int | None
    quantity: int
    resting: int
    held: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    self_trade: SelfTrade = "none"
    budget: int = 0
    display: int = 0
    trigger: Trigger | None = None
    expires_at_us: int = 0
    session: str = ""
    post_only: bool = False
    list_id: str = ""
    pending: bool = False


class OrderRejected(Event, frozen=True, tag="OrderRejected.v1"):
    """The order never came to be. ``request`` is what was asked for, as it was sent."""

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    request: "OrderRequest"
    code: str
    detail: str
    list_id: str = ""


class OrderFilled(Event, frozen=True, tag="OrderFilled.v1"):
    """The order's own side of one trade; ``remaining`` and ``held`` are what is left after it.

    A maker's fill takes ``quantity`` out of the book at ``price``; an iceberg then shows ``revealed`` more.
    """

    order_id: str
    account: str
    symbol: str
    side: Side
    liquidity: Liquidity
    trade_id: int
    counter_order_id: str
    price: int
    quantity: int
    notional: int
    fee: int
    remaining: int
    held: int
    revealed: int = 0


class OrderTriggered(Event, frozen=True, tag="OrderTriggered.v1"):
    """The price it waited for has come: it becomes a limit or market order. ``resting`` and ``held`` as when
    an order is placed.
    """

    order_id: str
    account: str
    symbol: str
    side: Side
    trigger_price: int
    price: int | None
    quantity: int
    resting: int
    held: int


class OrderAmended(Event, frozen=True, tag="OrderAmended.v1"):
    """The order is another one now, under its old id: its quantity, price and hold, before what it trades.

    ``leaves`` of it left the book at ``old_price``, and ``resting`` enters at ``price``, behind all that
    rests there; with ``resting`` 0 and ``keeps_priority`` what is left of it stays where it was.
    ``trigger``: what a waiting order waits for from now on.
    """

    order_id: str
    account: str
    symbol: str
    side: Side
    old_price: int | None
    price: int | None
    quantity: int
    remaining: int
    leaves: int
    resting: int
    held: int
    keeps_priority: bool
    trigger: Trigger | None = None


class OrderCancelled(Event, frozen=True, tag="OrderCancelled.v1"):
    """``remaining`` will not trade any more; ``resting`` of it leaves the book at ``price``."""

    order_id: str
    account: str
    symbol: str
    side: Side
    price: int | None
    remaining: int
    resting: int
    reason: CancelReason


class TradePrevented(Event, frozen=True, tag="TradePrevented.v1"):
    """``quantity`` of two orders of one owner met at ``price``, and did not trade. ``counter_account``: that
    of the other order, if it is another account of the same group.
    """

    order_id: str
    account: str
    symbol: str
    counter_order_id: str
    price: int
    quantity: int
    mode: SelfTrade
    counter_account: str = ""


# --- Commands -------------------------------------------------------------------------------------------


class OrderRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a trader asks for. Amounts and prices are decimal strings, as they were written: no step on the
    way can turn them into something else.

    ``quantity``, or for a market order ``quote_quantity``: the budget to spend, or to earn. A trailing stop
    follows the market ``trailing_offset`` (a price) or ``trailing_bps`` (basis points) behind.
    ``expires_at_us``: with time in force ``gtd``. ``self_trade``: what to do where the order meets one of its
    own account, or of another of its group.
    ``session``: the connection that, when it is lost, takes the order with it.
    """

    side: Side
    order_type: OrderType = "limit"
    time_in_force: TimeInForce = "gtc"
    quantity: str | None = None
    quote_quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None
    trigger_source: TriggerSource = "last"
    trailing_offset: str | None = None
    trailing_bps: int | None = None
    display_quantity: str | None = None
    post_only: bool = False
    expires_at_us: int | None = None
    self_trade: SelfTrade = "none"
    session: str = ""


class PlaceOrder(Command, frozen=True, tag="PlaceOrder"):
    """``dry_run``: validate in full, and do nothing."""

    order_id: str
    account: str
    client_order_id: str
    symbol: str
    request: OrderRequest
    dry_run: bool = False


class CancelOrder(Command, frozen=True, tag="CancelOrder"):
    order_id: str
    account: str


class AmendOrder(Command, frozen=True, tag="AmendOrder"):
    """Give an open order another total quantity, limit price or trigger price. It keeps its place in the
    queue only if nothing but its quantity falls.
    """

    order_id: str
    account: str
    quantity: str | None = None
    price: str | None = None
    trigger_price: str | None = None


class CancelReplace(Command, frozen=True, tag="CancelReplace"):
    """Cancel one order and place another. ``stop_on_failure``: no cancel, no new order;
    ``allow_failure``: the new order is placed all the same.
    """

    cancel_order_id: str
    mode: Literal["stop_on_failure", "allow_failure"]
    order_id: str
    account: str
    client_order_id: str
    symbol: str
    request: OrderRequest


class CancelAll(Command, frozen=True, tag="CancelAll"):
    """Cancel all open orders of an account, a market, a side, a session: of whatever is named, and at least
    one of account and symbol is.
    """

    account: str | None = None
    symbol: str | None = None
    side: Side | None = None
    session: str | None = None
