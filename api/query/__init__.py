"""The query API: orders, balances, positions, markets, books and trades, read from the projections."""
