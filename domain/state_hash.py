"""The incremental state hash: a sum, modulo 2**64, of one digest for each order, order list, account,
balance, position, market, its rules and changed trades, each withdrawal under way, and what came in and was
adjusted of each asset.

A sum does not depend on the order of its terms, so a change costs one digest, however large the state; and as
it is only needed once for each commit, what changes many times in between is digested once.
It tells two states apart that should be equal; against forgery there is the hash chain of the store.
"""

from typing import Protocol

import xxhash

VERSION = 2  # of what goes into the hash: hashes of different versions say nothing about each other
MODULUS = 1 << 64

Part = str | int


class Hashed(Protocol):
    """A thing whose state is part of the hash; ``digest`` is what the sum has of it (0: nothing yet)."""

    digest: int

    def parts(self) -> tuple[Part, ...]:
        """Return what names the thing, and all of its state."""


# By the number of parts: to fill in a form takes half the time of joining the parts (*measured*).
_FORMS: list[str] = ["\0".join(["%s"] * count) for count in range(64)]


def digest_of(*parts: Part) -> int:
    """Return a 64-bit digest of ``parts``, which name a thing and its state."""
    if len(parts) < len(_FORMS):
        return xxhash.xxh3_64_intdigest((_FORMS[len(parts)] % parts).encode())
    return xxhash.xxh3_64_intdigest("\0".join(map(str, parts)).encode())


class StateHash:
    """The sum, and the things that have changed since it was last asked for."""

    __slots__ = ("_changed", "_sum")

    def __init__(self) -> None:
        self._sum = 0
        self._changed: dict[Hashed, None] = {}

    def changed(self, thing: Hashed) -> None:
        self._changed[thing] = None

    def gone(self, thing: Hashed) -> None:
        """The thing leaves nothing behind: it may not change any more."""
        self._changed.pop(thing, None)
        self.replace(thing.digest, 0)
        thing.digest = 0

    def replace(self, before: int, after: int) -> None:
        """Replace one digest by another; 0 is none."""
        self._sum = (self._sum + after - before) % MODULUS

    def value(self) -> int:
        """Return the hash of the state as it is now."""
        for thing in self._changed:
            digest = digest_of(*thing.parts())
            self.replace(thing.digest, digest)
            thing.digest = digest
        self._changed.clear()
        return self._sum
