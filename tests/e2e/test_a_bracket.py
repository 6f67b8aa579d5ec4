"""An order list all the way: over HTTP in, filled part by part, over HTTP out, and cancelled whole."""

from http import HTTPStatus
from typing import Any

from tests.e2e.test_an_order import Desk, admin, pair, stack

__all__ = ["admin", "pair", "stack"]


def bracket(desk: Desk, account: str, name: str, stop: str = "90") -> dict[str, Any]:
    legs = [
        {"client_order_id": f"{name}-entry", "side": "buy", "type": "limit", "quantity": "2", "price": "100"},
        {"client_order_id": f"{name}-exit", "side": "sell", "type": "limit", "quantity": "2", "price": "110"},
        {
            "client_order_id": f"{name}-stop",
            "side": "sell",
            "type": "stop",
            "quantity": "2",
            "trigger_price": stop,
        },
    ]
    return {
        "account": account,
        "client_list_id": name,
        "symbol": desk.symbol,
        "kind": "otoco",
        "legs": legs,
    }


def statuses(view: dict[str, Any]) -> list[str]:
    return [leg["status"] for leg in view["legs"]]


def test_a_bracket_follows_its_entry_and_ends_with_its_exit(admin: Desk, pair: tuple[str, str]) -> None:
    buyer, seller = pair
    answer = admin.commands.post("/v1/order-lists", json=bracket(admin, buyer, "first"))
    assert answer.status_code == HTTPStatus.CREATED, answer.text
    placed = answer.json()
    assert (placed["status"], statuses(placed)) == ("executing", ["open", "pending", "pending"])
    entry, exit_, stop = (leg["order_id"] for leg in placed["legs"])

    hit = admin.place(seller, "hit", "sell", "0.5", "100").json()
    found = admin.read(f"/v1/orders/{exit_}", after=hit["token"])
    assert (found["status"], found["quantity"], found["role"]) == ("open", "0.5", "pending")
    assert found["list_id"] == placed["list_id"]
    book = admin.read(f"/v1/markets/{admin.symbol}/book", after=hit["token"])
    assert book["asks"] == [{"price": "110", "quantity": "0.5"}]

    again = admin.commands.post("/v1/order-lists", json=bracket(admin, buyer, "first"))
    assert (again.status_code, again.json()["replayed"]) == (HTTPStatus.CREATED, True)
    assert statuses(again.json()) == statuses(placed)
    other = admin.commands.post("/v1/order-lists", json=bracket(admin, buyer, "first", stop="80"))
    assert (other.status_code, other.json()["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "id_reused")

    deposit = {"client_transfer_id": "second", "asset": "USD", "amount": "100"}
    funded = admin.commands.post(f"/v1/accounts/{seller}/deposits", json=deposit)
    assert funded.status_code == HTTPStatus.CREATED
    out = admin.place(seller, "out", "buy", "0.5", "110").json()
    assert out["status"] == "filled"
    view = admin.read(f"/v1/order-lists/{placed['list_id']}", after=out["token"])
    assert (view["kind"], view["status"], view["end_reason"]) == ("otoco", "all_done", "done")
    assert [leg["role"] for leg in view["legs"]] == ["working", "pending", "pending"]
    ends = [admin.read(f"/v1/orders/{order}", after=out["token"])["status"] for order in (entry, exit_, stop)]
    assert ends == ["cancelled", "filled", "cancelled"]


def test_a_list_is_cancelled_whole_and_rejected_whole(admin: Desk, pair: tuple[str, str]) -> None:
    buyer, _ = pair
    placed = admin.commands.post("/v1/order-lists", json=bracket(admin, buyer, "second")).json()
    path = f"/v1/order-lists/{placed['list_id']}"
    amended = admin.commands.patch(
        f"/v1/orders/{placed['legs'][0]['order_id']}", json={"account": buyer, "price": "99"}
    )
    assert (amended.status_code, amended.json()["code"]) == (HTTPStatus.CONFLICT, "leg_of_order_list")
    cancelled = admin.commands.delete(path, params={"account": buyer}).json()
    assert (cancelled["status"], statuses(cancelled)) == ("cancelled", ["cancelled"] * 3)
    assert admin.read(path, after=cancelled["token"])["end_reason"] == "requested"
    again = admin.commands.delete(path, params={"account": buyer})
    assert (again.status_code, again.json()["replayed"]) == (HTTPStatus.OK, True)

    answer = admin.commands.post("/v1/order-lists", json=bracket(admin, buyer, "third", stop="120"))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_order_list")
    view = admin.read(f"/v1/order-lists/{problem['list_id']}", after=problem["token"])
    assert (view["status"], view["rejection"]["code"]) == ("rejected", "invalid_order_list")
