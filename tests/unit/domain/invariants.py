"""What is true of every exchange between two commands, whatever has happened."""

from collections import defaultdict

from domain.book import Book, BookSide, Order
from domain.exchange import Exchange
from domain.market import Market
from tests.unit.domain.dump import dump, hash_from_scratch


def check_invariants(exchange: Exchange) -> None:
    check_money(exchange)
    check_holds(exchange)
    for market in exchange.markets.values():
        check_book(market.book)
        check_resting_orders(exchange, market)
    assert exchange.state_hash == hash_from_scratch(dump(exchange))


def check_money(exchange: Exchange) -> None:
    """Money is conserved, and nobody owes any."""
    assert set(exchange.unaccounted().values()) <= {0}, exchange.unaccounted()
    for account in exchange.accounts.values():
        for asset, balance in account.balances.items():
            assert balance.available >= 0, (account.account, asset)
            assert balance.held >= 0, (account.account, asset)


def check_holds(exchange: Exchange) -> None:
    """What an account has held is what its open orders hold, and an order holds what it can still cost."""
    held = {
        (account.account, asset): balance.held
        for account in exchange.accounts.values()
        for asset, balance in account.balances.items()
        if balance.held
    }
    by_orders: dict[tuple[str, str], int] = defaultdict(int)
    for order in exchange.orders.values():
        market = exchange.markets[order.symbol]
        by_orders[order.account, held_asset(market, order)] += order.held
        assert order.held == cost_max(market, order), order.order_id
    assert held == dict(by_orders)


def held_asset(market: Market, order: Order) -> str:
    return market.rules.quote_asset if order.side == "buy" else market.rules.base_asset


def cost_max(market: Market, order: Order) -> int:
    if order.side == "sell":
        return order.remaining
    assert order.price is not None, "only limit orders stay open"
    return market.cost_max(order.price, order.remaining)


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
        orders = list(level)
        assert orders, f"empty level at {price}"
        assert level.price == price
        assert level.quantity == sum(order.remaining for order in orders)
        assert [order.price for order in orders] == [price] * len(orders)
        assert all(order.level is level for order in orders)
        assert backwards(level.last) == orders[::-1]
        priorities = [order.priority for order in orders]
        assert priorities == sorted(set(priorities)), "first come, first served"


def backwards(order: Order | None) -> list[Order]:
    orders = []
    while order is not None:
        orders.append(order)
        order = order.before
    return orders


def check_resting_orders(exchange: Exchange, market: Market) -> None:
    """The book's orders are the open orders of the market, the very same objects."""
    resting = [
        order
        for side in (market.book.bids, market.book.asks)
        for level in side.best_first()
        for order in level
    ]
    open_orders = [order for order in exchange.orders.values() if order.symbol == market.rules.symbol]
    assert sorted(map(id, resting)) == sorted(map(id, open_orders))
    assert all(0 < order.remaining <= order.quantity for order in open_orders)
    assert all(exchange.orders[order.order_id] is order for order in open_orders)
