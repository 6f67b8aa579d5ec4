"""An account's bundle: its events, and what a third party needs to prove that they are the history's.

Of everybody else's events it holds hashes alone. Each commit in the range is there, so that the chain can be
followed from the account's first event to a signed head. docs/audit.md describes every file.
"""

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import psycopg
from psycopg.errors import UndefinedTable

from commands.hash_chain import chain
from commands.heads import Head, HeadError, HeadFiles, Keys, Signer, pem
from stack.audit import export_range
from stack.audit.export_files import Lines, Table, described
from stack.audit.export_range import Range
from stack.audit.part import AuditError
from stack.audit.parts import CONNECT_S, Progress
from stack.audit.stored import CommitRow, ShardEnd, ends, read_commits, read_states
from stack.load.report import version
from stack.settings import CHECKOUT, Settings
from streams.codec import RecordedEvent, decode_recorded

FORMAT, FORMAT_VERSION = "crypto-oms account bundle", 1
DOMAIN = b"crypto-oms bundle v1\n"
VERIFIER = CHECKOUT / "docs" / "verify_bundle.py"
SAY_EVERY_EVENTS = 20_000
OWNERS = ("account", "to_account", "from_account")


@dataclass(frozen=True)
class Wanted:
    """``begin``, ``end``: seqs or times as they were typed; ``public_keys``: PEM files of retired keys."""

    account: str
    output: Path
    begin: str | None = None
    end: str | None = None
    exported_by: str = ""
    public_keys: tuple[Path, ...] = ()


class SignedLine(NamedTuple):
    head: Head
    line: bytes


@dataclass
class _Shard:
    """What is known of a shard once it is written."""

    shard: int
    span: Range
    chain_hash: bytes
    commits: int = 0
    events: int = 0
    own: int = 0
    signed_up_to: int = 0

    def as_object(self) -> dict[str, Any]:
        return {
            "shard": self.shard,
            "first_seq": self.span.first_seq,
            "last_seq": self.span.chain_until,
            "account_until_seq": self.span.last_seq,
            "previous": self.span.previous.hex(),
            "chain_hash": self.chain_hash.hex(),
            "commits": self.commits,
            "events": self.events,
            "account_events": self.own,
            "signed_up_to_seq": self.signed_up_to,
        }


@dataclass
class _Writing:
    """The open files, and what was written so far."""

    events: Lines
    chain: Lines
    heads: Lines
    table: Table
    types: dict[str, int] = field(default_factory=dict)
    streams: set[str] = field(default_factory=set)


