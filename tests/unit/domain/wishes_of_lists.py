"""What a story's traders wish for where orders hang together."""

from domain.ids import list_id
from domain.order import PlaceOrder
from domain.order_list import CancelOrderList, ListKind, ListLeg, PlaceOrderList
from tests.unit.domain.wishes import SHARD


def oco(first: PlaceOrder, second: PlaceOrder, *, name: str = "list") -> PlaceOrderList:
    """One of the two cancels the other. Account and symbol are those of the first."""
    return _place("oco", name, first, second)


def oto(working: PlaceOrder, pending: PlaceOrder, *, name: str = "list") -> PlaceOrderList:
    return _place("oto", name, working, pending)


def otoco(
    working: PlaceOrder, first: PlaceOrder, second: PlaceOrder, *, name: str = "list"
) -> PlaceOrderList:
    return _place("otoco", name, working, first, second)


def _place(kind: ListKind, name: str, *orders: PlaceOrder) -> PlaceOrderList:
    first = orders[0]
    return PlaceOrderList(
        command_id=f"place-{name}",
        actor=first.actor,
        valid_until_us=first.valid_until_us,
        list_id=list_named(name),
        account=first.account,
        client_list_id=name,
        symbol=first.symbol,
        kind=kind,
        legs=tuple(ListLeg(order.order_id, order.client_order_id, order.request) for order in orders),
    )


def cancel_list(account: str, name: str = "list") -> CancelOrderList:
    return CancelOrderList(
        command_id=f"cancel-{name}", actor=account, list_id=list_named(name), account=account
    )


def list_named(name: str) -> str:
    return list_id(SHARD, "story", name)
