"""Orders of all accounts that one may see: by account, market, status, side, type and time."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromQuery, QueryParameter

from api.permissions import readable
from api.query import listing
from api.query.controllers import AskedBy, Read, Reader
from api.query.decimals import Decimal, Price, SymbolName, Time
from api.query.exports import Item, Listing, walk
from api.query.listing import AccountsQuery, Asks, SymbolQuery
from api.query.order_views import OrdersPage, OrderStatus, OrderView
from api.query.times import From, Span, To, span_of
from domain.event import Side
from domain.order import CancelReason, OrderType, SelfTrade, TimeInForce
from domain.order_list import LegRole
from projections import orders
from projections.projection import Document

Sort = Annotated[
    Literal["created_at", "-created_at"],
    QueryParameter(description="By when they were created: oldest first, or (with a minus) newest first."),
]


class OrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """An order in a table: the fields of ``OrderView`` that are one value each. What a rejected order was
    sent with need not be numbers, and stands in JSON only.
    """

    order_id: str
    account: str
    client_order_id: str
    symbol: SymbolName
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    status: OrderStatus
    price: Price | None
    quantity: Decimal | None
    quote_quantity: Decimal | None
    display_quantity: Decimal | None
    post_only: bool
    self_trade: SelfTrade
    session: str | None
    list_id: str | None
    role: LegRole | None
    expires_at: Time | None
    filled: Decimal
    remaining: Decimal
    busted: Decimal
    average_price: Price | None
    notional: Decimal
    fees: Decimal
    fills_count: int
    cancel_reason: CancelReason | None
    rejection_code: str | None
    created_at: Time
    updated_at: Time
    shard: int
    seq: int


SENT_AS_TEXT = ("price", "quantity", "quote_quantity", "display_quantity")


class OrderSearch(Controller):
    """Orders, whosesoever."""

    path = "/v1/orders"
    tags = ("orders",)

    @get("/", operation_id="searchOrders", summary="Orders of all accounts that you may see, by time")
    async def search(
        self,
        request: AskedBy,
        reader: Read,
        asked: Asks,
        account: AccountsQuery = None,
        symbol: SymbolQuery = None,
        status: FromQuery[list[OrderStatus] | None] = None,
        side: FromQuery[Side | None] = None,
        order_type: FromQuery[list[OrderType] | None] = None,
        since: From = None,
        until: To = None,
        sort: Sort = "-created_at",
    ) -> Response[OrdersPage]:
        wanted = Wanted(
            accounts=readable(request, account),
            symbol=symbol,
            statuses=tuple(sorted(set(status or orders.STATUSES))),
            side=side,
            order_types=tuple(sorted(set(order_type or ()))),
            span=span_of(since, until),
            ascending=sort == "created_at",
        )
        return await listing.answer(reader, wanted.listing(reader), asked, OrdersPage)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders; no type named: of all types. ``accounts``: ``None`` for all."""

    accounts: list[str] | None
    symbol: str | None
    statuses: tuple[str, ...]
    side: str | None = None
    order_types: tuple[str, ...] = ()
    span: Span
    ascending: bool = False

    def listing(self, reader: Reader) -> Listing:
        return Listing(
            name="orders",
            projections=("orders", "trade_changes"),
            scope=msgspec.structs.astuple(self),
            keys=(str,),
            items=lambda last, some: self.items(reader, last, some),
            views=reader.order_views,
            row=OrderRow,
            rows=lambda views: [row_of(view) for view in views],
            count=None if self.accounts else lambda: orders.count_all(reader.database),
        )

    def items(self, reader: Reader, last: tuple[str] | None, some: int) -> Iterator[Item]:
        def read(key: str | None, orders_max: int) -> list[Document]:
            return orders.scan(
                reader.database, **self._by_index(key), ascending=self.ascending, orders_max=orders_max
            )

        for order in walk(read, lambda order: order["page_key"], last[0] if last else None, some):
            yield Item((order["page_key"],), order if self.fits(order) else None)

    def _by_index(self, key: str | None) -> dict[str, Any]:
        above, below = (f"{us:017d}" for us in self.span)
        if key is not None and self.ascending:
            above = max(above, key)
        elif key is not None:
            below = min(below, key)
        return {
            "accounts": self.accounts,
            "statuses": self.statuses,
            "symbol": self.symbol,
            "above": above,
            "below": below,
        }

    def fits(self, order: Document) -> bool:
        """Tell whether an order is wanted, as to what no index tells apart."""
        return (
            order["status"] in self.statuses
            and (self.symbol is None or order["symbol"] == self.symbol)
            and (self.side is None or order["side"] == self.side)
            and (not self.order_types or order["order_type"] in self.order_types)
        )


def row_of(view: OrderView) -> OrderRow:
    rejection = view.rejection
    shown = {name: getattr(view, name) for name in OrderRow.__struct_fields__ if hasattr(view, name)}
    if rejection is not None:
        shown.update(dict.fromkeys(SENT_AS_TEXT))
    return OrderRow(**shown, rejection_code=None if rejection is None else rejection.code)
