"""Folding events into the documents at hand: the same code live, on a rebuild, and in the proofs."""

from collections import OrderedDict
from collections.abc import Iterable

from domain.event import Event
from projections.projection import At, Document, Projection


class Folding:
    """The documents of one projection that are at hand, and those of them that changed.

    At most ``documents_max`` stay at hand between writes, least recently used ones go first; ``None``: all.
    """

    def __init__(self, projection: Projection, documents_max: int | None = None) -> None:
        self.projection = projection
        self.documents_max = documents_max
        self.documents: OrderedDict[str, Document] = OrderedDict()
        self.changed: dict[str, Document] = {}

    def missing(self, events: Iterable[tuple[Event, At]]) -> list[str]:
        """Return the ids of the documents that ``events`` change and that are neither at hand nor begun by
        them: those to be loaded.
        """
        begins, known, missing = self.projection.begins, set(self.documents), dict[str, None]()
        for event, at in events:
            for document_id, part in self.projection.split(event, at):
                if document_id not in known:
                    known.add(document_id)
                    if not begins(part):
                        missing[document_id] = None
        return list(missing)

    def put(self, documents: Iterable[Document]) -> None:
        for document in documents:
            self.documents[document["_id"]] = document

    def fold(self, event: Event, at: At) -> None:
        """Take ``event`` into the documents it touches. One that has seen it already stays as it is."""
        for document_id, part in self.projection.split(event, at):
            before = self.documents.get(document_id)
            if before is not None and at.seq <= before["seq"]:
                continue
            after = self.projection.fold(before, part, at)
            after["_id"], after["seq"], after["shard"] = document_id, at.seq, at.shard
            self.documents[document_id] = self.changed[document_id] = after
            if before is not None:
                self.documents.move_to_end(document_id)

    def take_changed(self) -> list[Document]:
        """Return what changed since the last call. Once it is written, ``forget`` frees the memory."""
        changed = list(self.changed.values())
        self.changed = {}
        return changed

    def forget(self, written: Iterable[Document]) -> None:
        """Let go of what will not change any more, and of what has not been used for longest."""
        for document in written:
            if self.projection.ended(document):
                self.documents.pop(document["_id"], None)
        while self.documents_max is not None and len(self.documents) > self.documents_max:
            self.documents.popitem(last=False)
