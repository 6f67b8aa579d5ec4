"""What is counted along for limits is what it would be if it were counted now, from scratch."""

from collections import defaultdict

from domain.accounts import Account
from domain.book import Order
from domain.exchange import Exchange
from tests.unit.domain.invariants_of_lists import is_pending


def check_exposures(exchange: Exchange) -> None:
    for account in exchange.accounts.values():
        assert account.limits is None or account.exposure is not None, account.account
        if account.exposure is not None:
            check_open_orders(exchange, account)
            check_results(exchange, account)


def check_open_orders(exchange: Exchange, account: Account) -> None:
    notional: dict[str, int] = defaultdict(int)
    quantity: dict[tuple[str, str], int] = defaultdict(int)
    for order in exchange.orders.values():
        if order.account == account.account and not is_pending(exchange, order):
            rules = exchange.markets[order.symbol].rules
            notional[rules.quote_asset] += rules.notional(price_of(exchange, order), order.remaining)
            quantity[order.symbol, order.side] += order.remaining
    assert account.exposure is not None
    assert {asset: units for asset, units in account.exposure.notional.items() if units} == dict(notional)
    assert {which: units for which, units in account.exposure.quantity.items() if units} == dict(quantity)


def price_of(exchange: Exchange, order: Order) -> int:
    if order.price is not None:
        return order.price
    assert order.trigger is not None, "only limit orders and those that wait stay open"
    buffer = exchange.markets[order.symbol].rules.market_buffer_ppm if order.side == "buy" else 0
    return order.trigger.price * (10**6 + buffer) // 10**6


def check_results(exchange: Exchange, account: Account) -> None:
    """What the positions made on the account's last day of trading."""
    last = max([position.day for position in account.positions.values()], default=0)
    net: dict[str, int] = defaultdict(int)
    for position in account.positions.values():
        if position.day == last:
            net[exchange.markets[position.symbol].rules.quote_asset] += position.net
    assert account.exposure is not None
    assert account.exposure.day == last
    assert account.exposure.net == dict(net)
