"""Verifies an account's bundle, as ``./oms audit export`` writes it, with no access to the system.

    python verify.py BUNDLE --key KEY.pub

BUNDLE is the folder or the zip file. KEY.pub is the exchange's public key (PEM): get it from somebody else
than whoever gave you the bundle. Python 3.9 or newer is all it needs; where the package ``cryptography`` is
installed it is quicker. Exit code 0: all holds. docs/audit.md tells what that proves, and the bundle byte by
byte, so that this program can be written anew in any language.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import IO, Any, Iterator, NamedTuple  # noqa: UP035 - as Python 3.9 has them

FORMAT, VERSION = "crypto-oms account bundle", 1
MANIFEST_DOMAIN = b"crypto-oms bundle v1\n"
HEAD_DOMAIN = b"crypto-oms head v1\n"
HEADER = struct.Struct(">HQQQQQQ")  # shard, epoch, first seq, last seq, next offset, time, state hash
HEAD_PREFIX, HEAD_MIDDLE = b'{"head":', b',"signature":"'
KEY_PREFIX = bytes.fromhex("302a300506032b6570032100")  # before the 32 bytes of an Ed25519 key in a PEM file
PROBLEMS_MAX = 1_000
HASH_BYTES = 32


class Bundle:
    """The files of a bundle, in a folder or a zip file."""

    def __init__(self, path: Path) -> None:
        self.folder = path
        self.zip = None if path.is_dir() else zipfile.ZipFile(path)

    def open(self, name: str) -> IO[bytes]:
        return (self.folder / name).open("rb") if self.zip is None else self.zip.open(name)

    def read(self, name: str) -> bytes:
        with self.open(name) as file:
            return file.read()

    def lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        with self.open(name) as file:
            for number, line in enumerate(file, 1):
                yield number, line.rstrip(b"\n")


class Report:
    """What does not hold, in words, and what was counted."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.figures: dict[str, Any] = {}

    def wrong(self, what: str) -> None:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(what)


# --- The manifest, and the files it names ------------------------------------------------------------------


def check_manifest(bundle: Bundle, keys: dict[str, bytes], report: Report) -> dict[str, Any]:
    """Return the manifest, after its signature and the hashes in it were checked."""
    content, signed = bundle.read("manifest.json"), json.loads(bundle.read("manifest.sig"))
    key = keys.get(signed["key_id"])
    if key is None:
        report.wrong(
            f"manifest.sig: signed with the key {signed['key_id']}, which is none of the trusted ones"
        )
    elif not signature_holds(key, bytes.fromhex(signed["signature"]), MANIFEST_DOMAIN + content):
        report.wrong("manifest.json: its signature does not hold: it was changed or forged")
    manifest: dict[str, Any] = json.loads(content)
    if (manifest.get("format"), manifest.get("format_version")) != (FORMAT, VERSION):
        sys.exit(
            f"manifest.json is not of the format {FORMAT!r}, version {VERSION}, which this program reads"
        )
    for name, told in manifest["files"].items():
        check_file(bundle, name, told, report)
    return manifest


def check_file(bundle: Bundle, name: str, told: dict[str, Any], report: Report) -> None:
    digest, size = hashlib.sha256(), 0
    try:
        with bundle.open(name) as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
                size += len(block)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        report.wrong(f"{name} cannot be read: {error}")
        return
    if (digest.hexdigest(), size) != (told["sha256"], told["bytes"]):
        report.wrong(f"{name} was changed: its SHA-256 or size ({size} bytes) is not what the manifest says")


# --- The account's events ----------------------------------------------------------------------------------


class Own(NamedTuple):
    """An event of the account: ``line`` is as it is stored, byte by byte."""

    shard: int
    seq: int
    number: int
    line: bytes
    event: dict[str, Any]


