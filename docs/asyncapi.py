"""Writes docs/asyncapi.yaml, the contract of the WebSocket and the topics: `python docs/asyncapi.py`."""

import sys
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec
import yaml

from api.command import frames
from api.command.bounds import WebSocketBounds
from api.command.connection import CLOSE_CODES
from docs import asyncapi_topics
from docs.asyncapi_examples import EXAMPLES

PAGE = Path(__file__).with_name("asyncapi.yaml")
ITEMS = get_args(frames.Item)
ANSWERS = (frames.Replies, frames.Notice)

SERVERS = {
    "command-api": {"host": "127.0.0.1:8001", "protocol": "ws", "description": "The command API."},
    "kafka": {
        "host": "127.0.0.1:9092",
        "protocol": "kafka",
        "description": "The log of commands and events.",
    },
}
ABOUT = """\
Orders over one connection, many in a frame. A frame is one item or an array of items; each says in `op` what
it asks for, and its `id`, of your choosing, comes back with its reply. Replies come as they are decided,
gathered into frames, not in the order of the items. What is wrong with one item is told in its reply and
spoils no other.

Say who you are by a header `Authorization: Bearer <token>` at the handshake, or by an item with op `auth` as
the first one, and again before the token expires.

With `cancel_on_disconnect` the orders placed from then on are cancelled when the connection is lost, for
whatever reason; if the API process itself dies, another one does it within some ten seconds.
"""


def document() -> dict[str, Any]:
    """Return the document: what the code takes and gives, and within which bounds."""
    _, schemas = msgspec.json.schema_components(
        [*ITEMS, *ANSWERS], ref_template="#/components/schemas/{name}"
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Crypto OMS order entry and topics",
            "version": "1.0.0",
            "description": ABOUT + _bounds(),
        },
        "servers": SERVERS,
        "channels": {
            "orders": {
                "address": "/v1/ws",
                "servers": [{"$ref": "#/servers/command-api"}],
                "bindings": {"ws": {"query": _query()}},
                "messages": {name: _reference("messages", name) for name in _names()},
            },
            **asyncapi_topics.channels(),
        },
        "operations": {
            "ask": _operation("receive", ITEMS),
            "tell": _operation("send", ANSWERS),
            **asyncapi_topics.operations(),
        },
        "components": {
            "messages": {**{name: _message(name) for name in _names()}, **asyncapi_topics.messages()},
            "schemas": {**asyncapi_topics.schema_components(), **schemas},
        },
    }


def _message(name: str) -> dict[str, Any]:
    """Return one kind of item, or of answer, with an example."""
    payload = msgspec.json.decode(msgspec.json.encode(EXAMPLES[name]))
    return {"payload": _reference("schemas", name), "examples": [{"name": "one", "payload": payload}]}


def _names() -> list[str]:
    return [kind.__name__ for kind in (*ITEMS, *ANSWERS)]


def _operation(action: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    """``action``: of the server, as AsyncAPI has it."""
    return {
        "action": action,
        "channel": {"$ref": "#/channels/orders"},
        "messages": [{"$ref": f"#/channels/orders/messages/{kind.__name__}"} for kind in kinds],
    }


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _query() -> dict[str, Any]:
    return {"type": "object", "properties": {"cancel_on_disconnect": {"type": "boolean", "default": False}}}


def _bounds() -> str:
    bounds = WebSocketBounds()
    codes = ", ".join(f"{code} {reason}" for reason, code in CLOSE_CODES.items())
    return f"""
A frame has at most {bounds.items_max} items and {bounds.frame_bytes_max} bytes. A connection has at most \
{bounds.in_flight_max} commands without
an outcome (`too_many_in_flight`). While the exchange is overloaded new orders are refused (`overloaded`) with
`retry_after_ms`; cancels are still taken. Who sends nothing for {bounds.idle_ms_max // 1000} s is sent \
`{{"event": "ping"}}`, and closed as
long after unless it sends anything. {bounds.bad_frames_max} frames in a row that cannot be read, a frame of \
more than {bounds.flood_bytes_max}
bytes, and {bounds.send_bytes_max} bytes of replies that are not read end the connection.

Codes with which it is closed: {codes}, 1013 too many connections.
"""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they stand, and nothing by reference."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def dumped(document: dict[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def as_text() -> str:
    return dumped(document())


if __name__ == "__main__":
    PAGE.write_text(as_text())
