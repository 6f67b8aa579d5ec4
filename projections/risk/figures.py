"""Figures: an account's exposures, by market and by asset, its profit of the day, and what they come to.

Everything is in minor units of the quote asset, or of the reporting currency where it is said.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from projections.risk.account import AccountState, Traded
from projections.risk.prices import Cause, MarketPrices, PriceBook, worth

PPM = 1_000_000


@dataclass(slots=True)
class MarketExposure:
    """A position and what it did today. ``day_pnl``: realised and unrealised together, fees paid.
    ``price`` is ``None`` where the market has none yet: then nothing is known of what it is worth.
    """

    symbol: str
    quote_asset: str
    quantity: int
    cost: int
    price: int | None
    value: int
    unrealised: int
    realised_today: int
    day_pnl: int


@dataclass(slots=True)
class AssetExposure:
    """All there is of an asset, deposits included. ``value``: in the reporting currency, ``None`` if there
    is no price for it.
    """

    asset: str
    quantity: int
    on_orders: int
    value: int | None


@dataclass(slots=True)
class Figures:
    """One account over all shards. By quote asset: ``gross``, the worth of its positions, long or short, and
    what its open buy orders hold; ``day_pnl``; ``on_orders``, what its open buy orders hold. In the currency:
    ``equity``, all it has. ``concentration_ppm``: the share of ``largest`` in what it has beside the currency
    itself and in it. ``unvalued``: assets without a price.
    """

    account: str
    currency: str
    markets: list[MarketExposure] = field(default_factory=list)
    assets: list[AssetExposure] = field(default_factory=list)
    gross: dict[str, int] = field(default_factory=dict)
    day_pnl: dict[str, int] = field(default_factory=dict)
    on_orders: dict[str, int] = field(default_factory=dict)
    equity: int = 0
    concentration_ppm: int = 0
    largest: str = ""
    unvalued: list[str] = field(default_factory=list)

    def at_stake(self) -> dict[str, int]:
        """Return by asset what it is worth in the currency, of all assets whose price can move."""
        return {
            each.asset: each.value
            for each in self.assets
            if each.value is not None and each.asset != self.currency and each.value
        }


def figures(states: Sequence[AccountState], prices: PriceBook, day: int, currency: str) -> Figures:
    """Return what the account, as each of its shards has it, comes to at the prices of now."""
    found = Figures(states[0].account, currency)
    for state in states:
        for symbol, position in state.positions.items():
            market = prices.markets.get(symbol)
            if market is not None:
                found.markets.append(market_exposure(market, position, day))
    found.assets = list(_assets(states, prices, currency))
    _sum_up(found, prices)
    return found


def market_exposure(market: MarketPrices, position: Traded, day: int) -> MarketExposure:
    """Return one position's exposure; its profit of the day is cash flow plus what the worth has changed."""
    rules, price = market.rules, market.price
    begun_with, flow, net = position.on(day)
    value = unrealised = day_pnl = 0
    if price is not None:
        began_at = market.at_beginning_of(day)
        value = worth(rules, position.quantity, price)
        unrealised = value - position.cost if position.quantity >= 0 else value + position.cost
        day_pnl = flow + value - worth(rules, begun_with, price if began_at is None else began_at)
    return MarketExposure(
        rules.symbol,
        rules.quote_asset,
        position.quantity,
        position.cost,
        price,
        value,
        unrealised,
        net,
        day_pnl,
    )


def _assets(states: Iterable[AccountState], prices: PriceBook, currency: str) -> Iterable[AssetExposure]:
    totals: dict[str, tuple[int, int]] = {}
    for state in states:
        for asset, holding in state.holdings.items():
            quantity, on_orders = totals.get(asset, (0, 0))
            totals[asset] = quantity + holding.total, on_orders + holding.on_orders
    for asset in sorted(totals):
        quantity, on_orders = totals[asset]
        yield AssetExposure(asset, quantity, on_orders, prices.value(asset, quantity, currency))


def _sum_up(found: Figures, prices: PriceBook) -> None:
    for market in found.markets:
        quote = market.quote_asset
        found.gross[quote] = found.gross.get(quote, 0) + abs(market.value)
        found.day_pnl[quote] = found.day_pnl.get(quote, 0) + market.day_pnl
    quotes = {market.rules.quote_asset for market in prices.markets.values()}
    for asset in found.assets:
        if asset.asset in quotes and asset.on_orders:
            found.on_orders[asset.asset] = asset.on_orders
            found.gross[asset.asset] = found.gross.get(asset.asset, 0) + asset.on_orders
    found.unvalued = [asset.asset for asset in found.assets if asset.value is None]
    found.equity = sum(asset.value or 0 for asset in found.assets)
    risky = found.at_stake()
    if risky and found.equity > 0:
        found.largest = max(risky, key=lambda asset: (risky[asset], asset))
        found.concentration_ppm = risky[found.largest] * PPM // found.equity


def concerned(state: AccountState, symbols: Mapping[str, None], assets: Collection[str]) -> bool:
    """Whether a move of these markets, or of these assets' worth, can change what the account has or lost."""
    return any(
        position.quantity or position.day for symbol, position in state.positions.items() if symbol in symbols
    ) or any(state.holdings[asset].total for asset in assets if asset in state.holdings)


def newest_cause(states: Sequence[AccountState], prices: PriceBook | None) -> Cause:
    """Return the account's last event, or the price of one of its markets, if that came later."""
    causes = [Cause(state.event_id, state.occurred_at_us) for state in states]
    if prices is not None:
        symbols = {symbol for state in states for symbol in state.positions}
        causes += [prices.markets[symbol].cause for symbol in symbols if symbol in prices.markets]
    return max(causes, key=lambda cause: cause.occurred_at_us)
