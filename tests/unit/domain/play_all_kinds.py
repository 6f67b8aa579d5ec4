"""Plays the same drawn history every time, and prints what came of it.

Run with the compiled domain on the path, and with the sources, it must say the same, but for the first word.
"""

import hashlib

import domain.exchange
from tests.unit.projections.controlled import controlled
from tests.unit.projections.trading import trading

SEEDS = range(1, 9)
COMMANDS = 400


def main() -> None:
    """Print whether the domain is compiled, and of each seed a digest of all events and the state hash.

    Events are compared, not their bytes: a default that is written out means the same as one left out.
    """
    kind = "plain" if str(domain.exchange.__file__).endswith(".py") else "compiled"
    print(kind)  # noqa: T201 - the result
    for seed in SEEDS:
        venue = trading(COMMANDS, seed, money_moves=True)
        controlled(venue, "ETH-USD", (f"acc{seed}-0", f"acc{seed}-1"))
        digest = hashlib.sha256(repr(venue.events).encode()).hexdigest()
        print(seed, len(venue.states), digest, f"{venue.shard.exchange.state_hash:016x}")  # noqa: T201 - the result


if __name__ == "__main__":
    main()
