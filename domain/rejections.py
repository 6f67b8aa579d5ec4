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
        "The account has less available than the order needs, fees included.",
        "Deposit, cancel other orders, or reduce the order.",
    ),
    "balance_limit": Reason("The balance would exceed what one account can hold.", "Use a second account."),
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
    "stale_command": Reason(
        "The order arrived after the time until which it was valid, and was not executed.",
        "Send it again, with a new client order id.",
    ),
    "internal_error": Reason(
        "A defect kept the command from being decided; nothing happened.", "Report it with the command id."
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
