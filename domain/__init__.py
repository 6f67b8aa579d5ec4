"""The exchange's rules, pure: no I/O, no clock, no randomness.

``decide(exchange, command, now_us) -> events`` says what happens; ``evolve(exchange, event)`` makes it so.
Replaying the events of a shard gives the same state, bit for bit. Start reading at ``exchange.py``.
"""
