"""Where Kafka is and how one is let in, as one text: what settings hand on and what each client is made from.

``host:port,host:port`` on a machine of one's own. With users and TLS, as on AWS:
``SASL_SSL://user:password@host:port,host:port?ca=system``; password and path are percent-encoded. ``ca`` is
the file (PEM) of the authorities that the brokers' certificates are checked against, or ``system`` for the
machine's own. The user is proved by SCRAM-SHA-512; a broker whose name is not in its certificate is refused.
"""

from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, quote, unquote

SCHEME = "SASL_SSL://"
MECHANISM = "SCRAM-SHA-512"
SYSTEM = "system"


@dataclass(frozen=True)
class KafkaAddress:
    """Brokers as ``host:port,host:port``. Without ``user`` neither a password nor TLS is used."""

    brokers: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca: str = SYSTEM

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ``ValueError`` that names what is missing, and never shows the password."""
        if "://" not in text:
            return cls(text)
        if not text.startswith(SCHEME):
            raise ValueError(f"a Kafka address begins with {SCHEME} or with host:port")
        access, _, rest = text.removeprefix(SCHEME).rpartition("@")
        user, _, password = access.partition(":")
        brokers, _, query = rest.partition("?")
        if not (user and password and brokers):
            raise ValueError(f"a Kafka address is {SCHEME}user:password@host:port, the last may repeat")
        (ca,) = parse_qs(query).get("ca", [SYSTEM])
        return cls(brokers, unquote(user), unquote(password), ca)

    def text(self) -> str:
        if not self.user:
            return self.brokers
        user, password, ca = (quote(part, safe="") for part in (self.user, self.password, self.ca))
        return f"{SCHEME}{user}:{password}@{self.brokers}?ca={ca}"


def client_options(address: str) -> dict[str, Any]:
    """Return the options of confluent-kafka's clients that say where to connect and as whom."""
    parsed = KafkaAddress.parse(address)
    if not parsed.user:
        return {"bootstrap.servers": parsed.brokers}
    return {
        "bootstrap.servers": parsed.brokers,
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": MECHANISM,
        "sasl.username": parsed.user,
        "sasl.password": parsed.password,
        # its own OpenSSL does not know where this system keeps its authorities: it has to look
        "ssl.ca.location": "probe" if parsed.ca == SYSTEM else parsed.ca,
        "ssl.endpoint.identification.algorithm": "https",
    }
