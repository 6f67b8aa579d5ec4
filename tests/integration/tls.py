"""TLS for servers that were built without: a door before them that speaks it, and certificates for a test."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ANSWER_S_MAX = 20
POSTGRES_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class Certificates(NamedTuple):
    """Files (PEM): an authority, and a certificate of its for 127.0.0.1 with the key."""

    ca: Path
    certificate: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = (generate_private_key(65537, 2048) for _ in range(2))
    authority = _certificate(f"the authority {folder.name}", ca_key, ca_key, None)
    server = _certificate("127.0.0.1", key, ca_key, authority)
    made = Certificates(folder / "ca.pem", folder / "tls.crt", folder / "tls.key")
    made.ca.write_bytes(authority.public_bytes(Encoding.PEM))
    made.certificate.write_bytes(server.public_bytes(Encoding.PEM))
    made.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def _certificate(
    name: str, key: RSAPrivateKey, signer: RSAPrivateKey, issuer: x509.Certificate | None
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signer, hashes.SHA256())


@contextmanager
def tls_before(port: int, certificates: Certificates, *, postgres: bool = False) -> Iterator[int]:
    """Yield a port of this machine that speaks TLS and hands on to ``port``. ``postgres``: as PostgreSQL does
    it, which is asked for TLS first.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = door.accept()
                    Thread(target=hand_on, args=(client,), daemon=True).start()

        def hand_on(client: socket.socket) -> None:
            with suppress(OSError), client:
                client.settimeout(ANSWER_S_MAX)
                if postgres and client.recv(8) == POSTGRES_SSL_REQUEST:
                    client.sendall(b"S")
                inner = context.wrap_socket(client, server_side=True)
                with inner, socket.create_connection(("127.0.0.1", port)) as server:
                    Thread(target=_copy, args=(server, inner), daemon=True).start()
                    _copy(inner, server)

        Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1]


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
