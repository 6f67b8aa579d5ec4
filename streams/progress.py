"""Read-your-writes: a token says up to which seq of which topic partition a write went.

A token reads ``a1.0:1243,e3.0:1240``: on ``accounts`` partition 1, shard 0, up to seq 1243; on ``executions``
partition 3, shard 0, up to seq 1240.
"""

from collections.abc import Mapping
from typing import NamedTuple

from streams.topics import ACCOUNTS, EXECUTIONS

_LETTER = {EXECUTIONS: "e", ACCOUNTS: "a"}
_TOPIC = {letter: topic for topic, letter in _LETTER.items()}
PARTS_MAX = 256


class Place(NamedTuple):
    """One shard's events on one topic partition."""

    topic: str
    partition: int
    shard: int


def write_token(places: Mapping[Place, int]) -> str:
    """Return the token for the last seq at each place."""
    return ",".join(
        f"{_LETTER[place.topic]}{place.partition}.{place.shard}:{seq}"
        for place, seq in sorted(places.items())
    )


def read_token(token: str) -> dict[Place, int]:
    """Return the seqs a token names. Raises ``ValueError`` if it is none of ours."""
    parts = token.split(",") if token else []
    if len(parts) > PARTS_MAX:
        message = f"token has {len(parts)} parts; at most {PARTS_MAX} are ever written"
        raise ValueError(message)
    seqs: dict[Place, int] = {}
    for place, seq in map(_read_part, parts):
        seqs[place] = max(seq, seqs.get(place, 0))
    return seqs


def _read_part(part: str) -> tuple[Place, int]:
    place, _, seq = part.partition(":")
    partition, _, shard = place[1:].partition(".")
    if place[:1] not in _TOPIC or not all(
        number.isascii() and number.isdigit() for number in (seq, partition, shard)
    ):
        message = f"{part!r} is no part of a token such as a1.0:1243,e3.0:1240"
        raise ValueError(message)
    return Place(_TOPIC[place[0]], int(partition), int(shard)), int(seq)
