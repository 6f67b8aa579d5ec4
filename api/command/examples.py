"""An example of every operation, in an order in which they work one after the other on a new venue.

docs/openapi-command.yaml shows them, and docs/commands.md as what to type, which the tests do.
"""

from typing import Any, NamedTuple

from domain import ids


class Request(NamedTuple):
    """``path`` with its query. ``key``: an Idempotency-Key. ``second``: somebody else than asked before."""

    operation: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    key: str = ""
    second: bool = False


def _order(account: str, **more: Any) -> dict[str, Any]:
    side = "sell" if account == "bob" else "buy"
    plain = {"account": account, "symbol": "BTC-USD", "side": side, "type": "limit"}
    return {**plain, "quantity": "0.1", "price": "60000", **more}


def _named(name: str, **more: Any) -> dict[str, Any]:
    return _order("alice", client_order_id=name, **more)


def order(name: str, account: str = "alice") -> str:
    return ids.order_id(0, account, name)


def transfer(name: str) -> str:
    return ids.transfer_id(0, "alice", name)


MARKET = {
    "symbol": "BTC-USD",
    "base_asset": "BTC",
    "quote_asset": "USD",
    "base_scale": 8,
    "quote_scale": 10,
    "tick_size": "0.01",
    "lot_size": "0.00000001",
    "min_quantity": "0.00001",
    "max_quantity": "100",
    "min_notional": "1",
    "maker_fee_ppm": 1_000,
    "taker_fee_ppm": 2_000,
}
LEGS = [
    {"client_order_id": "entry-1", "side": "buy", "type": "limit", "quantity": "0.1", "price": "59000"},
    {"client_order_id": "exit-1", "side": "sell", "type": "limit", "quantity": "0.1", "price": "61000"},
]
LIST = ids.list_id(0, "alice", "my-list-1")

