"""The incremental state hash: a sum, modulo 2**64, of one digest for each order, account, balance, market,
its rules, and what came in of each asset.

A sum does not depend on the order of its terms, so a change costs one digest, however large the state.
It tells two states apart that should be equal; against forgery there is the hash chain of the store.
"""

import xxhash

VERSION = 1  # of what goes into the hash: hashes of different versions say nothing about each other
MODULUS = 1 << 64


def digest_of(*parts: str | int) -> int:
    """Return a 64-bit digest of ``parts``, which name a thing and its state."""
    return xxhash.xxh3_64_intdigest("\0".join(map(str, parts)).encode())
