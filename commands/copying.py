"""Events as rows of PostgreSQL's binary COPY format: a head, each field after its length, a tail."""

from collections.abc import Sequence
from functools import cache
from struct import Struct
from typing import Protocol
from uuid import UUID

COLUMNS = "shard, notification_id, originator_id, originator_version, topic, state"

_HEAD = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # signature, flags, no extension
_TAIL = b"\xff\xff"
_row_head = Struct(">hihiqi16siq").pack
_length = Struct(">i").pack
_FIELDS = 6


class Row(Protocol):
    """An event as it is stored; ``eventsourcing.persistence.StoredEvent`` is one."""

    @property
    def originator_id(self) -> UUID | str: ...
    @property
    def originator_version(self) -> int: ...
    @property
    def topic(self) -> str: ...
    @property
    def state(self) -> bytes: ...


def copy_data(shard: int, first_seq: int, events: Sequence[Row]) -> bytes:
    """Return ``events`` as what COPY reads, numbered from ``first_seq``."""
    parts = [_HEAD]
    for seq, event in enumerate(events, first_seq):
        stream, state = _uuid_bytes(event.originator_id), event.state
        parts += (
            _row_head(_FIELDS, 2, shard, 8, seq, 16, stream, 8, event.originator_version),
            _text(event.topic),
            _length(len(state)),
            state,
        )
    parts.append(_TAIL)
    return b"".join(parts)


def _uuid_bytes(stream: UUID | str) -> bytes:
    return stream.bytes if isinstance(stream, UUID) else bytes.fromhex(stream.replace("-", ""))


@cache
def _text(topic: str) -> bytes:
    """There are as many topics as types of events."""
    encoded = topic.encode()
    return _length(len(encoded)) + encoded
