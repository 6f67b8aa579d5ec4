"""Why a command was refused: a stable code, a plain sentence, and what to do about it."""

from typing import NamedTuple


class Reason(NamedTuple):
    """An entry of the catalogue: what the code means and its remedy."""

    meaning: str
    remedy: str


CATALOGUE: dict[str, Reason] = {
    "unknown_account": Reason("The account is not open.", "Open the account first, or check its id."),
    "reserved_account": Reason("The account id belongs to the venue.", "Choose another account id."),
    "unknown_market": Reason("The market is not listed.", "Use one of the listed markets' symbols."),
    "unknown_asset": Reason("No listed market trades the asset.", "List a market that trades it first."),
    "market_exists": Reason("The symbol is listed already with other rules.", "Choose another symbol."),
    "market_rules_invalid": Reason("The market's rules contradict each other.", "Correct the named rule."),
    "invalid_price": Reason(
        "The price is not one this market trades at.", "Use a multiple of the tick size."
    ),
    "invalid_quantity": Reason(
        "The quantity is not one this market trades.",
        "Use a multiple of the lot size between the market's minimum and maximum quantity.",
    ),
    "invalid_amount": Reason("The amount is not a positive decimal of the asset.", "Correct the amount."),
    "min_notional": Reason("The order is worth too little.", "Raise price or quantity above the minimum."),
    "market_not_open": Reason(
        "The market takes no such command at the moment.", "Wait until it is open; cancels are taken."
    ),
    "market_not_closed": Reason("The market is still in use.", "Close it first: that cancels its orders."),
    "market_delisted": Reason(
        "The market is no longer listed.", "Use one of the listed markets' symbols, or list it again."
    ),
    "venue_not_open": Reason(
        "The venue takes no such command at the moment.", "Wait until it is open; cancels are taken."
    ),
    "account_restricted": Reason(
        "The account may not do this at the moment.",
        "Ask the venue's operators or risk desk to release it.",
    ),
    "price_band": Reason(
        "The price is too far from the market's reference price.",
        "Give a price within the bounds that the detail names.",
    ),
    "max_open_orders": Reason(
        "The account has as many open orders on this market as it may have.", "Cancel some of them first."
    ),
    "price_required": Reason("A limit order needs a price.", "Give a price, or send a market order."),
    "price_forbidden": Reason("A market order has no price.", "Leave the price out, or send a limit order."),
    "invalid_trigger": Reason(
        "The trigger does not fit the order, or is no price of this market.",
        "Give a trigger_price, or for a trailing_stop one of trailing_offset and trailing_bps.",
    ),
    "would_trigger_at_once": Reason(
        "The price the order would wait for is there already.",
        "Send a market or limit order, or move the trigger to the other side of the market.",
    ),
    "no_reference_price": Reason(
        "The market has no price yet that a trailing order could follow.", "Wait for the first trade."
    ),
    "invalid_expiry": Reason(
        "The time at which the order is to expire is missing, misplaced or over.",
        "Give expires_at in the future with time in force gtd, and with no other.",
    ),
    "contradictory_order": Reason(
        "Two parts of the order contradict each other.", "Leave out the part that the detail names."
    ),
    "post_only_would_take": Reason(
        "The order would have traded at once, and it asked not to.",
        "Give a price that rests, and send it again.",
    ),
    "scope_required": Reason(
        "A mass cancel has to name an account or a market.", "Name at least one of account and symbol."
    ),
    "insufficient_funds": Reason(
        "The account has less available than the order (fees included) or the transfer needs.",
        "Deposit, cancel other orders, or reduce the amount.",
    ),
    "invalid_limit": Reason(
        "A limit is not one that can be kept.", "Correct the limit that the detail names."
    ),
    "order_rate": Reason(
        "The account has sent as many orders in this second as it may.", "Wait for the next second."
    ),
    "max_order_notional": Reason(
        "The order is worth more than one order of the account may be.", "Send a smaller order."
    ),
    "max_open_notional": Reason(
        "The account's open orders would be worth more than they may be together.",
        "Cancel other orders, or send a smaller one.",
    ),
    "max_position": Reason(
        "If all of the account's open orders of this side traded, its position would be too large.",
        "Cancel other orders of this side, or send a smaller one.",
    ),
    "daily_loss": Reason(
        "The account has lost today what it may lose: it may only reduce its positions.",
        "Send orders that reduce a position, or wait for the next UTC day.",
    ),
    "balance_limit": Reason("The balance would exceed what one account can hold.", "Use a second account."),
    "same_account": Reason("A transfer needs two accounts.", "Name another account to transfer to."),
    "same_shard": Reason(
        "Both accounts of the transfer are on one shard.", "Leave to_shard out to transfer within the shard."
    ),
    "unknown_shard": Reason("There is no such shard.", "Use one of the shards that the detail names."),
    "wrong_shard": Reason(
        "The command was meant for another shard.", "Send it to the shard that the detail names."
    ),
    "max_in_transit": Reason(
        "As many transfers to other shards are in transit as may be.",
        "Wait until some of them are completed or returned, and send it again.",
    ),
    "transfer_not_in_transit": Reason(
        "The shard has no transfer of this id in transit: it was completed, returned or never sent.",
        "Query the account's transfers to see how it ended.",
    ),
    "withdrawal_not_open": Reason(
        "The account has no withdrawal of this id under way: it was completed, cancelled or never requested.",
        "Query the account's transfers to see how it ended.",
    ),
    "reference_required": Reason(
        "A completed withdrawal needs the reference of the payment.",
        "Give the reference that the outside world knows the payment by.",
    ),
    "reason_required": Reason("This needs a reason, for the record.", "Give a reason."),
    "approval_required": Reason(
        "An adjustment needs the approval of somebody other than who sends it.",
        "Have somebody else approve it.",
    ),
    "invalid_fees": Reason(
        "The fees are not ones an account can have.", "Give both fees within the bounds, or neither."
    ),
    "invalid_group": Reason("The group's name is empty or too long.", "Choose another name for the group."),
    "order_not_open": Reason(
        "The account has no open order of this id: it was filled, cancelled, rejected or never placed.",
        "Query the order to see how it ended.",
    ),
    "invalid_order_list": Reason(
        "The orders of the list do not fit together.", "Correct what the detail names."
    ),
    "order_list_not_open": Reason(
        "The account has no order list of this id of which an order is open.",
        "Query the list to see how it ended.",
    ),
    "leg_of_order_list": Reason(
        "The order belongs to an order list, and cannot be changed on its own.",
        "Cancel it or its list, and place another.",
    ),
    "unknown_trade": Reason(
        "The order has no trade of this number on this market.",
        "Give the trade's market and number, and the id of one of its two orders.",
    ),
    "trade_already_busted": Reason(
        "The trade was busted, and counts as never made.", "Nothing is left of it to be corrected."
    ),
    "bust_unfunded": Reason(
        "An account has less available than it would have to give back.",
        "Cancel open orders of the account that the detail names, or fund it, and send it again.",
    ),
    "stale_command": Reason(
        "The order arrived after the time until which it was valid, and was not executed.",
        "Send it again, with a new client order id.",
    ),
    "internal_error": Reason(
        "A defect kept the command from being decided; nothing happened.", "Report it with the command id."
    ),
    "unreadable_command": Reason(
        "The processor could not read the command, and put it aside; nothing happened.",
        "Report it with the command id; it can be sent again under the same client id.",
    ),
    "id_reused": Reason(
        "The client id was used before, with other content.",
        "Use a new client id; an id names one order or transfer for ever.",
    ),
}


class RefusedError(Exception):
    """A command is refused: ``code`` of the catalogue, ``detail`` with the offending value."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
