"""given events, when they are folded, then the documents are these."""

from collections.abc import Iterable

from projections.folding import Folding
from projections.projection import At, Document
from projections.registry import PROJECTIONS
from streams.codec import RecordedEvent
from tests.unit.projections.trading import SHARD

Documents = dict[str, dict[str, Document]]


def at(recorded: RecordedEvent) -> At:
    return At(SHARD, recorded.seq, recorded.occurred_at_us, recorded.actor)


def fold_into(folding: Folding, events: Iterable[RecordedEvent]) -> None:
    for recorded in events:
        if type(recorded.event) in folding.projection.event_types:
            folding.fold(recorded.event, at(recorded))


def folded(name: str, events: Iterable[RecordedEvent]) -> dict[str, Document]:
    """Return the documents of one projection."""
    folding = Folding(PROJECTIONS[name])
    fold_into(folding, events)
    return dict(folding.documents)


def all_folded(events: Iterable[RecordedEvent]) -> Documents:
    kept = list(events)
    return {name: folded(name, kept) for name in PROJECTIONS}
