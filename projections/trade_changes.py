"""Trade changes: which trades the venue busted or corrected, why, and what that changes for either order. One
document per changed trade and order, beside the order's and the trade's own: these are done when they are
done, and most trades never change.

``status`` busted or corrected; ``price`` what the trade counts at (``None``: busted); ``busted`` how much of
the order's fills no longer counts; ``notional_change`` and ``fees_change`` what to add to the sums of the
order's fills as they were made, as strings.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pymongo.database import Database

from domain.trade import TradeBusted, TradeCorrected
from projections import store
from projections.projection import At, Document, Projection


class SideChange(NamedTuple):
    """What an event changes for one of the trade's two orders; all but the sums as it is from now on."""

    symbol: str
    trade_id: int
    order_id: str
    account: str
    price: int | None
    busted: int
    notional_change: int
    fees_change: int
    reason: str


def parts(event: TradeBusted | TradeCorrected, _shard: int) -> Iterable[tuple[str, SideChange]]:
    for side in _busted(event) if isinstance(event, TradeBusted) else _corrected(event):
        yield document_id(side.order_id, side.trade_id), side


def document_id(order_id: str, trade_id: int) -> str:
    return f"{order_id}|{trade_id}"


def _busted(event: TradeBusted) -> Iterable[SideChange]:
    for order_id, account, fee in (
        (event.buy_order_id, event.buyer, event.buyer_fee),
        (event.sell_order_id, event.seller, event.seller_fee),
    ):
        trade = (event.symbol, event.trade_id, order_id, account)
        yield SideChange(*trade, None, event.quantity, -event.notional, -fee, event.reason)


def _corrected(event: TradeCorrected) -> Iterable[SideChange]:
    more = event.notional - event.old_notional
    for order_id, account, old_fee, fee in (
        (event.buy_order_id, event.buyer, event.old_buyer_fee, event.buyer_fee),
        (event.sell_order_id, event.seller, event.old_seller_fee, event.seller_fee),
    ):
        trade = (event.symbol, event.trade_id, order_id, account)
        yield SideChange(*trade, event.price, 0, more, fee - old_fee, event.reason)


def fold(document: Document | None, side: SideChange, at: At) -> Document:
    before = document or {"notional_change": "0", "fees_change": "0"}
    return {
        "order_id": side.order_id,
        "account": side.account,
        "symbol": side.symbol,
        "trade_id": side.trade_id,
        "status": "busted" if side.busted else "corrected",
        "price": side.price,
        "busted": side.busted,
        "notional_change": str(int(before["notional_change"]) + side.notional_change),
        "fees_change": str(int(before["fees_change"]) + side.fees_change),
        "reason": side.reason,
        "changed_at_us": at.occurred_at_us,
    }


PROJECTION = Projection(
    "trade_changes",
    frozenset({TradeBusted, TradeCorrected}),
    parts,
    fold,
    indexes=(("order_id",), ("symbol", "trade_id")),
)


def of_orders(database: Database[Document], order_ids: Sequence[str]) -> dict[str, list[Document]]:
    """Return the changes to the trades of each order that has any, by order id."""
    found: dict[str, list[Document]] = {}
    for document in database["trade_changes"].find({"order_id": {"$in": list(order_ids)}}):
        found.setdefault(document["order_id"], []).append(document)
    return found


def of_trades(database: Database[Document], trades: Sequence[Document]) -> dict[int, Document]:
    """Return the changes to some of a market's trades, by trade id."""
    ids = [document_id(trade["taker_order_id"], trade["trade_id"]) for trade in trades]
    return {each["trade_id"]: each for each in by_ids(database, ids).values()}


def of_market(database: Database[Document], symbol: str, first: int, end: int) -> dict[int, int | None]:
    """Return at which price each changed trade counts, ``None``: it does not; those with ids from ``first``
    until just before ``end``.
    """
    found = database["trade_changes"].find({"symbol": symbol, "trade_id": {"$gte": first, "$lt": end}})
    return {each["trade_id"]: each["price"] for each in found}


def by_ids(database: Database[Document], ids: Sequence[str]) -> dict[str, Document]:
    """Return those of the changes that there are, by id (see ``document_id``)."""
    return {each["_id"]: each for each in store.load(database["trade_changes"], ids)}