class Events:
    """The account's events, read in step with the chain: both go by shard and seq."""

    def __init__(self, bundle: Bundle, manifest: dict[str, Any], report: Report) -> None:
        self.report = report
        self.account = manifest["account"]
        self.whole = {shard["shard"] for shard in manifest["shards"] if shard["first_seq"] == 1}
        self.count = 0
        self.versions: dict[str, int] = {}
        self.orders: dict[str, Own] = {}
        self._lines = self._read(bundle)
        self._next = next(self._lines, None)

    def hash_of(self, shard: int, seq: int) -> bytes | None:
        """Return the SHA-256 of the account's event there; ``None``: the bundle does not have it."""
        self._skip_until(shard, seq)
        own = self._next
        if own is None or (own.shard, own.seq) != (shard, seq):
            return None
        self._next = next(self._lines, None)
        self._take(own)
        return hashlib.sha256(own.line).digest()

    def finish(self, told: int) -> None:
        self._skip_until(sys.maxsize, 0)
        if self.count != told:
            self.report.wrong(f"events.jsonl: {self.count} events lie on the chain, the manifest says {told}")
        for order, own in self.orders.items():
            if own.shard in self.whole and order not in self.versions:
                self.report.wrong(
                    f"{_at(own)} moves money for the order {order}, of which there is no event: left out"
                )

    def _read(self, bundle: Bundle) -> Iterator[Own]:
        for number, line in bundle.lines("events.jsonl"):
            try:
                event = json.loads(line)
                shard, seq = map(int, event["event_id"].split("-"))
                yield Own(shard, seq, number, line, event)
            except (ValueError, KeyError, TypeError, AttributeError):
                self.report.wrong(f"events.jsonl, line {number}: it is no event any more")

    def _skip_until(self, shard: int, seq: int) -> None:
        while (own := self._next) is not None and (own.shard, own.seq) < (shard, seq):
            self.report.wrong(
                f"{_at(own)} has no place in chain.jsonl: inserted, swapped, or its commit removed"
            )
            self._next = next(self._lines, None)

    def _take(self, own: Own) -> None:
        self.count += 1
        fact, stream, version = own.event["event"], own.event["stream"], own.event["version"]
        if self.account not in (fact.get("account"), fact.get("to_account"), fact.get("from_account")):
            self.report.wrong(f"{_at(own)} is not of the account {self.account}")
        before = self.versions.get(stream, 0)
        begins_later = not before and own.shard not in self.whole
        if fact.get("account") == self.account and version != before + 1 and not begins_later:
            self.report.wrong(
                f"{_at(own)}: stream {stream} goes from version {before} to {version}: events were left out"
            )
        self.versions[stream] = version
        for posting in fact.get("postings", ()):
            if posting.get("order_id"):
                self.orders.setdefault(posting["order_id"], own)


def _at(own: Own) -> str:
    return f"events.jsonl, line {own.number} (shard {own.shard}, seq {own.seq})"


# --- The chain ---------------------------------------------------------------------------------------------


class Commit(NamedTuple):
    """A line of chain.jsonl. ``siblings``: the hashes of its events that are not the account's, in order."""

    number: int
    shard: int
    first_seq: int
    last_seq: int
    header: bytes
    own: frozenset[int]
    siblings: bytes
    hash: bytes
    state_hash: str

    def __str__(self) -> str:
        seqs = f"seq {self.first_seq} to {self.last_seq}"
        return f"shard {self.shard}, the commit of {seqs} (chain.jsonl, line {self.number})"


def read_commits(bundle: Bundle, report: Report) -> Iterator[Commit]:
    for number, line in bundle.lines("chain.jsonl"):
        try:
            yield read_commit(number, json.loads(line))
        except (ValueError, KeyError, TypeError, struct.error) as error:
            report.wrong(f"chain.jsonl, line {number}: it is no commit: {error!r}")


def read_commit(number: int, told: dict[str, Any]) -> Commit:
    shard, first, last, state_hash = told["shard"], told["first_seq"], told["last_seq"], told["state_hash"]
    place = told["next_offset"], told["occurred_at_us"]
    header = HEADER.pack(shard, told["epoch"], first, last, *place, int(state_hash, 16))
    own, siblings = frozenset(told["own"]), bytes.fromhex(told["siblings"])
    if len(siblings) != HASH_BYTES * (last - first + 1 - len(own)):
        raise ValueError(f"{len(siblings)} bytes of hashes for {last - first + 1 - len(own)} events")
    return Commit(number, shard, first, last, header, own, siblings, bytes.fromhex(told["hash"]), state_hash)


