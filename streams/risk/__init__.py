"""The risk engine: follows accounts, orders and prices, keeps what broke a limit on record, and acts on it.

The calculations are in ``projections.risk``; what is decided here is when to calculate, what is durable, and
how an action that was decided happens once. See docs/RISK.md and docs/adr/0023.
"""