class Export:
    """One account's bundle of the store that ``settings`` describe."""

    def __init__(self, settings: Settings, wanted: Wanted, said: Progress) -> None:
        self.settings = settings
        self.wanted = wanted
        self.said = said
        self.signer = Signer(settings.head_signing_key)
        self.files = HeadFiles(settings.heads)
        self.needle = msgspec.json.encode(wanted.account)

    def run(self) -> dict[str, Any]:
        """Write the bundle. Return its manifest. Raises ``AuditError``; nothing is then left behind."""
        output = self.wanted.output
        if output.exists():
            raise AuditError(f"{output} is there already. Choose another name, or remove it first.")
        if not output.parent.is_dir():
            raise AuditError(f"there is no folder {output.parent} to write {output.name} into")
        with tempfile.TemporaryDirectory(prefix=".bundle-", dir=output.parent) as draft:
            folder = Path(draft) / output.stem
            folder.mkdir()
            manifest = self._write(folder)
            if output.suffix == ".zip":
                _zip(folder, output)
            else:
                shutil.move(folder, output)
        return manifest

    def _write(self, folder: Path) -> dict[str, Any]:
        with ExitStack() as files:
            writing = _Writing(
                events=files.enter_context(Lines(folder / "events.jsonl")),
                chain=files.enter_context(Lines(folder / "chain.jsonl")),
                heads=files.enter_context(Lines(folder / "heads.jsonl")),
                table=files.enter_context(Table(folder / "events.parquet")),
            )
            try:
                shards = self._shards(writing)
            except psycopg.OperationalError as error:
                raise AuditError(f"The event store does not answer: {error}. Next: ./oms up") from None
            except UndefinedTable as error:
                raise AuditError(f"There is no event store here yet: {error}. Next: ./oms up") from None
        if not writing.events.count:
            raise AuditError(f"the account {self.wanted.account!r} has no events in this range")
        shutil.copy(VERIFIER, folder / "verify.py")
        (folder / f"{self.signer.key_id}.pub").write_text(pem(self.signer.public_key))
        return self._sign(folder, self._manifest(folder, writing, shards))

    def _shards(self, writing: _Writing) -> list[_Shard]:
        bounds = export_range.read_bounds(self.wanted.begin, self.wanted.end)
        with psycopg.connect(
            self.settings.postgres_dsn,
            autocommit=True,
            connect_timeout=CONNECT_S,
            application_name="oms-audit",
        ) as store:
            written = []
            for end in ends(store):
                heads = self._heads(end)
                span = export_range.find(store, end.shard, bounds, sorted(heads), end.last_commit)
                if span is not None:
                    written.append(self._shard(store, end, span, heads, writing))
        return written

    # --- One shard ----------------------------------------------------------------------------------------

    def _heads(self, end: ShardEnd) -> dict[int, SignedLine]:
        """Return the heads that hold, by seq, without those of a history that a restored backup ended."""
        keys = Keys.read(self.signer.public_key, self.wanted.public_keys)
        found: dict[int, SignedLine] = {}
        for line in self.files.lines(end.shard):
            with suppress(HeadError):
                head = keys.read_line(line)
                if head.kind == "restored":
                    found = {seq: each for seq, each in found.items() if seq <= head.last_seq}
                if head.shard == end.shard and 0 < head.last_seq <= end.last_commit:
                    found[head.last_seq] = SignedLine(head, line)
        return found

    def _shard(
        self,
        store: psycopg.Connection,
        end: ShardEnd,
        span: Range,
        heads: dict[int, SignedLine],
        writing: _Writing,
    ) -> _Shard:
        written = _Shard(end.shard, span, span.previous)
        after = span.first_seq - 1
        waiting = read_states(store, end.shard, span.chain_until, after)
        for commit in read_commits(store, end.shard, span.chain_until, after):
            self._commit(commit, list(_of_commit(waiting, commit)), written, writing)
            signed = heads.get(commit.last_seq)
            if signed is not None:
                _check_head(signed.head, commit, end.shard)
                writing.heads.write(signed.line)
                written.signed_up_to = commit.last_seq
        return written

    def _commit(self, commit: CommitRow, states: list[bytes], written: _Shard, writing: _Writing) -> None:
        """Write a commit, and the account's events in it. What does not verify is not given to anybody."""
        header = commit.header(written.shard)
        if chain(written.chain_hash, header, states) != commit.chain_hash:
            raise AuditError(
                f"shard {written.shard}: the commit of seq {commit.first_seq} to {commit.last_seq} does not"
                " verify, so nothing is exported. Next: ./oms audit verify"
            )
        own, siblings = [], []
        for seq, state in enumerate(states, commit.first_seq):
            recorded = self._own(state) if seq <= written.span.last_seq else None
            if recorded is None:
                siblings.append(sha256(state).digest())
                continue
            own.append(seq)
            _write_event(writing, written.shard, recorded, state)
        line = {
            **header._asdict(),
            "state_hash": f"{header.state_hash:016x}",
            "hash": commit.chain_hash.hex(),
            "own": own,
            "siblings": b"".join(siblings).hex(),
        }
        writing.chain.write(msgspec.json.encode(line))
        written.chain_hash = commit.chain_hash
        written.commits, written.events = written.commits + 1, written.events + len(states)
        written.own += len(own)
        if written.commits == 1 or written.events % SAY_EVERY_EVENTS < len(states):
            done, total = commit.last_seq - written.span.first_seq, written.span.chain_until
            self.said(f"Shard {written.shard}", done, total - written.span.first_seq)

    def _own(self, state: bytes) -> RecordedEvent | None:
        """Return the event if it is the account's; of others not even JSON is read."""
        if self.needle not in state:
            return None
        recorded = decode_recorded(state)
        owners = (getattr(recorded.event, name, None) for name in OWNERS)
        return recorded if self.wanted.account in owners else None

    # --- The manifest -------------------------------------------------------------------------------------

    def _manifest(self, folder: Path, writing: _Writing, shards: list[_Shard]) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "account": self.wanted.account,
            "from": self.wanted.begin,
            "to": self.wanted.end,
            "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "exported_by": self.wanted.exported_by,
            "software": f"crypto-oms {version()}",
            "events": writing.events.count,
            "streams": len(writing.streams),
            "types": dict(sorted(writing.types.items())),
            "commits": writing.chain.count,
            "heads": writing.heads.count,
            "shards": [shard.as_object() for shard in shards],
            "key_id": self.signer.key_id,
            "public_keys": [self.signer.public_key.public_bytes_raw().hex()],
            "files": {path.name: described(path) for path in sorted(folder.iterdir())},
        }

    def _sign(self, folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
        content = json.dumps(manifest, indent=2).encode() + b"\n"
        signed = {"key_id": self.signer.key_id, "signature": self.signer.sign(DOMAIN + content).hex()}
        (folder / "manifest.json").write_bytes(content)
        (folder / "manifest.sig").write_text(json.dumps(signed) + "\n")
        return manifest


def _of_commit(waiting: Iterator[tuple[int, bytes]], commit: CommitRow) -> Iterator[bytes]:
    """Yield the next events, as many as the commit has: any other number or order breaks its hash."""
    for _ in range(commit.first_seq, commit.last_seq + 1):
        _, state = next(waiting, (0, b""))
        yield state


def _write_event(writing: _Writing, shard: int, recorded: RecordedEvent, state: bytes) -> None:
    writing.events.write(state)
    writing.table.write(shard, recorded, state)
    kind = str(type(recorded.event).__struct_config__.tag)
    writing.types[kind] = writing.types.get(kind, 0) + 1
    writing.streams.add(recorded.stream)


def _check_head(head: Head, commit: CommitRow, shard: int) -> None:
    if head.chain_hash != commit.chain_hash.hex():
        raise AuditError(
            f"shard {shard}: the store contradicts the head signed at seq {head.last_seq}, so nothing is"
            " exported. Next: ./oms audit verify"
        )


def _zip(folder: Path, output: Path) -> None:
    draft = folder.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    draft.replace(output)
