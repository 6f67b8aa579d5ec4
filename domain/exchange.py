"""Exchange: all state of one shard, and the two functions everything goes through.

``decide`` reads the state and returns events; ``evolve`` applies one event and is the only thing that
changes the state. Live and replay share ``evolve``, so that they cannot differ.
"""

from collections.abc import Callable
from typing import Any

from domain import account, market, order
from domain.account import FEES, Account
from domain.book import Order
from domain.event import Command, Event
from domain.market import Market
from domain.state_hash import MODULUS


class Exchange:
    """Open accounts, listed markets with their books, open orders; ``scales`` the decimals of each asset,
    ``outside`` what came in from outside less what went out, in minor units.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {FEES: Account(FEES)}
        self.markets: dict[str, Market] = {}
        self.orders: dict[str, Order] = {}
        self.scales: dict[str, int] = {}
        self.outside: dict[str, int] = {}
        self.state_hash = 0

    def rehash(self, before: int, after: int) -> None:
        """Replace one thing's digest in the state hash."""
        self.state_hash = (self.state_hash + after - before) % MODULUS

    def unaccounted(self) -> dict[str, int]:
        """Return for each asset how much more the accounts have than came in: all zero if money is
        conserved.
        """
        totals = {asset: -amount for asset, amount in self.outside.items()}
        for holder in self.accounts.values():
            for asset, balance in holder.balances.items():
                totals[asset] = totals.get(asset, 0) + balance.available + balance.held
        return totals


DECISIONS: dict[type[Command], Callable[[Exchange, Any, int], list[Event]]] = {
    order.PlaceOrder: order.place,
    order.CancelOrder: order.cancel,
    account.OpenAccount: account.open_account,
    account.Deposit: account.deposit,
    market.ListMarket: market.list_market,
}

EVOLUTIONS: dict[type[Event], Callable[[Exchange, Any], None]] = {
    order.OrderPlaced: order.order_placed,
    order.OrderFilled: order.order_filled,
    order.OrderCancelled: order.order_cancelled,
    order.OrderRejected: order.order_rejected,
    account.Posting: account.posted,
    account.AccountPosted: account.account_posted,
    account.AccountOpened: account.account_opened,
    account.FundsDeposited: account.funds_deposited,
    market.MarketListed: market.market_listed,
}


def decide(exchange: Exchange, command: Command, now_us: int) -> list[Event]:
    """Return what ``command`` makes happen at ``now_us`` (microseconds since 1970, UTC).

    Raises ``RefusedError`` for what is refused without leaving a trace; a refused order leaves an event.
    """
    return DECISIONS[type(command)](exchange, command, now_us)


def evolve(exchange: Exchange, event: Event) -> None:
    """Make ``event`` part of the state."""
    EVOLUTIONS[type(event)](exchange, event)
