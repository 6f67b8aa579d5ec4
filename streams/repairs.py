"""Building single documents anew from the store, where a projection had not been able to take an event in.

It is asked for by a record on the partition that feeds the documents: so the one worker that owns them does
it, between two slices, and nothing else writes them meanwhile.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from domain.event import Event
from projections.folding import Folding
from projections.projection import At, Document, Projection
from streams.codec import UNREADABLE, RecordedEvent, encode

DOCUMENTS_MAX = 1_000


class RebuildDocuments(msgspec.Struct, frozen=True, gc=False, tag="RebuildDocuments.v1", tag_field="type"):
    """``key``: the account or symbol that every event of these documents names; empty: any may be theirs."""

    projection: str
    shard: int
    documents: tuple[str, ...]
    key: str


class Failed(NamedTuple):
    """An event that cannot be taken in still."""

    event: Event
    at: At
    error: Exception


_decoder = msgspec.json.Decoder(RebuildDocuments)


def decode_rebuild(value: bytes) -> RebuildDocuments | None:
    try:
        return _decoder.decode(value)
    except UNREADABLE:
        return None


def named_in(asked: RebuildDocuments) -> bytes:
    """Return what every stored event of these documents has in it: the others need not be decoded."""
    return encode(asked.key)[1:-1]


def build_anew(
    projection: Projection, asked: RebuildDocuments, history: Iterable[RecordedEvent]
) -> tuple[list[Document], list[Failed]]:
    """Return the documents as the fold of ``history``, the shard's events from its beginning, and the events
    that still cannot be folded; what these touch is left out.
    """
    folding, wanted = Folding(projection), set(asked.documents)
    failed: list[Failed] = []
    for recorded in history:
        if type(recorded.event) not in projection.event_types:
            continue
        at = At(asked.shard, recorded.seq, recorded.occurred_at_us, recorded.actor)
        try:
            folding.fold(recorded.event, at, only=wanted)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other documents are built all the same
            failed.append(Failed(recorded.event, at, error))
            wanted -= _touched(projection, recorded.event, at, wanted)
    return [folding.documents[each] for each in sorted(wanted) if each in folding.documents], failed


def _touched(projection: Projection, event: Event, at: At, wanted: set[str]) -> set[str]:
    try:
        return {document_id for document_id, _ in projection.split(event, at)}
    except Exception:  # noqa: BLE001 - it does not even say what it touches: any of them
        return set(wanted)
