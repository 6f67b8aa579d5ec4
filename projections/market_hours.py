"""Market hours: the mark price and the last price with which each UTC hour of a market ended.

One document per market and UTC day, with an entry for each hour in which one of them was set: ``mark``,
``last`` (price units), ``None`` where that hour set none, so that what held before still holds. ``marked``,
``traded``: whether the day has any.
"""

from collections.abc import Iterable, Iterator

from pymongo.database import Database

from domain.market import DAY_US, MarkPriceSet
from domain.order import OrderFilled
from projections.account_hours import HOUR_US
from projections.projection import At, Document, Projection

PriceEvent = MarkPriceSet | OrderFilled


def parts(event: PriceEvent, at: At) -> Iterable[tuple[str, PriceEvent]]:
    if isinstance(event, MarkPriceSet) or event.liquidity == "taker":  # of a trade's two sides, one
        yield f"{event.symbol}|{at.occurred_at_us // DAY_US}", event


def fold(document: Document | None, event: PriceEvent, at: At) -> Document:
    found = document or {
        "symbol": event.symbol,
        "day": at.occurred_at_us // DAY_US,
        "marked": False,
        "traded": False,
        "hours": [],
    }
    hour = at.occurred_at_us // HOUR_US
    if not found["hours"] or found["hours"][-1]["hour"] != hour:
        found["hours"].append({"hour": hour, "mark": None, "last": None})
    price, ever = ("mark", "marked") if isinstance(event, MarkPriceSet) else ("last", "traded")
    found["hours"][-1][price] = event.price
    found[ever] = True
    return found


PROJECTION = Projection(
    "market_hours",
    frozenset({MarkPriceSet, OrderFilled}),
    parts,
    fold,
    indexes=(("symbol", "day"),),
    by_seq=True,
    relaxed=frozenset({MarkPriceSet, OrderFilled}),
)


def of_market(database: Database[Document], symbol: str, first_day: int, last_day: int) -> Iterator[Document]:
    """Yield, oldest first, the days from ``first_day`` to ``last_day``; before them those that tell what held
    when the first began.
    """
    hours = database["market_hours"]
    before = [
        hours.find_one({"symbol": symbol, "day": {"$lt": first_day}, ever: True}, sort=[("day", -1)])
        for ever in ("marked", "traded")
    ]
    known = {each["_id"]: each for each in before if each is not None}
    yield from sorted(known.values(), key=lambda each: int(each["day"]))
    yield from hours.find({"symbol": symbol, "day": {"$gte": first_day, "$lte": last_day}}).sort("day", 1)
