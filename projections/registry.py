"""All projections, by name: the name is that of the collection."""

from projections import balances, books, ledger, markets, orders, positions, trade_changes, trades, transfers
from projections.projection import Projection

PROJECTIONS: dict[str, Projection] = {
    projection.name: projection
    for projection in (
        markets.PROJECTION,
        orders.PROJECTION,
        books.PROJECTION,
        trades.PROJECTION,
        trade_changes.PROJECTION,
        balances.PROJECTION,
        positions.PROJECTION,
        transfers.PROJECTION,
        ledger.PROJECTION,
    )
}
