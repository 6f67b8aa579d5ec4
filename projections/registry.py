"""All projections, by name: the name is that of the collection."""

from projections import (
    account_hours,
    accounts,
    activity,
    balances,
    book_orders,
    books,
    candles,
    daily,
    fills,
    ledger,
    limits,
    market_hours,
    markets,
    order_lists,
    orders,
    positions,
    trade_changes,
    trades,
    transfers,
    venue,
)
from projections.projection import Projection

PROJECTIONS: dict[str, Projection] = {
    projection.name: projection
    for projection in (
        markets.PROJECTION,
        orders.PROJECTION,
        order_lists.PROJECTION,
        books.PROJECTION,
        trades.PROJECTION,
        trade_changes.PROJECTION,
        market_hours.PROJECTION,
        candles.PROJECTION,
        balances.PROJECTION,
        positions.PROJECTION,
        daily.PROJECTION,
        account_hours.PROJECTION,
        fills.PROJECTION,
        transfers.PROJECTION,
        ledger.PROJECTION,
        accounts.PROJECTION,
        venue.PROJECTION,
        limits.PROJECTION,
        activity.PROJECTION,
        activity.OF_ORDERS,
        # last, so that it is written just before how far all have come: who reads it waits for no more
        book_orders.PROJECTION,
    )
}
