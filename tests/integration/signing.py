"""Signs requests as a user's program does, by docs/identity.md alone."""

import base64
import hashlib
import hmac
import time
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PATIENT = "60000"
"""The widest window: a loaded machine is not what is tested."""


class Signer:
    """``secret``: of an HMAC key, or the PEM of an Ed25519 one."""

    def __init__(self, key_id: str, secret: str) -> None:
        self.key_id = key_id
        self._secret = secret

    def headers(
        self, method: str, target: str, body: bytes = b"", *, ago_ms: float = 0, window: str = PATIENT
    ) -> dict[str, str]:
        """Return the headers of one request, signed ``ago_ms`` ago; ``window``: empty for no header."""
        timestamp = str(int(time.time() * 1_000_000 - ago_ms * 1_000))
        lines = [timestamp, window or "5000", method, target, hashlib.sha256(body).hexdigest()]
        headers = {
            "OMS-Key": self.key_id,
            "OMS-Timestamp": timestamp,
            "OMS-Signature": base64.b64encode(self._sign("\n".join(lines).encode())).decode(),
        }
        return headers | ({"OMS-Receive-Window": window} if window else {})

    def get(self, address: str, target: str, **options: Any) -> httpx.Response:
        return httpx.get(address + target, headers=self.headers("GET", target, **options), timeout=60.0)

    def _sign(self, message: bytes) -> bytes:
        if not self._secret.startswith("-----BEGIN"):
            return hmac.digest(self._secret.encode(), message, "sha256")
        private = load_pem_private_key(self._secret.encode(), None)
        assert isinstance(private, Ed25519PrivateKey)
        return private.sign(message)
