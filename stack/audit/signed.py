"""The signed heads of one shard: first on their own, then along the chain."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from commands.heads import Head, HeadError, HeadFiles, Keys, link
from stack.audit.findings import Findings
from stack.audit.stored import CommitRow, ShardEnd


class HeadCheck:
    """Read twice, so that memory stays bounded: alone (signatures, links), then beside the commits.

    Of the first ``lines`` lines: those that were there before the store's end was read, so that no head is
    younger than what is verified.
    """

    def __init__(self, files: HeadFiles, keys: Keys, shard: int, findings: Findings, lines: int) -> None:
        self.files = files
        self.keys = keys
        self.shard = shard
        self.findings = findings
        self.lines = lines
        self.count = 0
        self.furthest = 0
        self.restored: list[tuple[int, Head]] = []
        self._read_alone()
        self._waiting = self._valid()
        self._next = next(self._waiting, None)

    def along(self, commit: CommitRow) -> None:
        """Compare the heads that speak of ``commit`` or of what was before it."""
        while self._next is not None and self._next.last_seq <= commit.last_seq:
            self._compare(self._next, commit)
            self._next = next(self._waiting, None)

    def finish(self, end: ShardEnd) -> None:
        """Look at the heads that know more than the store has."""
        beyond, furthest = 0, None
        while self._next is not None:
            beyond, furthest = beyond + 1, self._next
            self._next = next(self._waiting, None)
        if furthest is not None:
            self._wrong(
                f"the end was cut off: the head signed {moment(furthest)} knows seq {furthest.last_seq} with"
                f" the hash {furthest.chain_hash}, the store ends at seq {end.last_seq}"
                f" ({beyond} heads speak of what is gone)"
            )
        if not self.count and end.last_seq:
            self._wrong(f"no head is in {self.files.folder}: whether the end was cut off cannot be told")

    def _read_alone(self) -> None:
        previous = b""
        for number, line in self._numbered():
            head = self._trusted(number, line)
            if head is not None and head.previous != link(previous):
                self._wrong(
                    f"{self._name(number)} does not follow the line before: a line was removed or changed"
                )
            previous = line
            if head is not None:
                self._count(number, head)

    def _count(self, number: int, head: Head) -> None:
        self.count = number
        self.furthest = head.last_seq
        if head.kind == "restored":
            self.restored.append((number, head))
            self.findings.notes.append(
                f"shard {self.shard}: a backup was put in place {moment(head)}; history goes on from seq"
                f" {head.last_seq}, and what had been stored after it is lost"
            )

    def _trusted(self, number: int, line: bytes) -> Head | None:
        try:
            head = self.keys.read_line(line)
        except HeadError as error:
            self._wrong(f"{self._name(number)}: {error}")
            return None
        if head.shard != self.shard:
            self._wrong(f"{self._name(number)} is a head of shard {head.shard}")
            return None
        return head

    def _numbered(self) -> Iterator[tuple[int, bytes]]:
        return islice(enumerate(self.files.lines(self.shard), 1), self.lines)

    def _valid(self) -> Iterator[Head]:
        """Yield the heads that hold, by seq: those of a history that a restored backup ended are left out."""
        for number, line in self._numbered():
            try:
                head = self.keys.read_line(line)
            except HeadError:
                continue
            if head.shard == self.shard and head.last_seq and not self._lost(number, head):
                yield head

    def _lost(self, number: int, head: Head) -> bool:
        return any(later > number and head.last_seq > end.last_seq for later, end in self.restored)

    def _compare(self, head: Head, commit: CommitRow) -> None:
        if head.last_seq != commit.last_seq:
            self._wrong(
                f"the head signed {moment(head)} says that a commit ends at seq {head.last_seq}; none does:"
                " history was written anew"
            )
        elif head.chain_hash != commit.chain_hash.hex():
            self._wrong(
                f"the head signed {moment(head)} has the hash {head.chain_hash} at seq {head.last_seq}, the"
                f" store has {commit.chain_hash.hex()}: what is stored up to there was changed"
            )
        elif (head.state_hash, head.state_hash_version) != (
            commit.state_hash.hex(),
            commit.state_hash_version,
        ):
            self._wrong(
                f"the head signed {moment(head)} has another state hash at seq {head.last_seq} than the"
                " commit"
            )

    def _name(self, number: int) -> str:
        return f"line {number} of {self.files.path(self.shard).name}"

    def _wrong(self, what: str) -> None:
        self.findings.wrong("chain_ok", f"shard {self.shard}: {what}")


def moment(head: Head) -> str:
    return datetime.fromtimestamp(head.signed_at_us / 1e6, UTC).isoformat(timespec="seconds")
