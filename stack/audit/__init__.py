"""Verifying the event store: the chain, the signed heads, the state, the money, and the read models."""