MONEY_IN = [
    Request("listMarket", "POST", "/v1/markets", MARKET),
    Request("openAccount", "POST", "/v1/accounts", {"account": "alice"}, key="open-alice"),
    Request("openAccount", "POST", "/v1/accounts", {"account": "bob"}),
    Request(
        "deposit",
        "POST",
        "/v1/accounts/alice/deposits",
        {"client_transfer_id": "deposit-1", "asset": "USD", "amount": "100000"},
    ),
    Request(
        "deposit", "POST", "/v1/accounts/bob/deposits", {"asset": "BTC", "amount": "10"}, key="deposit-1"
    ),
    Request(
        "setAccountLimits",
        "PUT",
        "/v1/accounts/alice/limits",
        {"max_order_notional": {"USD": "50000"}, "order_rate": 100},
    ),
    Request(
        "requestLimits",
        "POST",
        "/v1/accounts/alice/limit-requests",
        {"reason": "a new desk", "thresholds": {"intraday_loss": {"USD": {"soft": "800", "hard": "1000"}}}},
    ),
    Request(
        "setAccountFees", "PUT", "/v1/accounts/alice/fees", {"maker_fee_ppm": 500, "taker_fee_ppm": 1_000}
    ),
    Request("setAccountGroup", "PUT", "/v1/accounts/alice/group", {"group": "desk-1"}),
    Request("setMarkPrice", "PUT", "/v1/markets/BTC-USD/mark-price", {"price": "60000"}),
]
ORDERS = [
    Request("testOrder", "POST", "/v1/orders/test", _named("my-order-1")),
    Request("placeOrder", "POST", "/v1/orders", _named("my-order-1")),
    Request("placeOrder", "POST", "/v1/orders?answer=result", _order("alice"), key="my-order-3"),
    Request(
        "amendOrder",
        "PATCH",
        f"/v1/orders/{order('my-order-1')}",
        {"account": "alice", "quantity": "0.05"},
    ),
    Request(
        "cancelReplace",
        "POST",
        "/v1/orders/cancel-replace",
        {"cancel_order_id": order("my-order-1"), "order": _named("my-order-2", price="59000")},
    ),
    Request("cancelOrder", "DELETE", f"/v1/orders/{order('my-order-2')}?account=alice"),
    Request(
        "cancelOrderByName",
        "POST",
        "/v1/orders/cancel",
        {"account": "alice", "client_order_id": "my-order-3"},
    ),
    Request(
        "sendBatch",
        "POST",
        "/v1/orders/batch",
        {
            "commands": [
                {"op": "place", **_named("my-order-4")},
                {"op": "cancel", "account": "alice", "client_order_id": "my-order-4"},
            ]
        },
    ),
    Request(
        "placeOrderList",
        "POST",
        "/v1/order-lists",
        {
            "account": "alice",
            "client_list_id": "my-list-1",
            "symbol": "BTC-USD",
            "kind": "oto",
            "legs": LEGS,
        },
    ),
    Request("cancelOrderList", "DELETE", f"/v1/order-lists/{LIST}?account=alice"),
    Request("placeOrder", "POST", "/v1/orders", _named("my-order-5")),
    Request("placeOrder", "POST", "/v1/orders", _order("bob", client_order_id="my-order-1")),
    Request(
        "correctTrade",
        "POST",
        "/v1/markets/BTC-USD/trades/1/correct",
        {"order_id": order("my-order-5"), "price": "59990", "reason": "clearly erroneous price"},
    ),
    Request(
        "bustTrade",
        "POST",
        "/v1/markets/BTC-USD/trades/1/bust",
        {"order_id": order("my-order-5"), "reason": "clearly erroneous price"},
        key="bust-1",
    ),
    Request("cancelAll", "DELETE", "/v1/orders?account=alice&symbol=BTC-USD&side=buy"),
    Request("cancelMarketOrders", "DELETE", "/v1/markets/BTC-USD/orders?side=sell"),
]
MONEY_OUT = [
    Request(
        "requestWithdrawal",
        "POST",
        "/v1/accounts/alice/withdrawals",
        {"client_transfer_id": "out-1", "asset": "USD", "amount": "100", "destination": "bank-1"},
    ),
    Request(
        "requestWithdrawal",
        "POST",
        "/v1/accounts/alice/withdrawals",
        {"client_transfer_id": "out-2", "asset": "USD", "amount": "50"},
    ),
    Request(
        "completeWithdrawal",
        "POST",
        f"/v1/accounts/alice/withdrawals/{transfer('out-1')}/complete",
        {"reference": "wire-4711"},
    ),
    Request(
        "cancelWithdrawal",
        "POST",
        f"/v1/accounts/alice/withdrawals/{transfer('out-2')}/cancel",
        {"reason": "asked for by mistake"},
    ),
    Request(
        "transferFunds",
        "POST",
        "/v1/transfers",
        {
            "client_transfer_id": "move-1",
            "account": "alice",
            "to_account": "bob",
            "asset": "USD",
            "amount": "25",
        },
    ),
    Request(
        "adjustBalance",
        "POST",
        "/v1/accounts/alice/adjustments",
        {
            "client_transfer_id": "adjust-1",
            "side": "credit",
            "asset": "USD",
            "amount": "1.5",
            "reason": "fee charged twice",
        },
    ),
    Request("listAdjustments", "GET", "/v1/adjustments"),
    Request("approveAdjustment", "POST", f"/v1/adjustments/{transfer('adjust-1')}/approve", second=True),
    Request(
        "adjustBalance",
        "POST",
        "/v1/accounts/alice/adjustments",
        {"side": "credit", "asset": "USD", "amount": "9", "reason": "fee charged twice"},
        key="adjust-2",
    ),
    Request("rejectAdjustment", "POST", f"/v1/adjustments/{transfer('adjust-2')}/reject", second=True),
]
CONTROLS = [
    Request("killSwitch", "POST", "/v1/accounts/alice/kill-switch", {"status": "cancel_only"}, key="stop-1"),
    Request(
        "setAccountStatus",
        "PUT",
        "/v1/accounts/alice/status",
        {"status": "active", "reason": "released after a call"},
    ),
    Request("setVenueStatus", "PUT", "/v1/venue/status", {"status": "open", "reason": "maintenance is over"}),
    Request("changeMarketRules", "PATCH", "/v1/markets/BTC-USD/rules", {"tick_size": "0.1"}),
    Request(
        "setMarketStatus",
        "PUT",
        "/v1/markets/BTC-USD/status",
        {"status": "closed", "reason": "end of trading"},
    ),
    Request("delistMarket", "DELETE", "/v1/markets/BTC-USD"),
    Request("health", "GET", "/health"),
]
STORY = [*MONEY_IN, *ORDERS, *MONEY_OUT, *CONTROLS]
REQUEST = "0f4c1d6e8a9b4c2d8e7f6a5b4c3d2e1f"
DECIDED = [
    Request(
        "approveLimits",
        "POST",
        f"/v1/accounts/alice/limit-requests/{REQUEST}/approve",
        {"note": "agreed by telephone"},
        second=True,
    ),
    Request(
        "rejectLimits",
        "POST",
        f"/v1/accounts/alice/limit-requests/{REQUEST}/reject",
        {"note": "not before the audit"},
        second=True,
    ),
    Request(
        "acknowledgeAlert",
        "POST",
        f"/v1/risk/alerts/{REQUEST[:24]}/acknowledge",
        {"note": "the trader was called"},
    ),
]
"""They name what an earlier answer told, so they are shown, and not typed one after the other."""


