"""Exchange: all state of one shard, and the functions everything goes through.

``decide`` reads the state and returns events; ``evolve`` applies one event and is the only thing that
changes the state. Live and replay share ``evolve``, so that they cannot differ. ``carry_out`` does both for a
command and all that follows from it, ``pass_time`` for the orders whose time has come.
"""

from collections.abc import Callable
from heapq import heappop
from typing import Any, Final

from domain import (
    account,
    accounts,
    amending,
    busting,
    control,
    ending,
    evolution,
    following,
    funding,
    limits,
    lists,
    market,
    markets,
    order,
    order_list,
    order_lists,
    placing,
    rule_changes,
    shard_transfer,
    shard_transfers,
    statuses,
    terms,
    trade,
    transfer,
    transfers,
    triggering,
)
from domain.account import FEES, Posting
from domain.accounts import Account
from domain.book import Order
from domain.event import Command, Event
from domain.markets import Market
from domain.order import CancelOrder, OrderCancelled, OrderFilled, OrderPlaced, PlaceOrder
from domain.order_lists import OrderList
from domain.shard_transfers import Transit
from domain.state_hash import StateHash
from domain.transfers import Withdrawal


class Exchange:
    """Open accounts, listed markets with their books, open orders; ``scales`` the decimals of each asset,
    ``outside`` what came in from outside less what went out (what is in custody), ``adjustments`` what the
    venue gave by correction less what it took, both in minor units; ``withdrawals`` those under way, by id;
    ``venue_status`` what all markets and accounts take, one of ``VenueStatus``.

    ``in_transit``: the transfers to other shards whose word has not come yet, by id, and how many
    ``in_transit_of`` each account; ``cleared``: by (shard, asset), what that shard has taken of this one less
    what this one has taken of it, in minor units.

    ``moved``: the markets whose price has moved since it was last looked whom that triggers; ``touched``: the
    order lists of which something happened to an order since it was last looked what follows. ``expiries``: a
    heap of (time, order id), of orders that may be done by then. ``now_us``: when the last thing happened,
    in microseconds since 1970, UTC.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {FEES: Account(FEES)}
        self.markets: dict[str, Market] = {}
        self.orders: dict[str, Order] = {}
        self.scales: dict[str, int] = {}
        self.outside: dict[str, int] = {}
        self.lists: dict[str, OrderList] = {}
        self.adjustments: dict[str, int] = {}
        self.withdrawals: dict[str, Withdrawal] = {}
        self.in_transit: dict[str, Transit] = {}
        self.in_transit_of: dict[str, int] = {}
        self.cleared: dict[tuple[int, str], int] = {}
        self.venue_status = "open"
        self.moved: dict[str, None] = {}
        self.touched: dict[str, None] = {}
        self.expiries: list[tuple[int, str]] = []
        self.now_us = 0
        self.hashed = StateHash()

    @property
    def state_hash(self) -> int:
        """A 64-bit hash of all of the state; equal states have equal hashes."""
        return self.hashed.value()

    def unaccounted(self) -> dict[str, int]:
        """Return for each asset how much more the accounts have, with what is in transit and what other
        shards have taken, than came in or was given by correction: all zero if money is conserved.
        """
        totals = {asset: -amount for asset, amount in self.outside.items()}
        for asset, amount in self.adjustments.items():
            totals[asset] = totals.get(asset, 0) - amount
        for holder in self.accounts.values():
            for asset, balance in holder.balances.items():
                totals[asset] = totals.get(asset, 0) + balance.available + balance.held
        for transit in self.in_transit.values():
            totals[transit.asset] = totals.get(transit.asset, 0) + transit.amount
        for (_, asset), amount in self.cleared.items():
            totals[asset] = totals.get(asset, 0) + amount
        return totals

    def next_expiry_us(self) -> int | None:
        """Return when the next open order expires, in microseconds; ``None``: none does."""
        while self.expiries and self.expiries[0][1] not in self.orders:
            heappop(self.expiries)
        return self.expiries[0][0] if self.expiries else None


DECISIONS: dict[type[Command], Callable[[Exchange, Any, int], list[Event]]] = {
    order.PlaceOrder: placing.place,
    order.CancelReplace: placing.cancel_replace,
    order.AmendOrder: amending.amend,
    order.CancelOrder: ending.cancel,
    order.CancelAll: ending.cancel_all,
    order_list.PlaceOrderList: lists.place_list,
    order_list.CancelOrderList: lists.cancel_list,
    account.OpenAccount: accounts.open_account,
    account.Deposit: funding.deposit,
    account.SetAccountFees: terms.set_account_fees,
    account.SetAccountGroup: terms.set_account_group,
    transfer.RequestWithdrawal: transfers.request_withdrawal,
    transfer.CompleteWithdrawal: transfers.complete_withdrawal,
    transfer.CancelWithdrawal: transfers.cancel_withdrawal,
    transfer.TransferFunds: transfers.transfer,
    transfer.AdjustBalance: transfers.adjust,
    shard_transfer.SendFunds: shard_transfers.send_funds,
    shard_transfer.ReceiveFunds: shard_transfers.receive_funds,
    shard_transfer.CompleteTransfer: shard_transfers.complete_transfer,
    shard_transfer.ReturnFunds: shard_transfers.return_funds,
    account.SetAccountLimits: limits.set_limits,
    market.ListMarket: markets.list_market,
    market.SetMarkPrice: markets.set_mark_price,
    trade.ChangeTrade: busting.change_trade,
    control.SetMarketStatus: statuses.set_market_status,
    control.ChangeMarketRules: rule_changes.change_rules,
    control.DelistMarket: statuses.delist,
    control.SetAccountStatus: statuses.set_account_status,
    control.SetVenueStatus: statuses.set_venue_status,
}

EVOLUTIONS: dict[type[Event], Callable[[Exchange, Any], None]] = {
    order.OrderPlaced: evolution.order_placed,
    order.OrderFilled: evolution.order_filled,
    order.OrderTriggered: evolution.order_triggered,
    order.OrderAmended: evolution.order_amended,
    order.OrderCancelled: evolution.order_cancelled,
    order.OrderRejected: evolution.order_rejected,
    order.TradePrevented: evolution.trade_prevented,
    order_list.OrderListPlaced: order_lists.list_placed,
    order_list.OrderListRejected: order_lists.list_rejected,
    order_list.OrderListEnded: order_lists.list_ended,
    account.Posting: accounts.posted,
    account.AccountPosted: accounts.account_posted,
    account.AccountOpened: accounts.account_opened,
    account.FundsDeposited: accounts.funds_deposited,
    account.AccountFeesSet: terms.account_fees_set,
    account.AccountGroupSet: terms.account_group_set,
    transfer.WithdrawalRequested: transfers.withdrawal_requested,
    transfer.WithdrawalCompleted: transfers.withdrawal_completed,
    transfer.WithdrawalCancelled: transfers.withdrawal_cancelled,
    transfer.FundsTransferred: transfers.funds_transferred,
    transfer.BalanceAdjusted: transfers.balance_adjusted,
    shard_transfer.FundsSent: shard_transfers.funds_sent,
    shard_transfer.TransferCompleted: shard_transfers.transfer_completed,
    shard_transfer.TransferReturned: shard_transfers.transfer_returned,
    shard_transfer.FundsReceived: shard_transfers.funds_received,
    shard_transfer.FundsDeclined: shard_transfers.funds_declined,
    account.AccountLimitsSet: limits.limits_set,
    market.MarketListed: markets.market_listed,
    market.MarkPriceSet: evolution.mark_price_set,
    trade.TradeBusted: busting.trade_busted,
    trade.TradeCorrected: busting.trade_corrected,
    control.MarketStatusChanged: statuses.market_status_changed,
    control.MarketRulesChanged: rule_changes.market_rules_changed,
    control.MarketDelisted: statuses.market_delisted,
    control.AccountStatusChanged: statuses.account_status_changed,
    control.VenueStatusChanged: statuses.venue_status_changed,
}


# At hand: compiled, a name that comes from a module of facts is looked up at each use.
_Posting: Final[type[Posting]] = Posting
_OrderPlaced: Final[type[OrderPlaced]] = OrderPlaced
_OrderCancelled: Final[type[OrderCancelled]] = OrderCancelled
_OrderFilled: Final[type[OrderFilled]] = OrderFilled
_PlaceOrder: Final[type[PlaceOrder]] = PlaceOrder
_CancelOrder: Final[type[CancelOrder]] = CancelOrder


def decide(exchange: Exchange, command: Command, now_us: int) -> list[Event]:
    """Return what ``command`` makes happen at ``now_us`` (microseconds since 1970, UTC).

    Raises ``RefusedError`` for what is refused without leaving a trace; a refused order leaves an event.
    """
    if type(command) is _PlaceOrder:  # the hot ones first, without a look-up
        return placing.place(exchange, command, now_us)
    if type(command) is _CancelOrder:
        return ending.cancel(exchange, command, now_us)
    return DECISIONS[type(command)](exchange, command, now_us)


def evolve(exchange: Exchange, event: Event) -> None:
    """Make ``event`` part of the state, as happening at ``exchange.now_us``."""
    if type(event) is _Posting:  # the hot ones first, without a look-up
        accounts.posted(exchange, event)
    elif type(event) is _OrderPlaced:
        evolution.order_placed(exchange, event)
    elif type(event) is _OrderCancelled:
        evolution.order_cancelled(exchange, event)
    elif type(event) is _OrderFilled:
        evolution.order_filled(exchange, event)
    else:
        EVOLUTIONS[type(event)](exchange, event)


def replay(exchange: Exchange, event: Event, occurred_at_us: int) -> None:
    """Make ``event`` part of the state, as it happened then."""
    exchange.now_us = occurred_at_us
    evolve(exchange, event)


def carry_out(exchange: Exchange, command: Command, now_us: int) -> list[Event]:
    """Decide ``command`` and make it so. Return all events.

    Raises ``RefusedError``, and then nothing has changed.
    """
    return make_so(exchange, decide(exchange, command, now_us), command.command_id, now_us)


def make_so(exchange: Exchange, events: list[Event], command_id: str, now_us: int) -> list[Event]:
    """Apply what was decided, and all that follows: in the order lists it touches, and whom it triggers.

    Return all events, those that followed included.
    """
    if events:
        exchange.now_us = now_us
    for event in events:
        evolve(exchange, event)
    follows = exchange.moved or exchange.touched
    return events + _follow(exchange, command_id, now_us) if follows else events


def pass_time(exchange: Exchange, now_us: int) -> list[Event]:
    """Expire the orders whose time has come by ``now_us``. Return all events, those that follow included."""
    next_us = exchange.next_expiry_us()
    if next_us is None or next_us > now_us:
        return []
    return make_so(exchange, ending.expire(exchange, now_us), "clock", now_us)


def _follow(exchange: Exchange, command_id: str, now_us: int) -> list[Event]:
    """Each round triggers one order of those that wait, or ends or enlarges some of a list. An order is
    enlarged by what another one has traded, and there is only so much that can trade.
    """
    followed: list[Event] = []
    while events := _next(exchange, command_id, now_us):
        for event in events:
            evolve(exchange, event)
        followed += events
    return followed


def _next(exchange: Exchange, command_id: str, now_us: int) -> list[Event]:
    """What holds orders together comes first: an order that its list has ended triggers no more."""
    return following.next_reaction(exchange, command_id, now_us) or triggering.next_triggered(
        exchange, command_id, now_us
    )
