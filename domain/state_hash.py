"""The incremental state hash: a sum, modulo 2**64, of one digest for each order, order list, account,
balance, position, market, its rules and changed trades, each withdrawal under way and transfer in transit,
and what came in, was adjusted and was cleared with other shards of each asset.

A sum does not depend on the order of its terms, so a change costs one digest, however large the state; and as
it is only needed once for each commit, what changes many times in between is digested once.
It tells two states apart that should be equal; against forgery there is the hash chain of the store.
"""

from typing import Final

from mypy_extensions import i64
from xxhash import xxh3_64_intdigest

VERSION = 2  # of what goes into the hash: hashes of different versions say nothing about each other
MODULUS: Final = 1 << 64

_BITS_63: Final[i64] = 0x7FFF_FFFF_FFFF_FFFF
_BITS_62: Final = 0x3FFF_FFFF_FFFF_FFFF
_FACTOR: Final[i64] = 0x2545_F491_4F6C_DD1D  # odd: each step can be undone, so that nothing is lost in it

Part = str | int


class Hashed:
    """A thing whose state is part of the hash; ``digest`` is what the sum has of it (0: nothing yet)."""

    __slots__ = ("digest",)

    def __init__(self) -> None:
        self.digest = 0

    def parts(self) -> tuple[Part, ...]:
        """Return what names the thing, and all of its state."""
        raise NotImplementedError

    def fresh_digest(self) -> int:
        """Return the digest of the state as it is; what changes often has a quicker way to the same end."""
        return digest_of(*self.parts())


def digest_of(*parts: Part) -> int:
    """Return a 63-bit digest of ``parts``, which name a thing and its state."""
    return digest_of_text("\0".join([str(part) for part in parts]))


def digest_of_text(text: str) -> int:
    return xxh3_64_intdigest(text.encode()) >> 1


def mixed(digest: i64, number: int) -> i64:
    """Return a 63-bit digest of what ``digest`` stands for and ``number``, any integer, after it.

    A multiplication and a shift: much quicker than writing the number out. The same compiled, in 64 bits
    that wrap, and in Python's integers, which do not: only bits that both have are kept.
    """
    if not 0 <= number <= _BITS_62:
        digest = _mixed(_mixed(digest, _BITS_63), i64(number >> 62 & _BITS_62))
        number &= _BITS_62
    return _mixed(digest, i64(number))


def _mixed(digest: i64, number: i64) -> i64:
    product = (digest ^ number) * _FACTOR & _BITS_63
    return product ^ product >> 32


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
            digest = thing.fresh_digest()
            self.replace(thing.digest, digest)
            thing.digest = digest
        self._changed.clear()
        return self._sum