class Chain:
    """One shard's commits, followed from ``previous``, the hash before the first of them."""

    def __init__(self, told: dict[str, Any], events: Events, heads: dict[int, Head], report: Report) -> None:
        self.told = told
        self.events = events
        self.heads = heads
        self.report = report
        self.previous = bytes.fromhex(told["previous"])
        self.last_seq: int = told["first_seq"] - 1
        self.signed_up_to = 0

    def follow(self, commit: Commit) -> None:
        if commit.first_seq != self.last_seq + 1:
            self.report.wrong(
                f"{commit} should begin at seq {self.last_seq + 1}: a commit was removed, swapped or inserted"
            )
        computed, missing = self.computed(commit)
        if missing:
            self.report.wrong(f"{commit}: events.jsonl lacks the account's seq {_listed(missing)}")
        elif computed != commit.hash:
            self.report.wrong(
                f"{commit}: its hash does not follow from the one before, its header and its events"
                f" (the account's are seq {_listed(sorted(commit.own)) or 'none'}): one of these was changed"
            )
        self.previous, self.last_seq = commit.hash, commit.last_seq
        self.compare(self.heads.pop(commit.last_seq, None), commit)

    def computed(self, commit: Commit) -> tuple[bytes, list[int]]:
        """Return the commit's hash, and which of the account's events are missing for it."""
        digest, missing = hashlib.sha256(self.previous + commit.header), []
        siblings = iter(range(0, len(commit.siblings), HASH_BYTES))
        for seq in range(commit.first_seq, commit.last_seq + 1):
            if seq not in commit.own:
                start = next(siblings, 0)
                digest.update(commit.siblings[start : start + HASH_BYTES])
            elif (own := self.events.hash_of(commit.shard, seq)) is not None:
                digest.update(own)
            else:
                missing.append(seq)
        return digest.digest(), missing

    def compare(self, head: Head | None, commit: Commit) -> None:
        if head is None:
            return
        if (head.chain_hash, head.state_hash) != (commit.hash.hex(), commit.state_hash):
            self.report.wrong(f"{commit}: the head in {head} signs another hash: history was written anew")
        self.signed_up_to = commit.last_seq

    def finish(self) -> None:
        shard = self.told["shard"]
        if (self.previous.hex(), self.last_seq) != (self.told["chain_hash"], self.told["last_seq"]):
            self.report.wrong(
                f"shard {shard}: the chain ends at seq {self.last_seq} with {self.previous.hex()}, the"
                f" manifest says seq {self.told['last_seq']} with {self.told['chain_hash']}: its end was cut"
            )
        for head in self.heads.values():
            self.report.wrong(f"{head} speaks of seq {head.last_seq}, where no commit ends")
        if self.signed_up_to < self.last_seq:
            self.report.notes.append(
                f"shard {shard}: what came after seq {self.signed_up_to} is under no signed head yet; for it"
                " stands the manifest's signature alone"
            )


def _listed(seqs: list[int]) -> str:
    return ", ".join(map(str, seqs))


def check_chain(bundle: Bundle, manifest: dict[str, Any], keys: dict[str, bytes], report: Report) -> None:
    events = Events(bundle, manifest, report)
    heads = read_heads(bundle, keys, report)
    shards = {told["shard"]: told for told in manifest["shards"]}
    chains = {each: Chain(told, events, heads.pop(each, {}), report) for each, told in shards.items()}
    commits = linked = 0
    for commit in read_commits(bundle, report):
        if commit.shard not in chains:
            report.wrong(f"{commit}: the manifest has no such shard")
            continue
        chains[commit.shard].follow(commit)
        commits, linked = commits + 1, linked + commit.last_seq - commit.first_seq + 1
    for chain in chains.values():
        chain.finish()
    events.finish(manifest["events"])
    report.figures = {
        "account": manifest["account"],
        "events": events.count,
        "streams": len(events.versions),
        "commits": commits,
        "events_in_these_commits": linked,
        "signed_up_to_seq": {shard: chain.signed_up_to for shard, chain in chains.items()},
    }


# --- The signed heads --------------------------------------------------------------------------------------


class Head(NamedTuple):
    """A line of heads.jsonl: ``shard``'s history ended at ``last_seq`` with ``chain_hash``."""

    number: int
    last_seq: int
    chain_hash: str
    state_hash: str

    def __str__(self) -> str:
        return f"heads.jsonl, line {self.number}"


