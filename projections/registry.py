"""All projections, by name: the name is that of the collection."""

from projections import balances, books, markets, order_lists, orders, positions, trades
from projections.projection import Projection

PROJECTIONS: dict[str, Projection] = {
    projection.name: projection
    for projection in (
        markets.PROJECTION,
        orders.PROJECTION,
        order_lists.PROJECTION,
        books.PROJECTION,
        trades.PROJECTION,
        balances.PROJECTION,
        positions.PROJECTION,
    )
}
