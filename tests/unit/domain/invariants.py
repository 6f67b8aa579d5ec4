"""What is true of every exchange between two commands, whatever has happened."""

from collections import Counter, defaultdict

from domain.book import Book, BookSide, Level, Order
from domain.event import Side
from domain.exchange import Exchange
from domain.markets import Market
from domain.order import Trigger
from tests.unit.domain.dump import dump, hash_from_scratch
from tests.unit.domain.invariants_of_exposure import check_exposures
from tests.unit.domain.invariants_of_lists import check_lists, is_pending, is_stop_of_pair


def check_invariants(exchange: Exchange) -> None:
    check_money(exchange)
    check_lists(exchange)
    check_holds(exchange)
    for market in exchange.markets.values():
        check_book(market.book)
        check_open_orders(exchange, market)
        check_triggers(market, firing=market.status == "open" and exchange.venue_status == "open")
    check_indexes(exchange)
    check_exposures(exchange)
    assert exchange.state_hash == hash_from_scratch(dump(exchange))


# --- Money ----------------------------------------------------------------------------------------------


def check_money(exchange: Exchange) -> None:
    """Money is conserved, and nobody owes any."""
    assert set(exchange.unaccounted().values()) <= {0}, exchange.unaccounted()
    for account in exchange.accounts.values():
        for asset, balance in account.balances.items():
            assert balance.available >= 0, (account.account, asset)
            assert balance.held >= 0, (account.account, asset)


def check_holds(exchange: Exchange) -> None:
    """What an account has held is what its open orders and its withdrawals under way hold, and an order holds
    what it can still cost.
    """
    held = {
        (account.account, asset): balance.held
        for account in exchange.accounts.values()
        for asset, balance in account.balances.items()
        if balance.held
    }
    by_holders: dict[tuple[str, str], int] = defaultdict(int)
    for order in exchange.orders.values():
        market = exchange.markets[order.symbol]
        by_holders[order.account, held_asset(market, order.side)] += order.held
        if not is_stop_of_pair(exchange, order):
            check_hold(market, order)
    for withdrawal in exchange.withdrawals.values():
        by_holders[withdrawal.account, withdrawal.asset] += withdrawal.amount
    assert held == {whose: amount for whose, amount in by_holders.items() if amount}


def check_hold(market: Market, order: Order) -> None:
    """A buy that waits without a limit holds more: the buffer, as it was when the order was placed, and where
    it trails, what its trigger has come down since. How much more the naive exchange knows.
    """
    needed = hold_of(market, order)
    waits = order.side == "buy" and order.price is None
    assert order.held == needed or (waits and order.held > needed), order.order_id


def held_asset(market: Market, side: Side) -> str:
    return market.rules.quote_asset if side == "buy" else market.rules.base_asset


def hold_of(market: Market, order: Order) -> int:
    if order.side == "sell" or order.quantity == 0:
        return order.remaining
    price = order.price
    if price is None:
        assert order.trigger is not None, "only limit orders and those that wait stay open"
        price = order.trigger.price
    notional = market.rules.notional(price, order.remaining)
    return notional + notional * max(order.maker_fee_ppm, order.taker_fee_ppm) // 10**6


# --- The book -------------------------------------------------------------------------------------------


def check_book(book: Book) -> None:
    check_side(book.bids)
    check_side(book.asks)
    bid, ask = book.bids.best_price(), book.asks.best_price()
    assert bid is None or ask is None or bid < ask, f"crossed: bid {bid}, ask {ask}"


def check_side(side: BookSide) -> None:
    assert side.keys == sorted(side.keys)
    assert [key * side.sign for key in side.keys] == [level.price for level in list(side.best_first())[::-1]]
    assert sorted(side.levels) == sorted(key * side.sign for key in side.keys)
    for price, level in side.levels.items():
        assert level.price == price
        check_level(level)


def check_level(level: Level) -> None:
    orders = list(level)
    assert orders, f"empty level at {level.price}"
    assert level.quantity == sum(order.shown for order in orders)
    assert level.icebergs == sum(order.display > 0 for order in orders)
    assert [order.price for order in orders] == [level.price] * len(orders)
    assert all(order.level is level for order in orders)
    assert backwards(level.last) == orders[::-1]
    priorities = [order.priority for order in orders]
    assert priorities == sorted(set(priorities)), "first come, first served"
    for order in orders:
        assert 0 < order.shown <= order.remaining
        assert order.shown <= order.display if order.display else order.shown == order.remaining


def backwards(order: Order | None) -> list[Order]:
    orders = []
    while order is not None:
        orders.append(order)
        order = order.before
    return orders


# --- Open orders ----------------------------------------------------------------------------------------


def check_open_orders(exchange: Exchange, market: Market) -> None:
    """An open order rests or waits, and not both; the book's orders are the very same objects."""
    resting = [
        order
        for side in (market.book.bids, market.book.asks)
        for level in side.best_first()
        for order in level
    ]
    waiting = [order for keys in market.waiting._lists.values() for _, _, order in keys]
    mine = [order for order in exchange.orders.values() if order.symbol == market.rules.symbol]
    open_orders = [order for order in mine if not is_pending(exchange, order)]
    assert sorted(map(id, resting + waiting)) == sorted(map(id, open_orders))
    assert all(0 < order.remaining <= order.quantity for order in open_orders)
    assert all(order.trigger is None for order in resting)
    assert all(order.trigger is not None and not order.shown and order.level is None for order in waiting)
    assert all(order.filled == 0 for order in waiting)


def check_triggers(market: Market, *, firing: bool) -> None:
    """Nobody waits for what has come, if triggers fire; each stands in its list by trigger price and age."""
    for (source, rising), keys in market.waiting._lists.items():
        assert keys == sorted(keys, key=lambda key: key[:2])
        for key, priority, order in keys:
            trigger = order.trigger
            assert trigger is not None
            assert (trigger.source, trigger.rising) == (source, rising)
            assert (key, priority) == (trigger.price if rising else -trigger.price, order.priority)
            assert not (firing and has_fired(market, trigger)), order.order_id
    trailing = {order_id for orders in market.waiting._trailing.values() for order_id in orders}
    assert trailing == {
        order.order_id
        for keys in market.waiting._lists.values()
        for _, _, order in keys
        if order.trigger is not None and order.trigger.trails
    }


def has_fired(market: Market, trigger: Trigger) -> bool:
    now = market.last_price if trigger.source == "last" else market.mark_price
    if now is None:
        return False
    return now >= trigger.price if trigger.rising else now <= trigger.price


def check_indexes(exchange: Exchange) -> None:
    """Whoever looks for an order by account or by time of expiry finds it."""
    for order_id, order in exchange.orders.items():
        assert order.order_id == order_id
        if order.expires_at_us:
            assert (order.expires_at_us, order_id) in exchange.expiries
    for name, account in exchange.accounts.items():
        own = [(key, order) for key, order in exchange.orders.items() if order.account == name]
        assert list(account.orders.items()) == own
        assert {order.owner for order in account.orders.values()} <= {account.owner}
        open_on = Counter(order.symbol for _, order in own)
        assert {symbol: count for symbol, count in account.open_on.items() if count} == open_on
