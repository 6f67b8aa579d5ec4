"""Snapshots: the whole state of an exchange as values, and an exchange with that state.

The restored exchange is the same in every bit that anything can depend on, and goes on the same. What is
derived is made anew, the state hash included: so it proves that nothing was forgotten or damaged.
"""

from heapq import heapify
from sys import intern

from domain.account import FEES
from domain.accounts import Account, Balance, sum_digest
from domain.book import Order
from domain.busting import ChangedTrade
from domain.exchange import Exchange
from domain.exposure import Exposure
from domain.markets import Market, rules_digest
from domain.order_lists import Leg, OrderList
from domain.positions import Position
from domain.shard_transfers import Transit, begin_transit, cleared_digest
from domain.snapshot import (
    AccountSnapshot,
    BalanceSnapshot,
    ChangedTradeSnapshot,
    ExchangeSnapshot,
    ExposureSnapshot,
    LegSnapshot,
    MarketSnapshot,
    OrderListSnapshot,
    OrderSnapshot,
    PositionSnapshot,
    TransitSnapshot,
    WithdrawalSnapshot,
)
from domain.state_hash import VERSION
from domain.statuses import venue_digest
from domain.transfers import Withdrawal

# --- Taking one -----------------------------------------------------------------------------------------


def taken(exchange: Exchange) -> ExchangeSnapshot:
    """Return all of the state, as it is between two commands."""
    return ExchangeSnapshot(
        VERSION,
        exchange.state_hash,
        exchange.now_us,
        exchange.venue_status,
        dict(exchange.scales),
        dict(exchange.outside),
        dict(exchange.adjustments),
        [_account_taken(account) for account in exchange.accounts.values()],
        [_market_taken(market) for market in exchange.markets.values()],
        [_order_taken(order) for order in exchange.orders.values()],
        [_list_taken(placed) for placed in exchange.lists.values()],
        [
            WithdrawalSnapshot(each.transfer_id, each.account, each.asset, each.amount)
            for each in exchange.withdrawals.values()
        ],
        list(exchange.moved),
        list(exchange.touched),
        [_transit_taken(transit) for transit in exchange.in_transit.values()],
        [(shard, asset, amount) for (shard, asset), amount in exchange.cleared.items()],
    )


def _transit_taken(transit: Transit) -> TransitSnapshot:
    return TransitSnapshot(
        transit.transfer_id,
        transit.account,
        transit.to_shard,
        transit.to_account,
        transit.asset,
        transit.amount,
    )


def _account_taken(account: Account) -> AccountSnapshot:
    return AccountSnapshot(
        account.account,
        account.status,
        account.group,
        dict(account.fees),
        account.limits,
        account.second,
        account.orders_in_second,
        [BalanceSnapshot(each.asset, each.available, each.held) for each in account.balances.values()],
        [
            PositionSnapshot(each.symbol, each.quantity, each.cost, each.day, each.net)
            for each in account.positions.values()
        ],
        None if account.exposure is None else _exposure_taken(account.exposure),
    )


def _exposure_taken(exposure: Exposure) -> ExposureSnapshot:
    quantity = [(symbol, side, units) for (symbol, side), units in exposure.quantity.items()]
    return ExposureSnapshot(dict(exposure.notional), quantity, exposure.day, dict(exposure.net))


def _market_taken(market: Market) -> MarketSnapshot:
    return MarketSnapshot(
        market.rules,
        market.status,
        market.last_trade_id,
        market.last_price,
        market.mark_price,
        market.book.last_priority,
        [
            ChangedTradeSnapshot(each.trade_id, each.price, each.buyer_fee, each.seller_fee)
            for each in market.changed_trades.values()
        ],
        market.waiting.trailing_ids(),
    )


def _order_taken(order: Order) -> OrderSnapshot:
    return OrderSnapshot(
        order.order_id,
        order.account,
        order.client_order_id,
        order.symbol,
        order.side,
        order.order_type,
        order.time_in_force,
        order.price,
        order.quantity,
        order.remaining,
        order.budget,
        order.held,
        order.display,
        order.shown,
        order.maker_fee_ppm,
        order.taker_fee_ppm,
        order.self_trade,
        order.trigger,
        order.expires_at_us,
        order.session,
        order.post_only,
        order.list_id,
        order.priority,
    )


