"""Terms: what is agreed with one account: fees of its own, and whom else its owner trades as.

An order takes the fees in force when it is placed and keeps them. A group is in force at once, for resting
orders too: self-trade prevention asks who the owner is now, and each open order carries the answer, so that
matching compares two strings and looks nothing up.
"""

from typing import TYPE_CHECKING

from domain.account import AccountFeesSet, AccountGroupSet, SetAccountFees, SetAccountGroup
from domain.accounts import Account, check_open
from domain.checks import market_of
from domain.event import Event
from domain.market import FEE_PPM_MAX, MarketRules
from domain.rejections import RefusedError

if TYPE_CHECKING:
    from domain.exchange import Exchange

ALL_MARKETS = ""
GROUP_CHARACTERS_MAX = 36


def fees_of(account: Account, rules: MarketRules) -> tuple[int, int]:
    """Return the (maker, taker) fees, in ppm, of an order the account places now: those agreed for the
    market, or for all markets, or the market's own.
    """
    if account.fees:
        own = account.fees.get(rules.symbol) or account.fees.get(ALL_MARKETS)
        if own is not None:
            return own
    return rules.maker_fee_ppm, rules.taker_fee_ppm


# --- Decisions ------------------------------------------------------------------------------------------


def set_account_fees(exchange: "Exchange", command: SetAccountFees, _now_us: int) -> list[Event]:
    """Agree on fees, or go back to the market's; what is so already changes nothing. Raises
    ``RefusedError``.
    """
    check_open(exchange, command.account)
    if command.symbol is not None:
        market_of(exchange, command.symbol)
    fees = _fees(command.maker_fee_ppm, command.taker_fee_ppm)
    if exchange.accounts[command.account].fees.get(command.symbol or ALL_MARKETS) == fees:
        return []
    return [AccountFeesSet(command.account, command.symbol, command.maker_fee_ppm, command.taker_fee_ppm)]


def _fees(maker: int | None, taker: int | None) -> tuple[int, int] | None:
    if maker is None and taker is None:
        return None
    if maker is None or taker is None:
        raise RefusedError("invalid_fees", "give both maker and taker fee, or neither to go back to default")
    if not (0 <= maker <= FEE_PPM_MAX and 0 <= taker <= FEE_PPM_MAX):
        raise RefusedError(
            "invalid_fees",
            f"fees were {maker} (maker) and {taker} (taker) ppm; 0 to {FEE_PPM_MAX} are allowed",
        )
    return maker, taker


def set_account_group(exchange: "Exchange", command: SetAccountGroup, _now_us: int) -> list[Event]:
    """Put the account into a group, or take it out; what is so already changes nothing. Raises
    ``RefusedError``.
    """
    check_open(exchange, command.account)
    group = command.group
    if group is not None and not 0 < len(group) <= GROUP_CHARACTERS_MAX:
        raise RefusedError(
            "invalid_group",
            f"group {group!r} has {len(group)} characters; 1 to {GROUP_CHARACTERS_MAX} are allowed",
        )
    if exchange.accounts[command.account].group == group:
        return []
    return [AccountGroupSet(command.account, group)]


# --- Evolution ------------------------------------------------------------------------------------------


def account_fees_set(exchange: "Exchange", event: AccountFeesSet) -> None:
    account = exchange.accounts[event.account]
    symbol = event.symbol or ALL_MARKETS
    if event.maker_fee_ppm is None or event.taker_fee_ppm is None:
        account.fees.pop(symbol, None)
    else:
        account.fees[symbol] = (event.maker_fee_ppm, event.taker_fee_ppm)
    exchange.hashed.changed(account)


def account_group_set(exchange: "Exchange", event: AccountGroupSet) -> None:
    account = exchange.accounts[event.account]
    account.join(event.group)
    for order in account.orders.values():
        order.owner = account.owner
    exchange.hashed.changed(account)
