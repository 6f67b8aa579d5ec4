"""An account's limits, and how much of each is used as far as the read models know."""

from collections.abc import Callable, Iterable

import msgspec

from api.query.decimals import Decimal, SymbolName, Time, time_given
from domain.account import AccountLimits
from domain.book import Order
from domain.exposure import Exposure
from domain.market import MarketRules
from domain.numbers import format_units
from domain.order import Trigger
from projections import orders
from projections.projection import Document

Rules = Callable[[str], MarketRules]


class AssetLimitsView(msgspec.Struct, frozen=True):
    """Limits and use in one quote asset. ``net_today``: realised PnL less fees of this UTC day; negative is a
    loss. A limit that is ``null`` does not exist.
    """

    asset: str
    max_order_notional: Decimal | None
    max_open_notional: Decimal | None
    open_notional: Decimal
    daily_loss: Decimal | None
    net_today: Decimal


class MarketLimitsView(msgspec.Struct, frozen=True):
    """Limit and use on one market, in its base asset. ``max_position`` is the account's own, or else the
    market's. ``bought_at_most``: the position if all open buy orders traded; ``sold_at_most`` the same for a
    short position and sell orders.
    """

    symbol: SymbolName
    max_position: Decimal | None
    position: Decimal
    bought_at_most: Decimal
    sold_at_most: Decimal


class LimitsView(msgspec.Struct, frozen=True):
    """``order_rate``: orders a second. ``orders_counted``: how many open orders the use is summed up from;
    ``complete`` says whether these are all. A trailing order counts with the trigger it was placed with.
    """

    account: str
    order_rate: int | None
    assets: list[AssetLimitsView]
    markets: list[MarketLimitsView]
    orders_counted: int
    complete: bool
    changed_at: Time | None


class Use(msgspec.Struct):
    """What the read models say: open orders, positions by symbol, and the UTC day it is."""

    open_orders: list[Document]
    positions: dict[str, Document]
    today: int
    complete: bool


def limits_view(
    account: str,
    limits: AccountLimits,
    changed_at_us: int | None,
    use: Use,
    rules: Rules,
    scale: Callable[[str], int],
) -> LimitsView:
    exposure = _exposure(use, rules)
    assets = {*limits.max_order_notional, *limits.max_open_notional, *limits.daily_loss, *exposure.notional}
    symbols = {*limits.max_position, *use.positions, *(symbol for symbol, _ in exposure.quantity)}
    return LimitsView(
        account,
        limits.order_rate,
        [
            _asset_view(asset, scale(asset), limits, exposure, use.today)
            for asset in sorted(assets | {*exposure.net})
        ],
        [_market_view(rules(symbol), limits, exposure, use) for symbol in sorted(symbols)],
        len(use.open_orders),
        use.complete,
        time_given(changed_at_us),
    )


def _exposure(use: Use, rules: Rules) -> Exposure:
    """Count by the domain's own rules, from documents."""
    exposure = Exposure()
    for document in use.open_orders:
        exposure.add(rules(document["symbol"]), _order(document))
    for symbol, position in use.positions.items():
        exposure.realise(rules(symbol).quote_asset, position["day"], int(position["day_net"]))
    return exposure


def _order(document: Document) -> Order:
    names = ("_id", "account", "client_order_id", "symbol", "side")
    order = Order(*(document[name] for name in names))
    order.price, order.remaining = document["price"], document["remaining"]
    if document["status"] == orders.WAITING:
        order.trigger = Trigger(document["trigger"]["price"], rising=True)
    return order


def _asset_view(
    asset: str, scale: int, limits: AccountLimits, exposure: Exposure, today: int
) -> AssetLimitsView:
    def shown(units: int | None) -> str | None:
        return None if units is None else format_units(units, scale)

    return AssetLimitsView(
        asset,
        shown(limits.max_order_notional.get(asset)),
        shown(limits.max_open_notional.get(asset)),
        format_units(exposure.notional.get(asset, 0), scale),
        shown(limits.daily_loss.get(asset)),
        format_units(exposure.net_on(today, asset), scale),
    )


def _market_view(rules: MarketRules, limits: AccountLimits, exposure: Exposure, use: Use) -> MarketLimitsView:
    symbol = rules.symbol
    most = limits.max_position.get(symbol, rules.max_position or None)
    position = int(use.positions[symbol]["quantity"]) if symbol in use.positions else 0
    bought = position + exposure.quantity.get((symbol, "buy"), 0)
    sold = exposure.quantity.get((symbol, "sell"), 0) - position
    held, bought_at_most, sold_at_most = (
        format_units(units, rules.base_scale) for units in (position, max(bought, 0), max(sold, 0))
    )
    return MarketLimitsView(
        symbol,
        None if most is None else format_units(most, rules.base_scale),
        held,
        bought_at_most,
        sold_at_most,
    )


def symbols_of(documents: Iterable[Document]) -> dict[str, Document]:
    return {document["symbol"]: document for document in documents}
