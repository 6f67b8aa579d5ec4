"""How a Faust app is told where Kafka is: its client is aiokafka, with options of its own."""

import ssl
from typing import Any

import faust

from streams.kafka_address import MECHANISM, SYSTEM, KafkaAddress


def broker_options(address: str) -> dict[str, Any]:
    """Return the options of a Faust app that say where to connect and as whom (streams/kafka_address.py)."""
    parsed = KafkaAddress.parse(address)
    options: dict[str, Any] = {"broker": [f"kafka://{broker}" for broker in parsed.brokers.split(",")]}
    if parsed.user:
        options["broker_credentials"] = faust.SASLCredentials(
            username=parsed.user,
            password=parsed.password,
            mechanism=MECHANISM,
            ssl_context=ssl.create_default_context(cafile=None if parsed.ca == SYSTEM else parsed.ca),
        )
    return options
