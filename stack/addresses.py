"""Addresses of the stores, made from the settings: where they are, as whom, and how they prove their names.

On this machine they listen on 127.0.0.1, without TLS. Elsewhere each has its own host, user and password, and
an authority (`..._ca`): a file (PEM), or `system` for those that the machine trusts. With one, nothing is
sent that is not encrypted, and a server that cannot prove its name is refused.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from streams.kafka_address import SYSTEM, KafkaAddress

Known = Mapping[str, Any]


def postgres(known: Known) -> str:
    """Say it in libpq's words: `verify-full` checks the chain and the name."""
    options = {"sslmode": "verify-full", "sslrootcert": known["postgres_ca"]} if known["postgres_ca"] else {}
    place = f"{_place(known, 'postgres')}/{quote(known['postgres_database'], safe='')}"
    return f"postgresql://{_access(known, 'postgres')}{place}{_query(options)}"


def kafka(known: Known) -> str:
    """See `streams/kafka_address.py`; MSK and its like offer users only over TLS."""
    brokers = known["kafka_brokers"] or f"{known['kafka_host']}:{known['kafka_port']}"
    return KafkaAddress(brokers, known["kafka_user"], known["kafka_password"], known["kafka_ca"]).text()


def redis(known: Known) -> str:
    ca = known["redis_ca"]
    options = {"ssl_ca_certs": ca} if ca not in {"", SYSTEM} else {}
    scheme = "rediss" if ca else "redis"
    return f"{scheme}://{_access(known, 'redis')}{_place(known, 'redis')}/0{_query(options)}"


def mongo(known: Known) -> str:
    """DocumentDB knows no retryable writes, and says so at the first one; we repeat ours ourselves."""
    ca = known["mongo_ca"]
    options = {"tls": "true", "retryWrites": "false"} if ca else {}
    if ca not in {"", SYSTEM}:
        options["tlsCAFile"] = ca
    return f"mongodb://{_access(known, 'mongo')}{_place(known, 'mongo')}/{_query(options)}"


def _place(known: Known, store: str) -> str:
    return f"{known[f'{store}_host']}:{known[f'{store}_port']}"


def _access(known: Known, store: str) -> str:
    user, password = known[f"{store}_user"], known[f"{store}_password"]
    return f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""


def _query(options: Mapping[str, str]) -> str:
    return f"?{urlencode(options, quote_via=quote)}" if options else ""