def _list_taken(placed: OrderList) -> OrderListSnapshot:
    legs = [LegSnapshot(leg.order_id, leg.wanted, leg.given, leg.trigger) for leg in placed.legs]
    return OrderListSnapshot(
        placed.list_id,
        placed.account,
        placed.symbol,
        placed.kind,
        placed.filled,
        placed.decided,
        placed.exiting,
        legs,
    )


# --- Restoring it ---------------------------------------------------------------------------------------


def restored(snapshot: ExchangeSnapshot) -> Exchange:
    """Return an exchange with that state. Raises ``ValueError`` if it is not the state the snapshot was taken
    of, ``KeyError`` if it contradicts itself.
    """
    if snapshot.version != VERSION:
        raise ValueError(f"state of version {snapshot.version}; this release has {VERSION}")
    exchange = Exchange()
    _restore_sums(exchange, snapshot)
    for market in snapshot.markets:
        _restore_market(exchange, market)
    exchange.accounts.clear()
    for account in snapshot.accounts:
        _restore_account(exchange, account)
    for order in snapshot.orders:
        _restore_order(exchange, order)
    _restore_books(exchange)
    _restore_waiting(exchange, snapshot.markets)
    for placed in snapshot.lists:
        _restore_list(exchange, placed)
    for withdrawal in snapshot.withdrawals:
        _restore_withdrawal(exchange, withdrawal)
    for kept in snapshot.in_transit:
        _restore_transit(exchange, kept)
    if exchange.state_hash != snapshot.state_hash:
        message = f"state hash {exchange.state_hash:016x}, not {snapshot.state_hash:016x} as it was"
        raise ValueError(message)
    return exchange


def _restore_sums(exchange: Exchange, snapshot: ExchangeSnapshot) -> None:
    exchange.now_us = snapshot.now_us
    exchange.venue_status = snapshot.venue_status
    exchange.hashed.replace(0, venue_digest(snapshot.venue_status))
    exchange.scales.update(snapshot.scales)
    exchange.outside.update(snapshot.outside)
    for asset, amount in snapshot.outside.items():
        exchange.hashed.replace(0, sum_digest("outside", asset, amount))
    exchange.adjustments.update(snapshot.adjustments)
    for asset, amount in snapshot.adjustments.items():
        exchange.hashed.replace(0, sum_digest("adjusted", asset, amount))
    for shard, asset, amount in snapshot.cleared:
        exchange.cleared[shard, asset] = amount
        exchange.hashed.replace(0, cleared_digest(shard, asset, amount))
    exchange.moved.update(dict.fromkeys(snapshot.moved))
    exchange.touched.update(dict.fromkeys(snapshot.touched))


def _restore_market(exchange: Exchange, snapshot: MarketSnapshot) -> None:
    rules = snapshot.rules
    market = exchange.markets[rules.symbol] = Market(rules)
    market.status = snapshot.status
    market.last_trade_id = snapshot.last_trade_id
    market.last_price = snapshot.last_price
    market.mark_price = snapshot.mark_price
    market.book.last_priority = snapshot.last_priority
    exchange.hashed.replace(0, rules_digest(rules))
    exchange.hashed.changed(market)
    for each in snapshot.changed_trades:
        trade = market.changed_trades[each.trade_id] = ChangedTrade(rules.symbol, each.trade_id)
        trade.price, trade.buyer_fee, trade.seller_fee = each.price, each.buyer_fee, each.seller_fee
        exchange.hashed.changed(trade)


def _restore_account(exchange: Exchange, snapshot: AccountSnapshot) -> None:
    account = exchange.accounts[snapshot.account] = Account(snapshot.account)
    account.join(snapshot.group)
    account.status = snapshot.status
    account.fees.update(snapshot.fees)
    account.limits = snapshot.limits
    account.second, account.orders_in_second = snapshot.second, snapshot.orders_in_second
    if snapshot.exposure is not None:
        account.exposure = _exposure_restored(snapshot.exposure)
    if account.account != FEES:  # the venue's own was never opened
        exchange.hashed.changed(account)
    for each in snapshot.balances:
        balance = account.balances[each.asset] = Balance(account.account, each.asset)
        balance.available, balance.held = each.available, each.held
        exchange.hashed.changed(balance)
    for kept in snapshot.positions:
        position = account.positions[kept.symbol] = Position(account.account, kept.symbol)
        position.quantity, position.cost = kept.quantity, kept.cost
        position.day, position.net = kept.day, kept.net
        exchange.hashed.changed(position)


