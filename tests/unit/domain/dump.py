"""All of an exchange's state as plain values, and the state hash computed from them from scratch.

Two exchanges are the same exactly if their dumps are equal. Dictionaries become lists of pairs, so that
their order counts too: it shows in the sentences of some rejections.
"""

from typing import Any

import msgspec
import xxhash

from domain.account import FEES, Account
from domain.book import BookSide, Order
from domain.exchange import Exchange
from domain.market import Market

Dump = dict[str, Any]

ORDER_FIELDS = (
    "order_id",
    "account",
    "client_order_id",
    "symbol",
    "side",
    "price",
    "quantity",
    "remaining",
    "held",
    "priority",
)


def dump(exchange: Exchange) -> Dump:
    return {
        "accounts": [(name, _account(account)) for name, account in exchange.accounts.items()],
        "markets": [(symbol, _market(market)) for symbol, market in exchange.markets.items()],
        "orders": [(order_id, _order(order)) for order_id, order in exchange.orders.items()],
        "scales": list(exchange.scales.items()),
        "outside": list(exchange.outside.items()),
        "state_hash": exchange.state_hash,
    }


def hash_from_scratch(state: Dump) -> int:
    """Return the state hash of a dump: everything in it is digested anew."""
    orders = [tuple(order[name] for name in ORDER_FIELDS) for _, order in state["orders"]]
    balances = [
        (account, asset, balance["available"], balance["held"])
        for account, holder in state["accounts"]
        for asset, balance in holder["balances"]
    ]
    markets = [
        (symbol, market["last_trade_id"], market["last_priority"]) for symbol, market in state["markets"]
    ]
    rules = [("rules", *market["rules"].values()) for _, market in state["markets"]]
    accounts = [("account", account) for account, _ in state["accounts"] if account != FEES]
    outside = [("outside", asset, amount) for asset, amount in state["outside"]]
    terms = [*orders, *balances, *markets, *rules, *accounts, *outside]
    return sum(_digest(*parts) for parts in terms) % 2**64


def _digest(*parts: object) -> int:
    return xxhash.xxh3_64("\0".join(str(part) for part in parts).encode()).intdigest()


def _account(account: Account) -> Dump:
    balances = [
        (asset, {"available": balance.available, "held": balance.held, "digest": balance.digest})
        for asset, balance in account.balances.items()
    ]
    return {"account": account.account, "balances": balances}


def _market(market: Market) -> Dump:
    return {
        "rules": msgspec.to_builtins(market.rules),
        "fee_ppm_max": market.fee_ppm_max,
        "last_trade_id": market.last_trade_id,
        "last_priority": market.book.last_priority,
        "digest": market.digest,
        "bids": _side(market.book.bids),
        "asks": _side(market.book.asks),
    }


def _side(side: BookSide) -> list[tuple[int, int, list[str]]]:
    return [(level.price, level.quantity, [order.order_id for order in level]) for level in side.best_first()]


def _order(order: Order) -> Dump:
    return {name: getattr(order, name) for name in (*ORDER_FIELDS, "digest")}
