"""The chain of one shard, recomputed from its first commit on."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from struct import error as StructError  # noqa: N812 - the module's name for it says nothing here
from typing import NamedTuple

import msgspec

from commands.hash_chain import chain
from stack.audit.findings import Findings
from stack.audit.stored import CommitRow, EventRow, ShardEnd
from streams.codec import decode_recorded, encode

STREAMS_NAMED_MAX = 50
SEQS_NAMED_MAX = 20

Stored = tuple[CommitRow, list[EventRow]]


class _Typed(msgspec.Struct, gc=False):
    type: str


class _Said(msgspec.Struct, gc=False):
    """What a stored event says of its own place. The rest is only skipped: whether it is an event at all, the
    replay finds out.
    """

    seq: int
    stream: str
    version: int
    event: _Typed
    event_id: str


_said = msgspec.json.Decoder(_Said).decode


class _Doubt(NamedTuple):
    """A commit whose hash does not follow; what comes next tells whether its hash itself was changed."""

    commit: CommitRow
    events: list[EventRow]
    computed: bytes


class ChainCheck:
    """Goes along the commits and their events, and tells ``findings`` what does not fit.

    Where the chain breaks it goes on from the stored hash: one change is one difference, not all after it.
    """

    def __init__(self, end: ShardEnd, findings: Findings) -> None:
        self.end = end
        self.findings = findings
        self._previous = b""
        self._last_seq = 0
        self._epoch = 0
        self._doubt: _Doubt | None = None

    def follow(self, commits: Iterable[CommitRow], rows: Iterable[EventRow]) -> Iterator[Stored]:
        """Yield each commit with its events after they were checked."""
        waiting = iter(rows)
        row = next(waiting, None)
        for commit in commits:
            events: list[EventRow] = []
            while row is not None and row.seq <= commit.last_seq:
                if row.seq >= commit.first_seq:
                    events.append(row)
                else:
                    self._stray(row)
                row = next(waiting, None)
            self._check(commit, events)
            yield commit, events
        while row is not None:
            self._stray(row)
            row = next(waiting, None)
        self._finish()

    # --- One commit ---------------------------------------------------------------------------------------

    def _check(self, commit: CommitRow, events: list[EventRow]) -> None:
        expected = self._last_seq + 1
        if commit.first_seq != expected:
            self._wrong(
                f"the commit that ends at seq {commit.last_seq} begins at seq {commit.first_seq}, should"
                f" begin at {expected}: a commit was removed, inserted or changed"
            )
        if commit.epoch < self._epoch:
            self._wrong(f"{_span(commit)} was made in epoch {commit.epoch}, after one of epoch {self._epoch}")
        self._last_seq, self._epoch = commit.last_seq, commit.epoch
        for event in events:
            self._check_event(event)
        if missing := _missing(commit, events):
            self._settle(commit.chain_hash)
            self._wrong(
                f"of {_span(commit)}, missing: {'; '.join(islice(missing, SEQS_NAMED_MAX))};"
                f" its events are of the streams {_streams(events)}"
            )
        else:
            self._link(commit, events)
        self._previous = commit.chain_hash

    def _check_event(self, row: EventRow) -> None:
        """What stands beside the event in its row is not in the chain: it must say what the event says."""
        try:
            said = _said(row.state)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._wrong(f"{_place(row)}: what is stored is no event any more: it was changed")
            return
        if said.seq != row.seq:
            self._wrong(
                f"{_place(row)}: the event stored here says that it is seq {said.seq}, stream {said.stream}:"
                " it was swapped or moved"
            )
            return
        ours = (said.stream, said.version, said.event.type, said.event_id)
        theirs = (row.stream, row.version, row.topic, f"{self.end.shard}-{row.seq}")
        if ours != theirs:
            self._not_its_own(row, ours, theirs)

    def _not_its_own(self, row: EventRow, ours: tuple[object, ...], theirs: tuple[object, ...]) -> None:
        for field, said, stored in zip(("stream", "version", "type", "id"), ours, theirs, strict=True):
            if said != stored:
                self._wrong(f"{_place(row)}: the event's {field} is {said}, it is stored under {stored}")

    def _link(self, commit: CommitRow, events: list[EventRow]) -> None:
        computed = self._computed(self._previous, commit, events)
        if computed == commit.chain_hash:
            self._settle(None)
        elif self._doubt and self._computed(self._doubt.computed, commit, events) == commit.chain_hash:
            self._settle(self._doubt.computed)
        else:
            self._settle(None)
            self._doubt = _Doubt(commit, events, computed)

    def _computed(self, previous: bytes, commit: CommitRow, events: list[EventRow]) -> bytes:
        """Return the hash as it should be; empty where the row holds numbers that no header has."""
        try:
            return chain(previous, commit.header(self.end.shard), [event.state for event in events])
        except StructError:
            return b""

    def _settle(self, follows_from: bytes | None) -> None:
        """Say what was wrong with the commit in doubt: its successor tells, by the hash it follows from."""
        doubt, self._doubt = self._doubt, None
        if doubt is None:
            return
        if follows_from == doubt.computed:
            self._wrong(
                f"{_span(doubt.commit)}: its hash in table commits was changed: the chain goes on from"
                f" {doubt.computed.hex()}, the row says {doubt.commit.chain_hash.hex()}"
            )
            return
        self._wrong(
            f"{_span(doubt.commit)}: its hash does not follow from the one before, its header and its events:"
            f" an event of the streams {_streams(doubt.events)} or the commit's row was changed"
            f"{_written_otherwise(doubt.events)}"
        )

    # --- The whole ----------------------------------------------------------------------------------------

    def _finish(self) -> None:
        end = self.end
        self._settle(end.chain_hash)
        if end.last_commit != end.last_seq:
            self._wrong(
                f"the shard's row says that it ends at seq {end.last_seq}, its commits end at"
                f" {end.last_commit}"
            )
        elif self._previous != end.chain_hash:
            self._wrong(
                f"the shard's row has the hash {end.chain_hash.hex()}, its last commit {self._previous.hex()}"
            )
        for seq in end.strays:
            self._wrong(f"seq {seq} is stored beyond the end of the history at seq {end.last_seq}: inserted")

    def _stray(self, row: EventRow) -> None:
        self._wrong(f"{_place(row)}: it belongs to no commit: it was inserted, or its commit removed")

    def _wrong(self, what: str) -> None:
        self.findings.wrong("chain_ok", f"shard {self.end.shard}: {what}")


def _place(row: EventRow) -> str:
    return f"seq {row.seq}, stream {row.stream}"


def _written_otherwise(events: list[EventRow]) -> str:
    """Name the events that are not written as we write them, byte by byte: one hash for all of a commit does
    not tell which event was changed, this may.
    """
    seqs = [str(row.seq) for row in events if not _as_we_write(row.state)]
    if not seqs:
        return ""
    return f"; not as the processor writes them: seq {', '.join(seqs[:SEQS_NAMED_MAX])}"


def _as_we_write(state: bytes) -> bool:
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        return encode(decode_recorded(state)) == state
    return False


def _span(commit: CommitRow) -> str:
    if commit.first_seq == commit.last_seq:
        return f"the commit of seq {commit.first_seq}"
    return f"the commit of seq {commit.first_seq} to {commit.last_seq}"


def _missing(commit: CommitRow, events: list[EventRow]) -> list[str]:
    """Return in words which seqs of the commit are not there, runs of them together."""
    gaps, expected = [], commit.first_seq
    for seq in [*(event.seq for event in events), commit.last_seq + 1]:
        if seq > expected:
            gaps.append(f"seq {expected}" if seq == expected + 1 else f"seq {expected} to {seq - 1}")
        expected = seq + 1
    return gaps


def _streams(events: list[EventRow]) -> str:
    streams = list(dict.fromkeys(event.stream for event in events))
    more = len(streams) - STREAMS_NAMED_MAX
    named = ", ".join(streams[:STREAMS_NAMED_MAX]) or "(none is left)"
    return f"{named} and {more} more" if more > 0 else named