def read_heads(bundle: Bundle, keys: dict[str, bytes], report: Report) -> dict[int, dict[int, Head]]:
    """Return the heads whose signatures hold, by shard and seq."""
    heads: dict[int, dict[int, Head]] = {}
    for number, line in bundle.lines("heads.jsonl"):
        content, _, rest = line[len(HEAD_PREFIX) :].rpartition(HEAD_MIDDLE)
        try:
            told, signature = json.loads(content), bytes.fromhex(rest[: -len(b'"}')].decode())
            key = keys.get(told["key_id"])
            head = Head(number, told["last_seq"], told["chain_hash"], told["state_hash"])
            shard = told["shard"]
        except (ValueError, KeyError, TypeError):
            report.wrong(f"heads.jsonl, line {number}: it is no signed head")
            continue
        if key is None:
            report.wrong(f"{head} is signed with the key {told['key_id']}, which is none of the trusted ones")
        elif not signature_holds(key, signature, HEAD_DOMAIN + content):
            report.wrong(f"{head}: its signature does not hold: it was changed or forged")
        else:
            heads.setdefault(shard, {})[head.last_seq] = head
    return heads


# --- Ed25519 -----------------------------------------------------------------------------------------------


def read_key(path: Path) -> bytes:
    """Return the 32 bytes of a public key in a PEM file."""
    text = "".join(line for line in path.read_text().splitlines() if not line.startswith("-----"))
    content = base64.b64decode(text)
    if len(content) != len(KEY_PREFIX) + HASH_BYTES or not content.startswith(KEY_PREFIX):
        sys.exit(f"{path} holds no Ed25519 public key")
    return content[len(KEY_PREFIX) :]


def key_id(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:16]


def signature_holds(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - it works without, slowly
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above
    except ImportError:
        return plain_signature_holds(key, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


# RFC 8032, section 5.1: points of the curve -x² + y² = 1 + d·x²·y² modulo P, as (X, Y, Z, X·Y/Z).
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def plain_signature_holds(key: bytes, signature: bytes, message: bytes) -> bool:
    """The same by the book (RFC 8032, section 5.1.7), a few milliseconds each."""
    point, commitment = unpacked(key), unpacked(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if point is None or commitment is None or len(signature) != 64 or scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % ORDER
    left, right = times(scalar, BASE), plus(commitment, times(challenge, point))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P


def plus(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(factor: int, point: tuple[int, ...]) -> tuple[int, ...]:
    total: tuple[int, ...] = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = plus(total, point)
        point, factor = plus(point, point), factor >> 1
    return total


def unpacked(packed: bytes) -> tuple[int, ...] | None:
    """Return the point that 32 bytes stand for: y, and in the highest bit the parity of x."""
    y = int.from_bytes(packed, "little")
    odd, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and odd):
        return None
    x = P - x if x & 1 != odd else x
    return (x, y, 1, x * y % P)


_base = unpacked(bytes([0x58]) + bytes([0x66]) * 31)
BASE: tuple[int, ...] = _base if _base is not None else ()


# --- The command -------------------------------------------------------------------------------------------


def verify(path: Path, key_files: list[Path]) -> Report:
    """Return what was found. ``key_files``: PEM files of the trusted keys; without, the bundle's own are
    taken at their word, and a note says so.
    """
    report, bundle = Report(), Bundle(path)
    keys = {key_id(key): key for key in map(read_key, key_files)}
    if not keys:
        keys = keys_in(bundle)
        report.notes.append(
            f"no key was given (--key): that the bundle's own keys, {', '.join(sorted(keys))}, are the"
            " exchange's is for you to find out, from somebody else"
        )
    manifest = check_manifest(bundle, keys, report)
    check_chain(bundle, manifest, keys, report)
    return report


def keys_in(bundle: Bundle) -> dict[str, bytes]:
    told = json.loads(bundle.read("manifest.json"))["public_keys"]
    return {key_id(key): key for key in map(bytes.fromhex, told)}


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an account's bundle, with no access to the system.")
    parser.add_argument("bundle", type=Path, help="the bundle's folder or zip file")
    parser.add_argument("--key", type=Path, action="append", default=[], help="a trusted public key, as PEM")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    told = parser.parse_args()
    report = verify(told.bundle, told.key)
    holds = not report.problems
    if told.json:
        print(
            json.dumps({"holds": holds, **report.figures, "problems": report.problems, "notes": report.notes})
        )
        return 0 if holds else 1
    for name, value in report.figures.items():
        print(f"{name.replace('_', ' '):<24}{value}")
    for note in report.notes:
        print(f"note: {note}")
    for problem in report.problems:
        print(f"- {problem}")
    print("All of it holds." if holds else "IT DOES NOT HOLD.")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
