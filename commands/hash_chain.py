"""The hash chain: each commit's hash covers the one before it, its header, and its events' hashes.

``hash = SHA-256(previous || header || SHA-256(event 1) || SHA-256(event 2) ...)``. As only the events' hashes
go in, one account's events can be proven with their siblings' hashes alone. The header is fixed-width,
big-endian: shard, epoch, first seq, last seq, next offset, time, state hash.
"""

from collections.abc import Iterable
from hashlib import sha256
from struct import Struct
from typing import NamedTuple

_header = Struct(">HQQQQQQ").pack


class CommitHeader(NamedTuple):
    """What a commit says of itself. ``next_offset``: of the shard's ``orders`` partition, after it."""

    shard: int
    epoch: int
    first_seq: int
    last_seq: int
    next_offset: int
    occurred_at_us: int
    state_hash: int


def chain(previous: bytes, header: CommitHeader, states: Iterable[bytes]) -> bytes:
    """Return the hash of the commit that follows ``previous`` (empty for the first)."""
    digest = sha256(previous)
    digest.update(_header(*header))
    for state in states:
        digest.update(sha256(state).digest())
    return digest.digest()
