"""Trades: what was traded on a market, from the taker's side of each: both sides have the same price and
quantity, and every trade has exactly one taker.

A document holds up to 100 consecutive trades of a market: 100 times fewer writes under load, at the price of
writing a document's earlier trades again with the next ones (see docs/adr/0010).
"""

from collections.abc import Iterable

from pymongo.database import Database

from domain.order import OrderFilled
from projections.projection import At, Document, Projection

TRADES_PER_DOCUMENT = 100


def parts(event: OrderFilled, _shard: int) -> Iterable[tuple[str, OrderFilled]]:
    if event.liquidity == "taker":
        yield f"{event.symbol}|{_bucket(event.trade_id)}", event


def _bucket(trade_id: int) -> int:
    return (trade_id - 1) // TRADES_PER_DOCUMENT


def _begins(fill: OrderFilled) -> bool:
    return (fill.trade_id - 1) % TRADES_PER_DOCUMENT == 0


def fold(document: Document | None, fill: OrderFilled, at: At) -> Document:
    bucket = document or {"symbol": fill.symbol, "bucket": _bucket(fill.trade_id), "trades": []}
    trade = {
        "trade_id": fill.trade_id,
        "price": fill.price,
        "quantity": fill.quantity,
        "notional": str(fill.notional),
        "taker_side": fill.side,
        "taker_order_id": fill.order_id,
        "maker_order_id": fill.counter_order_id,
        "traded_at_us": at.occurred_at_us,
    }
    return {**bucket, "trades": [*bucket["trades"], trade]}


PROJECTION = Projection(
    "trades",
    frozenset({OrderFilled}),
    parts,
    fold,
    indexes=(("symbol", "bucket"),),
    begins=_begins,
    ended=lambda document: len(document["trades"]) == TRADES_PER_DOCUMENT,
)


def latest(database: Database[Document], symbol: str, trades_max: int) -> list[Document]:
    """Return the market's last trades, newest first."""
    buckets_max = trades_max // TRADES_PER_DOCUMENT + 2  # the newest may hold one trade only
    buckets = database["trades"].find({"symbol": symbol}).sort("bucket", -1).limit(buckets_max)
    trades = [trade for bucket in buckets for trade in reversed(bucket["trades"])]
    return trades[:trades_max]
