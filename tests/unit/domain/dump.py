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
from domain.exposure import Exposure
from domain.markets import Market
from domain.waiting import Waiting
from tests.unit.domain.dump_lists import dump_list, list_terms

Dump = dict[str, Any]

# as they go into the hash: texts at once, numbers one after the other
ORDER_NAMES = (
    "order_id",
    "account",
    "client_order_id",
    "symbol",
    "side",
    "order_type",
    "time_in_force",
    "self_trade",
    "session",
    "list_id",
)
ORDER_NUMBERS = (
    "post_only",
    "budget",
    "display",
    "maker_fee_ppm",
    "taker_fee_ppm",
    "expires_at_us",
    "price",
    "quantity",
    "remaining",
    "held",
    "shown",
    "priority",
)
ORDER_FIELDS = ORDER_NAMES + ORDER_NUMBERS

WITHDRAWAL_FIELDS = ("transfer_id", "account", "asset", "amount")

TRANSIT_FIELDS = ("transfer_id", "account", "to_shard", "to_account", "asset", "amount")

POSITION_FIELDS = ("quantity", "cost", "day", "net")


def dump(exchange: Exchange) -> Dump:
    state_hash = exchange.state_hash  # first: asking for it brings the digests up to date
    return {
        "accounts": [(name, _account(account)) for name, account in exchange.accounts.items()],
        "markets": [(symbol, _market(market)) for symbol, market in exchange.markets.items()],
        "orders": [(order_id, _order(order)) for order_id, order in exchange.orders.items()],
        "lists": [(list_id, dump_list(its_list)) for list_id, its_list in exchange.lists.items()],
        "expiries": sorted({expiry for expiry in exchange.expiries if expiry[1] in exchange.orders}),
        "venue_status": exchange.venue_status,
        "scales": list(exchange.scales.items()),
        "outside": list(exchange.outside.items()),
        "adjustments": list(exchange.adjustments.items()),
        "withdrawals": [
            (key, {name: getattr(each, name) for name in (*WITHDRAWAL_FIELDS, "digest")})
            for key, each in exchange.withdrawals.items()
        ],
        "in_transit": [
            (key, {name: getattr(each, name) for name in (*TRANSIT_FIELDS, "digest")})
            for key, each in exchange.in_transit.items()
        ],
        "in_transit_of": sorted(exchange.in_transit_of.items()),
        "cleared": list(exchange.cleared.items()),
        "now_us": exchange.now_us,
        "state_hash": state_hash,
    }


def hash_from_scratch(state: Dump) -> int:
    """Return the state hash of a dump: everything in it is digested anew."""
    orders = [_order_digest(order) for _, order in state["orders"]]
    balances = [
        _mixed(_digest("balance", account, asset), balance["available"], balance["held"])
        for account, holder in state["accounts"]
        for asset, balance in holder["balances"]
    ]
    counters = ("last_trade_id", "last_priority", "last_price", "mark_price", "status")
    markets = [(symbol, *(market[name] for name in counters)) for symbol, market in state["markets"]]
    rules = [("rules", *market["rules"].values()) for _, market in state["markets"]]
    trades = [("trade", *trade) for _, market in state["markets"] for trade in market["changed_trades"]]
    accounts = [_account_terms(account) for name, account in state["accounts"] if name != FEES]
    outside = [("outside", asset, amount) for asset, amount in state["outside"] if amount]
    adjusted = [("adjusted", asset, amount) for asset, amount in state["adjustments"] if amount]
    under_way = [
        ("withdrawal", *(each[name] for name in WITHDRAWAL_FIELDS)) for _, each in state["withdrawals"]
    ]
    venue = [("venue", state["venue_status"])] if state["venue_status"] != "open" else []
    in_transit = [("transit", *(each[name] for name in TRANSIT_FIELDS)) for _, each in state["in_transit"]]
    cleared = [(f"cleared {shard}", asset, amount) for (shard, asset), amount in state["cleared"] if amount]
    money = [*outside, *adjusted, *under_way, *in_transit, *cleared]
    positions = [
        _mixed(_digest("position", account, symbol), *(position[name] for name in POSITION_FIELDS))
        for account, holder in state["accounts"]
        for symbol, position in holder["positions"]
    ]
    lists = [list_terms(its_list) for _, its_list in state["lists"]]
    named = [*lists, *markets, *rules, *accounts, *venue, *money, *trades]
    return sum([*orders, *balances, *positions, *(_digest(*parts) for parts in named)]) % 2**64


