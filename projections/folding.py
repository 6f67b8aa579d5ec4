"""Folding events into the documents at hand: the same code live, on a rebuild, and in the proofs."""

from collections import OrderedDict
from collections.abc import Container, Iterable

from domain.event import Event
from projections.projection import At, Document, Projection, always


class Folding:
    """The documents of one projection that are at hand, and those of them that changed.

    At most ``documents_max`` stay at hand between writes, least recently used ones go first; ``None``: all.
    ``begun``: the ids of those changed since ``take_changed`` that were not at hand before. Most are new; one
    that is there already was written before a restart, or states all there is and was let go of meanwhile.
    """

    def __init__(self, projection: Projection, documents_max: int | None = None) -> None:
        self.projection = projection
        self.documents_max = documents_max
        self.documents: OrderedDict[str, Document] = OrderedDict()
        self.changed: dict[str, Document] = {}
        self.begun: set[str] = set()

    def missing(self, events: Iterable[tuple[Event, At]]) -> list[str]:
        """Return the ids of the documents that ``events`` change and that are neither at hand nor begun by
        them: those to be loaded.
        """
        begins, met, missing = self.projection.begins, set[str](), list[str]()
        if begins is always:
            return missing
        for event, at in events:
            for document_id, part in self.projection.split(event, at):
                if document_id not in met and document_id not in self.documents:
                    met.add(document_id)
                    if not begins(part):
                        missing.append(document_id)
        return missing

    def put(self, documents: Iterable[Document]) -> None:
        for document in documents:
            self.documents[document["_id"]] = document

    def fold(self, event: Event, at: At, only: Container[str] | None = None) -> None:
        """Take ``event`` into the documents it touches, or into those of them that are in ``only``. One that
        has seen it already stays as it is.
        """
        for document_id, part in self.projection.split(event, at):
            if only is not None and document_id not in only:
                continue
            before = self.documents.get(document_id)
            if before is not None and at.seq <= before["seq"]:
                continue
            after = self.projection.fold(before, part, at)
            after["_id"], after["seq"], after["shard"] = document_id, at.seq, at.shard
            self.documents[document_id] = self.changed[document_id] = after
            if before is None:
                self.begun.add(document_id)
            else:
                self.documents.move_to_end(document_id)

    def take_changed(self) -> list[Document]:
        """Return what changed since the last call. Once it is written, ``forget`` frees the memory."""
        changed = list(self.changed.values())
        self.changed, self.begun = {}, set()
        return changed

    def forget(self, written: Iterable[Document]) -> None:
        """Let go of what will not change any more, and of what has not been used for longest."""
        for document in written:
            if self.projection.ended(document):
                self.documents.pop(document["_id"], None)
        while self.documents_max is not None and len(self.documents) > self.documents_max:
            self.documents.popitem(last=False)

    def drop(self, document_ids: Iterable[str]) -> None:
        """Forget these as they are at hand: what is written is right, they may not be."""
        for document_id in document_ids:
            self.documents.pop(document_id, None)
            self.changed.pop(document_id, None)
