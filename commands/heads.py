"""Signed heads of the hash chain, kept outside the database.

The chain shows every change inside the history; only somebody outside who knows how far it went sees that its
end was cut off, or that all of it was written anew. So a head says: at this time, this shard's history ended
at this seq with this hash; it is signed (Ed25519), and names the head before it by hash.

A line of a shard's file is ``{"head": {...}, "signature": hex}``; what is signed is ``DOMAIN`` and the head's
JSON as it stands there.
"""

import os
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Literal, Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

DOMAIN = b"crypto-oms head v1\n"
KEY_BYTES = 32
LINE_BYTES_MAX = 4_096

Kind = Literal["head", "restored"]


class HeadError(Exception):
    """A line is no head, or its signature does not hold; the text says which."""


class Head(msgspec.Struct, frozen=True):
    """Where ``shard``'s history ended at ``signed_at_us`` (microseconds since 1970, UTC).

    ``kind`` "restored": the operator put a backup in place; what earlier heads say of later seqs is lost, and
    this is on record. Hashes are hexadecimal. ``previous``: SHA-256 of the line before; "" in the first.
    """

    kind: Kind
    shard: int
    last_seq: int
    chain_hash: str
    state_hash: str
    state_hash_version: int
    signed_at_us: int
    previous: str
    key_id: str


class SignedHead(msgspec.Struct, frozen=True):
    head: Head
    signature: str


_line_decoder = msgspec.json.Decoder(SignedHead)


class Signer:
    """Signs heads with the key that ``secret`` is: 32 bytes in hexadecimal."""

    def __init__(self, secret: str) -> None:
        seed = bytes.fromhex(secret)
        if len(seed) != KEY_BYTES:
            raise ValueError(
                f"the key that signs heads has {len(seed)} bytes; an Ed25519 key has {KEY_BYTES}"
            )
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key()
        self.key_id = key_id(self.public_key)

    def line(self, head: Head) -> bytes:
        """Return the line for ``head``, which names this key."""
        return msgspec.json.encode(SignedHead(head, self.sign(_signed_bytes(head)).hex()))

    def sign(self, content: bytes) -> bytes:
        """Return the signature; ``content`` begins with what it is, so that it passes for nothing else."""
        return self._key.sign(content)


class Keys:
    """The public keys whose signatures count, by their ids."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    @classmethod
    def read(cls, own: Ed25519PublicKey, files: Iterable[Path]) -> Self:
        """Return the keys of PEM files beside ``own``. Raises ``HeadError`` for what is no such file."""
        return cls([own, *map(_read_key, files)])

    def read_line(self, line: bytes) -> Head:
        """Return the head of a line. Raises ``HeadError`` unless one of the keys has signed it."""
        try:
            signed = _line_decoder.decode(line)
            signature = bytes.fromhex(signed.signature)
        except (msgspec.DecodeError, ValueError) as error:
            raise HeadError(f"it is no signed head: {error}") from None
        head = signed.head
        key = self._keys.get(head.key_id)
        if key is None:
            raise HeadError(f"it is signed with the key {head.key_id}, which is none of the trusted ones")
        try:
            key.verify(signature, _signed_bytes(head))
        except InvalidSignature:
            raise HeadError("its signature does not hold: it was changed or forged") from None
        return head


class HeadFiles:
    """The heads in a folder: ``shard-0.jsonl`` and so on, only ever appended to, and the public key beside.

    Elsewhere another class with ``append``, ``last`` and ``lines`` keeps them (on AWS: S3 Object Lock).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, shard: int) -> Path:
        return self.folder / f"shard-{shard}.jsonl"

    def publish_key(self, signer: Signer) -> None:
        """Put the public key beside the heads, for auditors: they compare it with the one they were given."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{signer.key_id}.pub").write_text(pem(signer.public_key))

    def append(self, shard: int, line: bytes) -> None:
        """Add a line; it is on the disk when this returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.path(shard).open("ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.folder)

    def last(self, shard: int) -> bytes:
        """Return the last whole line, empty if there is none; what a crash left half written is removed."""
        if not self.path(shard).exists():
            return b""
        with self.path(shard).open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 2 * LINE_BYTES_MAX))
            whole, ended, torn = file.read().rpartition(b"\n")
            if torn:
                file.truncate(size - len(torn))
            return whole.rpartition(b"\n")[2] if ended else b""

    def lines(self, shard: int) -> Iterator[bytes]:
        """Yield the lines, oldest first."""
        if self.path(shard).exists():
            with self.path(shard).open("rb") as file:
                for line in file:
                    yield line.rstrip(b"\n")

    def shards(self) -> list[int]:
        """Return the shards of which there are heads."""
        names = (path.stem.removeprefix("shard-") for path in self.folder.glob("shard-*.jsonl"))
        return sorted(int(name) for name in names if name.isdigit())


def link(line: bytes) -> str:
    """Return what the next head calls ``line``; "" for none."""
    return sha256(line).hexdigest() if line else ""


def key_id(key: Ed25519PublicKey) -> str:
    """Return the first 16 hexadecimal digits of the key's SHA-256."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def pem(key: Ed25519PublicKey) -> str:
    """Return the key as PEM: SubjectPublicKeyInfo, which for Ed25519 is a fixed beginning and the key."""
    info = bytes.fromhex("302a300506032b6570032100") + key.public_bytes_raw()
    return f"-----BEGIN PUBLIC KEY-----\n{b64encode(info).decode()}\n-----END PUBLIC KEY-----\n"


def _read_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise HeadError(f"{path} holds no public key: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise HeadError(f"{path} holds another kind of key; heads are signed with Ed25519")
    return key


def _signed_bytes(head: Head) -> bytes:
    return DOMAIN + msgspec.json.encode(head)


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
