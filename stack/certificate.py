"""A certificate of this machine's own, so that the APIs speak TLS here as they do elsewhere.

It signs itself: whoever calls the APIs is given the file, and trusts it alone. Elsewhere use one that an
authority has signed (docs/operations.md).
"""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stack.ports import HOST
from stack.settings import Settings, write_private

FOLDER = "tls"
VALID_DAYS = 90
NAMES = ("localhost",)


class Pair(NamedTuple):
    """Files (PEM)."""

    certificate: Path
    key: Path


def pair_of(folder: Path) -> Pair:
    """Return where a stack's own pair is, or would be."""
    return Pair(folder / FOLDER / "api.crt", folder / FOLDER / "api.key")


def make(folder: Path, now: datetime | None = None) -> Pair:
    """Make a new pair for 127.0.0.1 and localhost; the key is its owner's alone."""
    pair = pair_of(folder)
    pair.certificate.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    signed = _certificate(key, now or datetime.now(UTC))
    write_private(
        pair.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    )
    write_private(pair.certificate, signed.public_bytes(Encoding.PEM).decode("ascii"))
    return pair


def _certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Crypto OMS on this machine")])
    names: list[x509.GeneralName] = [x509.IPAddress(ip_address(HOST)), *map(x509.DNSName, NAMES)]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def trusting(settings: Settings) -> ssl.SSLContext | None:
    """Return what trusts the APIs' own certificate, to ask them on this machine; ``None``: they speak none.

    Their certificate may name another host than this machine, which is all the same to a question for health.
    """
    if settings.api_certificate is None:
        return None
    context = ssl.create_default_context(cafile=str(settings.api_certificate))
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
