"""All projections, by name: the name is that of the collection."""

from projections import balances, books, limits, markets, orders, positions, trades
from projections.projection import Projection

PROJECTIONS: dict[str, Projection] = {
    projection.name: projection
    for projection in (
        markets.PROJECTION,
        orders.PROJECTION,
        books.PROJECTION,
        trades.PROJECTION,
        balances.PROJECTION,
        positions.PROJECTION,
        limits.PROJECTION,
    )
}
