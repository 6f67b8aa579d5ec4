"""What the random tests draw of order lists: mostly such as fit together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from domain.order_list import ListKind, ListLeg, PlaceOrderList
from tests.unit.domain.both_exchanges import place_order
from tests.unit.domain.flows import Asked, asked
from tests.unit.domain.naive_orders import Placing

PROFITS = ["limit", "limit", "limit", "take_profit", "take_profit_limit"]
STOPS = ["stop", "stop", "stop_limit", "trailing_stop"]
MIDDLE = 100
REST = {"ioc": "gtc", "fok": "gtc"}


@dataclass(frozen=True)
class AskedList:
    kind: ListKind
    legs: list[Asked]


def other(side: str) -> str:
    return "sell" if side == "buy" else "buy"


@st.composite
def pair_of(draw: st.DrawFn, account: str, side: str, most: int) -> list[Asked]:
    """Draw an exit that takes profit and one that stops a loss, mostly on the two sides of the middle."""
    sign = 1 if side == "sell" else -1
    count = draw(st.integers(1, most))
    profit, stop = (
        replace(draw(asked), account=account, side=side, lots=count, budget=False) for _ in range(2)
    )
    profit = replace(
        profit,
        order_type=draw(st.sampled_from(PROFITS)),
        tif=REST.get(profit.tif, profit.tif),
        ticks=MIDDLE + sign * draw(st.integers(-1, 5)),
    )
    stop = replace(
        stop, order_type=draw(st.sampled_from(STOPS)), ticks=MIDDLE - sign * draw(st.integers(-1, 5))
    )
    return [profit, stop] if draw(st.booleans()) else [stop, profit]


@st.composite
def lists(draw: st.DrawFn) -> AskedList:
    """Now and then one whose orders do not fit together: they are as they were drawn."""
    kind: ListKind = draw(st.sampled_from(["oco", "oto", "otoco"]))
    lead = draw(asked)
    if draw(st.integers(0, 9)) == 9:
        orders = [replace(draw(asked), account=lead.account) for _ in range(2 if kind == "otoco" else 1)]
        return AskedList(kind, [lead, *orders])
    if kind == "oco":
        return AskedList(kind, draw(pair_of(lead.account, lead.side, 30)))
    lead = replace(lead, budget=False)
    side = draw(st.sampled_from([other(lead.side)] * 4 + [lead.side]))
    exits = draw(pair_of(lead.account, side, lead.lots))
    return AskedList(kind, [lead, *(exits[:1] if kind == "oto" else exits)])


asked_lists = lists()


def list_command(list_id: str, kind: ListKind, sent: Sequence[Placing], command_id: str) -> PlaceOrderList:
    orders = [place_order(placing, command_id) for placing in sent]
    return PlaceOrderList(
        command_id=command_id,
        actor=sent[0].account,
        list_id=list_id,
        account=sent[0].account,
        client_list_id=list_id,
        symbol=sent[0].symbol,
        kind=kind,
        legs=tuple(ListLeg(order.order_id, order.client_order_id, order.request) for order in orders),
    )
