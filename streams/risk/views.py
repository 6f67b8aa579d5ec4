"""What the query API shows of an account's risk: one document per account, in MongoDB, replaced as a whole.

``seq`` is when it was calculated, microseconds since 1970: prices change it without an event, and a worker
that was replaced and wakes up again must not put an older one in its place. Amounts are decimal strings.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pymongo.database import Database

from domain.account import AccountLimits
from domain.numbers import format_units
from domain.statuses import STRICTER
from projections import store
from projections.projection import Document
from projections.risk.account import AccountState
from projections.risk.figures import Figures, MarketExposure
from projections.risk.prices import PriceBook
from projections.risk.rules import ANY, Use
from projections.risk.value_at_risk import Tail, stresses

COLLECTION = "risk"


def document(
    states: Sequence[AccountState],
    found: Figures,
    tails: Sequence[Tail],
    used: Iterable[Use],
    book: PriceBook,
    now_us: int,
) -> Document:
    return {
        "_id": found.account,
        "seq": now_us,
        "account": found.account,
        "status": max((state.status for state in states), key=STRICTER.index),
        "events": {str(state.shard): state.seq for state in states},
        **evidence(found, book),
        **_at_risk(found, tails, book),
        "limits": [_use(each) for each in used],
        "calculated_at_us": now_us,
    }


def evidence(found: Figures, book: PriceBook) -> dict[str, Any]:
    """Return the figures as a document has them, and a breach as evidence."""
    currency, scale = found.currency, book.scales.get(found.currency, 0)
    return {
        "currency": currency,
        "equity": format_units(found.equity, scale),
        "markets": [_market(each, book) for each in found.markets],
        "assets": [
            {
                "asset": each.asset,
                "quantity": format_units(each.quantity, book.scales.get(each.asset, 0)),
                "on_orders": format_units(each.on_orders, book.scales.get(each.asset, 0)),
                "value": None if each.value is None else format_units(each.value, scale),
            }
            for each in found.assets
        ],
        "gross_exposure": _by_asset(found.gross, book),
        "day_pnl": _by_asset(found.day_pnl, book),
        "open_orders": _by_asset(found.on_orders, book),
        "concentration": format_units(found.concentration_ppm, 6),
        "largest": found.largest,
        "unvalued": found.unvalued,
    }


def _market(each: MarketExposure, book: PriceBook) -> dict[str, Any]:
    rules = book.markets[each.symbol].rules
    amounts = {
        name: format_units(getattr(each, name), rules.quote_scale)
        for name in ("cost", "value", "unrealised", "realised_today", "day_pnl")
    }
    price = None if each.price is None else format_units(each.price, rules.price_scale)
    quantity = format_units(each.quantity, rules.base_scale)
    return {"symbol": each.symbol, "quantity": quantity, "price": price, "quote": each.quote_asset, **amounts}


def _at_risk(found: Figures, tails: Sequence[Tail], book: PriceBook) -> dict[str, Any]:
    scale = book.scales.get(found.currency, 0)
    return {
        "value_at_risk": [
            {
                "confidence": f"{tail.confidence:.2f}",
                "var": format_units(tail.var, scale),
                "expected_shortfall": format_units(tail.expected_shortfall, scale),
            }
            for tail in tails
        ],
        "stress": [
            {"percent": each.percent, "pnl": format_units(each.pnl, scale)}
            for each in stresses(found.at_stake())
        ],
    }


def _use(each: Use) -> dict[str, Any]:
    limits: dict[str, str] = {level: format_units(most, each.scale) for level, most in each.limits.items()}
    most = max(each.limits.values(), default=0)
    used = f"{100 * each.value / most:.1f}" if most else "0.0"
    key = "" if each.key == ANY else each.key
    value = format_units(each.value, each.scale)
    return {"rule": each.rule, "key": key, "value": value, **limits, "used_percent": used}


def _by_asset(amounts: dict[str, int], book: PriceBook) -> dict[str, str]:
    return {asset: format_units(units, book.scales.get(asset, 0)) for asset, units in sorted(amounts.items())}


def pre_trade_limits(of_shards: Iterable[AccountLimits], book: PriceBook) -> dict[str, Any]:
    """Return the limits checked before a trade as decimals, those of all shards together.

    Raises ``KeyError`` for an asset or market that is not known yet: a wrong amount is worse than none.
    """
    found: dict[str, Any] = {
        "max_order_notional": {},
        "max_open_notional": {},
        "max_position": {},
        "daily_loss": {},
        "order_rate": None,
    }
    for limits in of_shards:
        for name in ("max_order_notional", "max_open_notional", "daily_loss"):
            for asset, units in getattr(limits, name).items():
                found[name][asset] = format_units(units, book.scales[asset])
        for symbol, units in limits.max_position.items():
            found["max_position"][symbol] = format_units(units, book.markets[symbol].rules.base_scale)
        if limits.order_rate is not None:
            found["order_rate"] = limits.order_rate
    return found


# --- Writing and reading ------------------------------------------------------------------------------------


def prepare(database: Database[Document]) -> None:
    database[COLLECTION].create_index([("account", 1)])


def write(database: Database[Document], documents: Sequence[Document]) -> None:
    """Raises ``PyMongoError``."""
    store.replace_older(database[COLLECTION], documents)


def of_account(database: Database[Document], account: str) -> Document | None:
    return database[COLLECTION].find_one({"_id": account})


def all_accounts(database: Database[Document], after: str, accounts_max: int) -> list[Document]:
    """Return accounts by name, those after ``after``."""
    wanted = database[COLLECTION].find({"account": {"$gt": after}})
    return list(wanted.sort("account", 1).limit(accounts_max))
