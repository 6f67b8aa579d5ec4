"""Requests that an API key signed: what is signed, and whether it was.

Headers: ``OMS-Key`` (the key's id), ``OMS-Timestamp`` (milliseconds since 1970, or microseconds),
``OMS-Signature`` (base64), and where it is wanted ``OMS-Receive-Window`` (milliseconds). The signature is
over these lines, joined by line feeds::

    <timestamp as sent>
    <receive window in ms, 5000 where the header is missing>
    <method>
    <path, with ? and the query as sent where there is one>
    <SHA-256 of the body, in hexadecimal>
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal

from cryptography.exceptions import InvalidSignature
from litestar.exceptions import NotAuthorizedException

from api.authentication.identity import Identity
from api.authentication.local_key import public_key

KEY_HEADER = "oms-key"
TIMESTAMP_HEADER = "oms-timestamp"
SIGNATURE_HEADER = "oms-signature"
WINDOW_HEADER = "oms-receive-window"

WINDOW_MS = 5_000
WINDOW_MS_MAX = 60_000
AHEAD_MS_MAX = 1_000
"""By so much a signer's clock may be fast."""
BODY_BYTES_MAX = 1_048_576
_MICROSECONDS_DIGITS = 16

Scheme = Literal["hmac-sha256", "ed25519"]


@dataclass(frozen=True)
class KeyRecord:
    """An API key, ready to check signatures. ``material``: the secret, or the public key's 32 bytes.

    ``networks``: where it may be used from, anywhere if there are none; ``expires``: seconds since 1970, 0:
    it does not; ``refused``: why it opens nothing any more, empty if it does.
    """

    identity: Identity
    scheme: Scheme
    material: bytes
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    expires: float = 0.0
    refused: str = ""


@dataclass(frozen=True)
class SignedRequest:
    """What a signed request says. ``digest`` stands for all that is signed: a repeat has the same."""

    key_id: str
    timestamp_ms: float
    window_ms: int
    message: bytes
    signature: bytes
    address: str

    @property
    def digest(self) -> str:
        return hashlib.blake2b(self.message, digest_size=20).hexdigest()

    @property
    def good_until_ms(self) -> float:
        return self.timestamp_ms + self.window_ms


def read(headers: Mapping[str, str], method: str, target: str, body: bytes, address: str) -> SignedRequest:
    """Return what a request says. ``target``: path and query, as sent. Raises ``NotAuthorizedException``."""
    timestamp = _header(headers, TIMESTAMP_HEADER)
    window = headers.get(WINDOW_HEADER, str(WINDOW_MS))
    if (
        not window.isascii()
        or not window.isdigit()
        or len(window) > 5
        or not 0 < int(window) <= WINDOW_MS_MAX
    ):
        raise NotAuthorizedException(
            f"{WINDOW_HEADER} was {window!r}; it is a number of ms, at most {WINDOW_MS_MAX}"
        )
    return SignedRequest(
        key_id=_header(headers, KEY_HEADER),
        timestamp_ms=_milliseconds(timestamp),
        window_ms=int(window),
        message=message(timestamp, window, method, target, body),
        signature=_signature(_header(headers, SIGNATURE_HEADER)),
        address=address,
    )


def message(timestamp: str, window: str, method: str, target: str, body: bytes) -> bytes:
    """Return what is signed."""
    return "\n".join([timestamp, window, method, target, hashlib.sha256(body).hexdigest()]).encode()


def check_time(request: SignedRequest, now_ms: float) -> None:
    """Raise ``NotAuthorizedException`` for a request that is too old, or of the future."""
    behind = now_ms - request.timestamp_ms
    if behind > request.window_ms:
        raise NotAuthorizedException(
            f"the request was signed {behind:.0f} ms ago; its receive window is {request.window_ms} ms."
            " Sign anew, and set the clock by NTP"
        )
    if -behind > AHEAD_MS_MAX:
        raise NotAuthorizedException(
            f"the request was signed {-behind:.0f} ms ahead of this server's clock;"
            f" {AHEAD_MS_MAX} ms are the most"
        )


def check_signature(request: SignedRequest, key: KeyRecord) -> None:
    """Raise ``NotAuthorizedException`` unless the key signed the request."""
    if key.scheme == "hmac-sha256":
        expected = hmac.digest(key.material, request.message, "sha256")
        good = hmac.compare_digest(expected, request.signature)
    else:
        good = _verifies(key.material, request)
    if not good:
        raise NotAuthorizedException(
            f"the signature is not the one of key {request.key_id} over this request: see docs/identity.md"
        )


def check_use(request: SignedRequest, key: KeyRecord, now_s: float) -> None:
    """Raise ``NotAuthorizedException`` for a key that is over, or used from where it may not be."""
    if key.refused:
        raise NotAuthorizedException(f"the key {request.key_id} {key.refused}")
    if key.expires and now_s >= key.expires:
        raise NotAuthorizedException(f"the key {request.key_id} has expired: make a new one")
    if key.networks and not _within(request.address, key):
        raise NotAuthorizedException(f"the key {request.key_id} may not be used from {request.address}")


def _within(address: str, key: KeyRecord) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in key.networks)


def _verifies(public: bytes, request: SignedRequest) -> bool:
    try:
        public_key(public).verify(request.signature, request.message)
    except InvalidSignature:
        return False
    return True


def _header(headers: Mapping[str, str], name: str) -> str:
    found = headers.get(name, "")
    if not found or len(found) > 200:
        raise NotAuthorizedException(f"the header {name} is missing or too long: see docs/identity.md")
    return found


def _milliseconds(timestamp: str) -> float:
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > _MICROSECONDS_DIGITS:
        raise NotAuthorizedException(f"{TIMESTAMP_HEADER} was {timestamp!r}; it is ms or us since 1970")
    number = int(timestamp)
    return number / 1_000 if len(timestamp) == _MICROSECONDS_DIGITS else number


def _signature(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotAuthorizedException(f"{SIGNATURE_HEADER} was not base64") from None
