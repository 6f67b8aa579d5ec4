"""The market-data API: what is live, to everybody, and to each account what is its own."""
