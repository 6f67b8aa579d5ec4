"""Trades: what was traded on a market, from the taker's side of each: both sides have the same price and
quantity, and every trade has exactly one taker.

A document holds up to 100 consecutive trades of a market: 100 times fewer writes under load, at the price of
writing a document's earlier trades again with the next ones (see docs/adr/0010).
"""

from collections.abc import Iterable, Iterator

from pymongo.database import Database

from domain.order import OrderFilled
from projections.projection import At, Document, Projection

TRADES_PER_DOCUMENT = 100
DOCUMENTS_PER_QUERY = 20


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
    relaxed=frozenset({OrderFilled}),
)


def latest(database: Database[Document], symbol: str, trades_max: int) -> list[Document]:
    """Return the market's last trades, newest first."""
    buckets_max = trades_max // TRADES_PER_DOCUMENT + 2  # the newest may hold one trade only
    buckets = database["trades"].find({"symbol": symbol}).sort("bucket", -1).limit(buckets_max)
    trades = [trade for bucket in buckets for trade in reversed(bucket["trades"])]
    return trades[:trades_max]


def by_ids(database: Database[Document], symbol: str, first: int, end: int) -> list[Document]:
    """Return the market's trades with ids from ``first`` until just before ``end``, in order."""
    between = {"$gte": _bucket(first), "$lte": _bucket(end - 1)}
    buckets = database["trades"].find({"symbol": symbol, "bucket": between}).sort("bucket", 1)
    return [trade for bucket in buckets for trade in bucket["trades"] if first <= trade["trade_id"] < end]


def newest_first(
    database: Database[Document], symbol: str, until_us: int, before: int | None = None
) -> Iterator[Document]:
    """Yield the market's trades that were made before ``until_us``, newest first, from just before the
    trade id ``before`` on.
    """
    bucket = _bucket_before(database, symbol, until_us)
    if before is not None:
        bucket = min(bucket, _bucket(before))
    while True:
        wanted = {"symbol": symbol, "bucket": {"$lte": bucket}}
        found = list(database["trades"].find(wanted).sort("bucket", -1).limit(DOCUMENTS_PER_QUERY))
        for document in found:
            for trade in reversed(document["trades"]):
                if trade["traded_at_us"] < until_us and (before is None or trade["trade_id"] < before):
                    yield trade
        if len(found) < DOCUMENTS_PER_QUERY:
            return
        bucket = found[-1]["bucket"] - 1


def _bucket_before(database: Database[Document], symbol: str, until_us: int) -> int:
    """Return the last bucket that may hold a trade made before ``until_us``: buckets follow each other in
    time.

    A question for each halving of the number of buckets, by the index on it.
    """
    newest = database["trades"].find_one({"symbol": symbol}, sort=[("bucket", -1)])
    low, high = 0, -1 if newest is None else newest["bucket"]
    while low < high:
        middle = (low + high + 1) // 2
        if _begun_before(database, symbol, middle, until_us):
            low = middle
        else:
            high = middle - 1
    return high


def _begun_before(database: Database[Document], symbol: str, bucket: int, until_us: int) -> bool:
    found = database["trades"].find_one({"symbol": symbol, "bucket": bucket})
    return found is None or found["trades"][0]["traded_at_us"] < until_us
