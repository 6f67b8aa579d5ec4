"""Ed25519 keys that sign tokens; the local operator's own is made from the token secret."""

import base64
import hashlib
import json
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ALGORITHM = "EdDSA"
SECRET_BYTES_MIN = 32
KEY_BYTES = 32
_PURPOSE = b"crypto-oms local token key v1"


class SigningKey:
    """``kid``: the thumbprint of its public half (RFC 7638), so that equal keys have equal names."""

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._private.public_key()
        self.public_bytes = self.public.public_bytes_raw()
        self.kid = thumbprint(self.public_bytes)

    def sign(self, claims: dict[str, Any], kind: str) -> str:
        """Return a token. ``kind``: ``at+jwt`` for an access token (RFC 9068), ``JWT`` for an id token."""
        return jwt.encode(claims, self._private, ALGORITHM, headers={"kid": self.kid, "typ": kind})


@lru_cache(maxsize=16)
def local_key(secret: str) -> SigningKey:
    """Return the key that a token secret stands for. Raises ``ValueError`` for one of less than 32 bytes."""
    size = len(secret.encode())
    if size < SECRET_BYTES_MIN:
        raise ValueError(f"the token secret has {size} bytes; {SECRET_BYTES_MIN} is the least")
    derived = HKDF(algorithm=hashes.SHA256(), length=KEY_BYTES, salt=None, info=_PURPOSE)
    return SigningKey(derived.derive(secret.encode()))


def public_key(raw: bytes) -> Ed25519PublicKey:
    """Return the key of its 32 bytes. Raises ``ValueError`` for any other number of bytes."""
    return Ed25519PublicKey.from_public_bytes(raw)


def public_jwk(raw: bytes) -> dict[str, str]:
    """Return the public half as others read it (RFC 8037), with its use."""
    return {**_members(raw), "kid": thumbprint(raw), "use": "sig", "alg": ALGORITHM}


def thumbprint(raw: bytes) -> str:
    told = json.dumps(_members(raw), separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(told.encode()).digest())


def _members(raw: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64url(raw)}


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
