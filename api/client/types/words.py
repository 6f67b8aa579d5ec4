"""The words that the APIs choose from.

Written by docs/client_source.py from the servers' schemas: do not edit.
"""

from typing import Literal

AccountStatus = Literal["active", "reduce_only", "cancel_only", "suspended"]
AdjustmentSide = Literal["credit", "debit"]
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
LegRole = Literal["working", "pending"]
Liquidity = Literal["maker", "taker"]
ListEnd = Literal["done", "requested"]
ListKind = Literal["oco", "oto", "otoco"]
MarkSource = Literal["mark", "last"]
MarketStatus = Literal["open", "cancel_only", "halted", "closed"]
OrderStatus = Literal["pending", "waiting", "open", "partially_filled", "filled", "cancelled", "rejected"]
OrderType = Literal[
    "limit", "market", "stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop"
]
SelfTrade = Literal["none", "expire_taker", "expire_maker", "expire_both", "decrement"]
Side = Literal["buy", "sell"]
Status = Literal[
    "pending",
    "waiting",
    "open",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "refused",
    "valid",
    "opened",
    "credited",
    "requested",
    "completed",
    "transferred",
    "sent",
    "received",
    "declined",
    "returned",
    "adjusted",
    "listed",
    "delisted",
    "set",
    "executing",
    "all_done",
    "busted",
    "corrected",
]
Step = Literal["hour", "day"]
TimeInForce = Literal["gtc", "ioc", "fok", "gtd", "day"]
TradeStatus = Literal["made", "busted", "corrected"]
TriggerSource = Literal["last", "mark"]
VenueStatus = Literal["open", "cancel_only", "halted"]
Wanted = Literal["ack", "result", "full"]
What = Literal[
    "placed",
    "rejected",
    "amended",
    "triggered",
    "filled",
    "trade_prevented",
    "trade_busted",
    "trade_corrected",
    "cancelled",
]
