"""Secrets at rest: sealed with a key from outside the database, bound to what they belong to."""

import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12
KEY_BYTES = 32
TAG_HEX_DIGITS = 12


class SealBrokenError(RuntimeError):
    """A sealed secret is not what was sealed, or was sealed with another key."""


class Seal:
    """AES-256-GCM. ``key``: 32 bytes in hexadecimal (the setting ``identity_key``)."""

    def __init__(self, key: str) -> None:
        try:
            raw = bytes.fromhex(key)
        except ValueError:
            raw = b""
        if len(raw) != KEY_BYTES:
            raise ValueError(
                f"identity_key is {KEY_BYTES} bytes in hexadecimal; make one with: openssl rand -hex 32"
            )
        self._cipher = AESGCM(_derived(raw, b"crypto-oms sealing v1"))
        self._tags = _derived(raw, b"crypto-oms tags v1")

    def close(self, secret: bytes, belongs_to: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, belongs_to.encode())

    def open(self, sealed: bytes, belongs_to: str) -> bytes:
        """Raises ``SealBrokenError``."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], belongs_to.encode())
        except (InvalidTag, ValueError):
            raise SealBrokenError(
                f"{belongs_to} was sealed with another identity_key, or changed since"
            ) from None

    def tag(self, text: str) -> str:
        """Return what only the owner of the key can append to ``text``."""
        return hmac.digest(self._tags, text.encode(), "sha256").hex()[:TAG_HEX_DIGITS]

    def has_tag(self, text: str, tag: str) -> bool:
        return hmac.compare_digest(self.tag(text), tag)

    def token(self, text: str) -> str:
        """Return a full-length code for ``text``, as a form carries it against forgery."""
        return hmac.new(self._tags, text.encode(), hashlib.sha256).hexdigest()


def _derived(raw: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(raw)
