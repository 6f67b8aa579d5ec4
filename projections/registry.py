"""All projections, by name: the name is that of the collection."""

from projections import accounts, balances, books, markets, orders, positions, trades, venue
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
        accounts.PROJECTION,
        venue.PROJECTION,
    )
}
