"""What the query API answers about order lists, and the route that does."""

from typing import Literal

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath

from api.permissions import may_know
from api.query.controllers import AfterHeader, AfterQuery, AskedBy, Read, not_found
from api.query.decimals import SymbolName, Time, time_of
from api.query.order_views import RejectionView
from domain.order_list import LegRole, ListEnd, ListKind
from domain.rejections import CATALOGUE
from projections import order_lists
from projections.projection import Document


class LegView(msgspec.Struct, frozen=True):
    """One order of the list. A ``pending`` leg follows what the ``working`` one fills."""

    order_id: str
    client_order_id: str
    role: LegRole


class OrderListView(msgspec.Struct, frozen=True, kw_only=True):
    """A list is ``executing`` as long as any of its orders is open. What became of each order, the order
    says; ``end_reason``: whether the owner ``requested`` the end.
    """

    list_id: str
    account: str
    client_list_id: str
    symbol: SymbolName
    kind: ListKind
    status: Literal["executing", "all_done", "rejected"]
    end_reason: ListEnd | None = None
    legs: list[LegView]
    rejection: RejectionView | None = None
    created_at: Time
    updated_at: Time
    shard: int
    seq: int


def list_view(found: Document) -> OrderListView:
    rejection = None
    if found["status"] == order_lists.REJECTED:
        rejection = RejectionView(found["code"], found["detail"], CATALOGUE[found["code"]].remedy)
    return OrderListView(
        list_id=found["_id"],
        account=found["account"],
        client_list_id=found["client_list_id"],
        symbol=found["symbol"],
        kind=found["kind"],
        status=found["status"],
        end_reason=found.get("end_reason"),
        legs=[LegView(leg["order_id"], leg["client_order_id"], leg["role"]) for leg in found["legs"]],
        rejection=rejection,
        created_at=time_of(found["created_at_us"]),
        updated_at=time_of(found["updated_at_us"]),
        shard=found["shard"],
        seq=found["seq"],
    )


class OrderLists(Controller):
    """Single order lists."""

    path = "/v1/order-lists"
    tags = ("orders",)

    @get("/{list_id:str}", operation_id="getOrderList", summary="One order list, and its orders' ids")
    async def one(
        self,
        request: AskedBy,
        reader: Read,
        list_id: FromPath[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[OrderListView]:
        def read() -> OrderListView:
            found = order_lists.by_id(reader.database, list_id)
            if found is None or not may_know(request, found["account"]):
                raise not_found("order list", list_id)
            return list_view(found)

        return await reader.answer("order_lists", (after, read_after), read)
