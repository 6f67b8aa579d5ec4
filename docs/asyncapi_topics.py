"""The topics' part of docs/asyncapi.yaml: what the records of each look like, with an example of each."""

import json
from typing import Any

import msgspec

from commands.messages import CommandBatch, CommandMessage
from domain.market import MarkPriceSet
from domain.order import CancelOrder
from streams import codec, prices
from streams.codec import RecordedEvent, Slice
from streams.prices import PriceTick
from streams.topics import ACCOUNTS, DEAD_LETTERS, EXECUTIONS, ORDERS, PRICES

STREAM = "0000cb25-98c6-8dc4-83bc-10ea9616066b"
COMMAND = CancelOrder(command_id="c1", actor="alice-bot", order_id=STREAM, account="alice")
EVENT = RecordedEvent(
    1243, "0-1243", STREAM, 7, 1_700_000_000_000_000, "feed", "c2", MarkPriceSet("BTC-USD", 6_000_000), "w-1"
)
TICK = PriceTick(
    "trade", "BTC-USD", "binance", "6f1c", 1, 1_700_000_000_000_000, 1_700_000_000_050_000, "60000", "0.5"
)
TYPES: dict[str, Any] = {
    "CommandBatch": CommandBatch,
    "CommandMessage": CommandMessage,
    "Slice": Slice,
    "PriceTicks": list[PriceTick],
}
EXAMPLES: dict[str, bytes] = {
    "CommandBatch": codec.encode(CommandBatch((COMMAND,), "replies:6f1c")),
    "CommandMessage": codec.encode(CommandMessage(COMMAND, "replies:6f1c")),
    "Slice": codec.encode(Slice(0, 1242, 1243, 1243, (EVENT,))),
    "PriceTicks": prices.encode([TICK]),
}
LETTER_HEADERS = {
    "type": "object",
    "required": ["reason"],
    "properties": {
        "reason": {"type": "string", "description": "Why it could not be processed."},
        **{
            name: {"type": "string", "description": "Where it was found."}
            for name in ("topic", "partition", "offset", "shard", "seq", "projection")
        },
    },
}
TOPICS: dict[str, tuple[str, tuple[str, ...]]] = {
    ORDERS: (
        "Commands, partitioned by shard, decided in order. CommandMessage is what earlier releases sent.",
        ("CommandBatch", "CommandMessage"),
    ),
    EXECUTIONS: (
        "Events of orders, lists, markets and the venue, by symbol, in slices: `previous` shows gaps.",
        ("Slice",),
    ),
    ACCOUNTS: (
        "Events of accounts, transfers and what arrives of them, partitioned by account; slices as above.",
        ("Slice",),
    ),
    PRICES: ("What other venues pay, and what follows from it, partitioned by symbol.", ("PriceTicks",)),
    DEAD_LETTERS: (
        "What could not be processed, byte for byte as it came, with the reason in the headers.",
        ("DeadLetter",),
    ),
}


def schema_components() -> dict[str, Any]:
    kinds, own = msgspec.json.schema_components(TYPES.values(), ref_template="#/components/schemas/{name}")
    named = dict(zip(TYPES, kinds, strict=True))
    return {**own, **{name: schema for name, schema in named.items() if name not in own}}


def messages() -> dict[str, Any]:
    """Return each kind of record: its payload, and an example that the code itself wrote."""
    told: dict[str, Any] = {
        name: {
            "contentType": "application/json",
            "payload": {"$ref": f"#/components/schemas/{name}"},
            "examples": [{"name": "one", "payload": json.loads(EXAMPLES[name])}],
        }
        for name in TYPES
    }
    told["DeadLetter"] = {
        "contentType": "application/octet-stream",
        "headers": LETTER_HEADERS,
        "payload": {"type": "string", "contentEncoding": "base64"},
        "examples": [
            {
                "name": "one",
                "headers": {"reason": "not a batch of commands", "topic": ORDERS, "partition": "0"},
                "payload": "bm8gSlNPTg==",
            }
        ],
    }
    return told


def channels() -> dict[str, Any]:
    return {
        f"topic-{topic}": {
            "address": topic,
            "description": about,
            "servers": [{"$ref": "#/servers/kafka"}],
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        }
        for topic, (about, names) in TOPICS.items()
    }


def operations() -> dict[str, Any]:
    """Return what the system does with each topic: it writes to all of them."""
    return {
        f"write-{topic}": {
            "action": "send",
            "channel": {"$ref": f"#/channels/topic-{topic}"},
            "messages": [{"$ref": f"#/channels/topic-{topic}/messages/{name}"} for name in names],
        }
        for topic, (_, names) in TOPICS.items()
    }
