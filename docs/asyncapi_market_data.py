"""Writes docs/asyncapi-market-data.yaml, the streams' contract, from the code: run this file."""

import sys
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec

from api.market_data import messages, private_messages
from api.market_data.bounds import StreamBounds
from api.market_data.connection import CLOSES
from docs.asyncapi import dumped

PAGE = Path(__file__).with_name("asyncapi-market-data.yaml")
LIMITS = StreamBounds()

ABOUT = """\
What happens on the markets (`/v1/stream`, for everybody) and to an account (`/v1/user-stream`, with a token).
docs/market-data.md tells it for people: how books are kept, how to go on after a gap, the checksum.

A frame from the client is one message, which says in `op` what it asks for. A frame from the server is one
message or an array of messages; `type` says what each is.
"""


def document() -> dict[str, Any]:
    """Return the document: what the code takes and gives, and within which bounds."""
    public = (get_args(messages.PublicAsk), get_args(messages.PublicTold))
    private = (get_args(private_messages.PrivateAsk), get_args(private_messages.PrivateTold))
    names = {kind: _name(kind) for kind in _unique(*public, *private)}
    _, schemas = msgspec.json.schema_components(list(names), ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Crypto OMS market data", "version": "1.0.0", "description": ABOUT + _bounds()},
        "channels": {
            "stream": _channel("/v1/stream", *public),
            "userStream": _channel("/v1/user-stream", *private),
        },
        "operations": {
            "askMarkets": _operation("receive", "stream", public[0]),
            "tellMarkets": _operation("send", "stream", public[1]),
            "askAccount": _operation("receive", "userStream", private[0]),
            "tellAccount": _operation("send", "userStream", private[1]),
        },
        "components": {
            "messages": {name: {"payload": _reference("schemas", name)} for name in names.values()},
            "schemas": schemas,
        },
    }


def _unique(*kinds: tuple[type, ...]) -> list[type]:
    return list(dict.fromkeys(kind for some in kinds for kind in some))


def _name(kind: type) -> str:
    return kind.__name__


def _channel(address: str, asks: tuple[type, ...], tells: tuple[type, ...]) -> dict[str, Any]:
    names = [_name(kind) for kind in _unique(asks, tells)]
    return {"address": address, "messages": {name: _reference("messages", name) for name in names}}


def _operation(action: str, channel: str, kinds: tuple[type, ...]) -> dict[str, Any]:
    """``action``: of the server, as AsyncAPI has it."""
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{_name(kind)}"} for kind in kinds],
    }


def _reference(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def _bounds() -> str:
    closes = "\n".join(f"* {code} `{reason}`: {sentence}" for reason, (code, sentence) in CLOSES.items())
    return f"""
A connection has at most {LIMITS.subscriptions_max} subscriptions (`too_many_subscriptions`) or \
{LIMITS.accounts_max} accounts, and sends at most
{LIMITS.frames_per_s_max} frames a second of {LIMITS.frame_bytes_max} bytes each; \
{LIMITS.connections_per_address_max} connections come from one address.
Who is sent nothing for {LIMITS.heartbeat_ms // 1000} s is sent a heartbeat.

Codes with which it is closed (the reason names the code's word and says what to do):

{closes}
* 1013: try again later: too many connections, or the service has not caught up with the events yet.
"""


def as_text() -> str:
    return dumped(document())


if __name__ == "__main__":
    PAGE.write_text(as_text())
