"""An example of every item and answer of the WebSocket, as docs/asyncapi.yaml shows them."""

from typing import Any

from api.command import examples, frames


def _item(op: str, body: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"op": op, "id": 1, **(body or {}), **more}


_ORDER = {"account": "alice", "order_id": examples.order("my-order-1")}
EXAMPLES: dict[str, Any] = {
    "PlaceItem": _item("place", examples.of("placeOrder").body, answer="ack"),
    "PlaceTestItem": _item("place_test", examples.of("testOrder").body),
    "CancelItem": _item("cancel", examples.of("cancelOrderByName").body),
    "AmendItem": _item("amend", _ORDER, quantity="0.05"),
    "CancelReplaceItem": _item("cancel_replace", examples.of("cancelReplace").body),
    "CancelAllItem": _item("cancel_all", account="alice", symbol="BTC-USD", side="buy"),
    "PlaceListItem": _item("place_list", examples.of("placeOrderList").body),
    "CancelListItem": _item("cancel_list", account="alice", list_id=examples.LIST),
    "KillSwitchItem": _item("kill_switch", account="alice", status="suspended", reason="bot gone wild"),
    "AuthItem": _item("auth", token="<token>", cancel_on_disconnect=True),  # noqa: S106 - a place for one
    "SessionItem": _item("session", cancel_on_disconnect=True),
    "PingItem": _item("ping"),
    "PongItem": {"op": "pong"},
    "Replies": frames.Replies(
        [frames.Reply(1, "open", examples.order("my-order-1"), "my-order-1", "c1", remaining="0.1")],
        "a1.0:1243",
    ),
    "Notice": frames.Notice("welcome", "6f1c", 500, 262_144, 5_000, 15_000),
}