def _order_digest(order: Dump) -> int:
    numbers = [-1 if order[name] is None else order[name] for name in ORDER_NUMBERS]
    digest = _mixed(_digest(*(order[name] for name in ORDER_NAMES)), *numbers)
    return _digest(digest, *order["trigger"].values()) if order["trigger"] else digest


def _limit_parts(holder: Dump) -> list[object]:
    limits = holder["limits"]
    if limits is None:
        return []
    parts: list[object] = ["limits", limits.get("order_rate")]
    for name in ("max_order_notional", "max_open_notional", "max_position", "daily_loss"):
        parts += [name, *(part for entry in sorted(limits.get(name, {}).items()) for part in entry)]
    return [*parts, holder["second"], holder["orders_in_second"]]


def _digest(*parts: object) -> int:
    return xxhash.xxh3_64("\0".join(str(part) for part in parts).encode()).intdigest() // 2


def _mixed(digest: int, *numbers: int) -> int:
    """Multiply and fold, in 63 bits; what has more than 62 bits, or is negative, goes in two parts."""
    for number in numbers:
        high, low = divmod(number, 2**62)
        for part in (low,) if high == 0 else (2**63 - 1, high % 2**62, low):
            product = (digest ^ part) * 0x2545_F491_4F6C_DD1D % 2**63
            digest = product ^ product // 2**32
    return digest


def _account_terms(account: Dump) -> tuple[object, ...]:
    owner = account["account"] if account["group"] is None else f"group:{account['group']}"
    fees = [part for symbol, both in sorted(account["fees"]) for part in (symbol, *both)]
    return ("account", account["account"], account["status"], owner, *fees, *_limit_parts(account))


def _account(account: Account) -> Dump:
    balances = [
        (asset, {"available": balance.available, "held": balance.held, "digest": balance.digest})
        for asset, balance in account.balances.items()
    ]
    positions = [
        (symbol, {name: getattr(position, name) for name in (*POSITION_FIELDS, "digest")})
        for symbol, position in account.positions.items()
    ]
    return {
        "account": account.account,
        "balances": balances,
        "orders": list(account.orders),
        "fees": list(account.fees.items()),
        "group": account.group,
        "owner": account.owner,
        "status": account.status,
        "positions": positions,
        "limits": None if account.limits is None else msgspec.to_builtins(account.limits),
        "second": account.second,
        "orders_in_second": account.orders_in_second,
        "exposure": None if account.exposure is None else _exposure(account.exposure),
    }


def _exposure(exposure: Exposure) -> Dump:
    return {
        "notional": list(exposure.notional.items()),
        "quantity": list(exposure.quantity.items()),
        "day": exposure.day,
        "net": list(exposure.net.items()),
    }


def _market(market: Market) -> Dump:
    return {
        "status": market.status,
        "rules": msgspec.structs.asdict(market.rules),
        "last_trade_id": market.last_trade_id,
        "last_priority": market.book.last_priority,
        "last_price": market.last_price,
        "mark_price": market.mark_price,
        "changed_trades": [
            (trade.symbol, trade.trade_id, trade.price, trade.buyer_fee, trade.seller_fee)
            for trade in market.changed_trades.values()
        ],
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
    return {name: getattr(order, name) for name in (*ORDER_FIELDS, "owner", "digest")} | {
        "trigger": {name: getattr(trigger, name) for name in names}
    }