def _exposure_restored(snapshot: ExposureSnapshot) -> Exposure:
    exposure = Exposure()
    exposure.notional.update(snapshot.notional)
    exposure.quantity.update({(symbol, side): units for symbol, side, units in snapshot.quantity})
    exposure.day = snapshot.day
    exposure.net.update(snapshot.net)
    return exposure


def _restore_order(exchange: Exchange, snapshot: OrderSnapshot) -> None:
    """Words that many orders have in common are shared between them: that saves a third of the memory."""
    account, market = exchange.accounts[snapshot.account], exchange.markets[snapshot.symbol]
    symbol = market.rules.symbol
    order = Order(snapshot.order_id, account.account, snapshot.client_order_id, symbol, snapshot.side)
    order.owner = account.owner
    order.order_type, order.time_in_force = intern(snapshot.order_type), intern(snapshot.time_in_force)
    order.price, order.quantity, order.remaining = snapshot.price, snapshot.quantity, snapshot.remaining
    order.budget, order.display, order.held = snapshot.budget, snapshot.display, snapshot.held
    order.maker_fee_ppm, order.taker_fee_ppm = snapshot.maker_fee_ppm, snapshot.taker_fee_ppm
    order.self_trade, order.session = intern(snapshot.self_trade), intern(snapshot.session)
    order.expires_at_us, order.post_only = snapshot.expires_at_us, snapshot.post_only
    order.shown, order.priority, order.trigger = snapshot.shown, snapshot.priority, snapshot.trigger
    order.list_id = snapshot.list_id
    order.settle_seed()
    exchange.orders[order.order_id] = account.orders[order.order_id] = order
    account.open_on[symbol] = account.open_on.get(symbol, 0) + 1
    exchange.hashed.changed(order)


def _restore_books(exchange: Exchange) -> None:
    """At each price they stand as they came; and by when they expire."""
    resting = [order for order in exchange.orders.values() if order.shown]
    resting.sort(key=_priority)
    for order in resting:
        if order.price is not None:
            exchange.markets[order.symbol].book.side(order.side).add(order, order.price)
    exchange.expiries += [
        (order.expires_at_us, order.order_id) for order in exchange.orders.values() if order.expires_at_us
    ]
    heapify(exchange.expiries)


def _priority(order: Order) -> int:
    return order.priority


def _restore_waiting(exchange: Exchange, markets: list[MarketSnapshot]) -> None:
    waiting: dict[str, list[Order]] = {}
    for order in exchange.orders.values():
        if order.trigger is not None:
            waiting.setdefault(order.symbol, []).append(order)
    for symbol, orders in waiting.items():
        exchange.markets[symbol].waiting.put_back(orders)
    for market in markets:
        for source, ids in market.trailing.items():
            trailing = [exchange.orders[order_id] for order_id in ids]
            exchange.markets[market.rules.symbol].waiting.put_back_trailing(source, trailing)


def _restore_list(exchange: Exchange, snapshot: OrderListSnapshot) -> None:
    legs = [_leg_restored(leg) for leg in snapshot.legs]
    placed = OrderList(snapshot.list_id, snapshot.account, snapshot.symbol, snapshot.kind, legs)
    placed.filled, placed.decided, placed.exiting = snapshot.filled, snapshot.decided, snapshot.exiting
    exchange.lists[placed.list_id] = placed
    exchange.hashed.changed(placed)


def _leg_restored(snapshot: LegSnapshot) -> Leg:
    leg = Leg(snapshot.order_id)
    leg.wanted, leg.given, leg.trigger = snapshot.wanted, snapshot.given, snapshot.trigger
    return leg


def _restore_withdrawal(exchange: Exchange, snapshot: WithdrawalSnapshot) -> None:
    withdrawal = exchange.withdrawals[snapshot.transfer_id] = Withdrawal(
        snapshot.transfer_id, snapshot.account, snapshot.asset, snapshot.amount
    )
    exchange.hashed.changed(withdrawal)


def _restore_transit(exchange: Exchange, snapshot: TransitSnapshot) -> None:
    transit = Transit(
        snapshot.transfer_id,
        snapshot.account,
        snapshot.to_shard,
        snapshot.to_account,
        snapshot.asset,
        snapshot.amount,
    )
    begin_transit(exchange, transit)
