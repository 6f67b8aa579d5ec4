"""All of an exchange's state as plain values, and the state hash computed from them from scratch.

Two exchanges are the same exactly if their dumps are equal. Dictionaries become lists of pairs, so that
their order counts too: it shows in the sentences of some rejections, and in which order orders are cancelled.

Not in it: ``moved`` and ``touched``, which only say where to look, and of the heap of expiries those that are
over.
"""

from typing import Any

import msgspec
import xxhash

from domain.account import FEES
from domain.accounts import Account
from domain.book import BookSide, Order
from domain.exchange import Exchange
from domain.markets import Market
from domain.waiting import Waiting
from tests.unit.domain.dump_lists import dump_list, list_terms

Dump = dict[str, Any]

# as they go into the hash
ORDER_FIELDS = (
    "order_id",
    "account",
    "client_order_id",
    "symbol",
    "side",
    "order_type",
    "time_in_force",
    "price",
    "quantity",
    "remaining",
    "budget",
    "held",
    "display",
    "shown",
    "maker_fee_ppm",
    "taker_fee_ppm",
    "self_trade",
    "expires_at_us",
    "session",
    "post_only",
    "list_id",
    "priority",
)


def dump(exchange: Exchange) -> Dump:
    state_hash = exchange.state_hash  # first: asking for it brings the digests up to date
    return {
        "accounts": [(name, _account(account)) for name, account in exchange.accounts.items()],
        "markets": [(symbol, _market(market)) for symbol, market in exchange.markets.items()],
        "orders": [(order_id, _order(order)) for order_id, order in exchange.orders.items()],
        "lists": [(list_id, dump_list(its_list)) for list_id, its_list in exchange.lists.items()],
        "expiries": sorted({expiry for expiry in exchange.expiries if expiry[1] in exchange.orders}),
        "scales": list(exchange.scales.items()),
        "outside": list(exchange.outside.items()),
        "state_hash": state_hash,
    }


def hash_from_scratch(state: Dump) -> int:
    """Return the state hash of a dump: everything in it is digested anew."""
    orders = [
        (*(order[name] for name in ORDER_FIELDS), *order["trigger"].values()) for _, order in state["orders"]
    ]
    balances = [
        (account, asset, balance["available"], balance["held"])
        for account, holder in state["accounts"]
        for asset, balance in holder["balances"]
    ]
    counters = ("last_trade_id", "last_priority", "last_price", "mark_price")
    markets = [(symbol, *(market[name] for name in counters)) for symbol, market in state["markets"]]
    rules = [("rules", *market["rules"].values()) for _, market in state["markets"]]
    accounts = [("account", account) for account, _ in state["accounts"] if account != FEES]
    outside = [("outside", asset, amount) for asset, amount in state["outside"]]
    lists = [list_terms(its_list) for _, its_list in state["lists"]]
    terms = [*orders, *lists, *balances, *markets, *rules, *accounts, *outside]
    return sum(_digest(*parts) for parts in terms) % 2**64


def _digest(*parts: object) -> int:
    return xxhash.xxh3_64("\0".join(str(part) for part in parts).encode()).intdigest()


def _account(account: Account) -> Dump:
    balances = [
        (asset, {"available": balance.available, "held": balance.held, "digest": balance.digest})
        for asset, balance in account.balances.items()
    ]
    return {"account": account.account, "balances": balances, "orders": list(account.orders)}


def _market(market: Market) -> Dump:
    return {
        "rules": msgspec.to_builtins(market.rules),
        "last_trade_id": market.last_trade_id,
        "last_priority": market.book.last_priority,
        "last_price": market.last_price,
        "mark_price": market.mark_price,
        "digest": market.digest,
        "bids": _side(market.book.bids),
        "asks": _side(market.book.asks),
        "waiting": _waiting(market.waiting),
    }


def _side(side: BookSide) -> list[tuple[int, int, int, list[str]]]:
    return [
        (level.price, level.quantity, level.icebergs, [order.order_id for order in level])
        for level in side.best_first()
    ]


def _waiting(waiting: Waiting) -> Dump:
    lists = [
        (which, [(key, priority, order.order_id) for key, priority, order in keys])
        for which, keys in waiting._lists.items()
    ]
    return {
        "lists": lists,
        "trailing": [(source, list(orders)) for source, orders in waiting._trailing.items()],
    }


def _order(order: Order) -> Dump:
    trigger = order.trigger
    names = ("price", "rising", "source", "trail", "trail_bps") if trigger else ()
    return {name: getattr(order, name) for name in (*ORDER_FIELDS, "digest")} | {
        "trigger": {name: getattr(trigger, name) for name in names}
    }