def of(operation: str) -> Request:
    """Return the first example of an operation. Raises ``StopIteration`` if there is none."""
    return next(each for each in (*STORY, *DECIDED) if each.operation == operation)


ADJUSTMENT = {
    "id": transfer("adjust-1"),
    "status": "asked",
    "account": "alice",
    "client_transfer_id": "adjust-1",
    "asset": "USD",
    "side": "credit",
    "amount": "1.5",
    "reason": "fee charged twice",
    "asked_by": "ann",
    "asked_at_us": 1_769_817_600_000_000,
    "decided_by": None,
    "decided_at_us": None,
}
PLACED = {
    "command_id": "6f1c0a5e2b7d4c3f9e8a1b2c3d4e5f601",
    "order_id": order("my-order-1"),
    "status": "partially_filled",
    "code": None,
    "detail": None,
    "quantity": "0.1",
    "remaining": "0.06",
    "fills": [{"trade_id": 1, "price": "60000", "quantity": "0.04", "fee": "2.4", "liquidity": "taker"}],
    "replayed": False,
    "token": "a1.0:1243,e3.0:1240",
}
ANSWERS: dict[str, dict[str, Any]] = {
    "OrderView": PLACED,
    "BatchView": {"outcomes": [PLACED], "token": PLACED["token"]},
    "OrderListView": {
        "command_id": PLACED["command_id"],
        "list_id": LIST,
        "status": "executing",
        "legs": [PLACED],
        "replayed": False,
        "token": PLACED["token"],
    },
    "DoneView": {
        "command_id": PLACED["command_id"],
        "id": "alice",
        "status": "set",
        "detail": None,
        "replayed": False,
        "token": PLACED["token"],
        "shards": [],
    },
    "AdjustmentView": ADJUSTMENT,
    "AdjustmentsView": {"adjustments": [ADJUSTMENT]},
    "LimitChangeView": {
        "request_id": REQUEST,
        "account": "alice",
        "state": "pending",
        "loosens": ["intraday_loss USD hard"],
        "requested_by": "ann",
        "decided_by": None,
        "done": None,
    },
    "AcknowledgedView": {
        "alert_id": REQUEST[:24],
        "acknowledged_by": "ann",
        "acknowledged_at_us": 1_769_817_600_000_000,
        "note": "the trader was called",
    },
}
