"""Markets: what can be traded, in which steps, at which fees, and what it is worth. One document per symbol,
with the rules as they were listed (scales, and tick, lot, minima and maxima as integers in the units
``MarketRules`` names), the last trade's price and the mark price in price units, ``None`` before the first.
"""

from collections.abc import Iterable

import msgspec
from pymongo.database import Database

from domain.market import MarketListed, MarketRules, MarkPriceSet
from domain.order import OrderFilled
from projections.projection import At, Document, Projection

MarketEvent = MarketListed | MarkPriceSet | OrderFilled


def parts(event: MarketEvent, _shard: int) -> Iterable[tuple[str, MarketEvent]]:
    if isinstance(event, MarketListed):
        yield event.rules.symbol, event
    elif isinstance(event, MarkPriceSet) or event.liquidity == "taker":  # of a trade's two sides, one
        yield event.symbol, event


def fold(document: Document | None, event: MarketEvent, at: At) -> Document:
    """Raises ``ValueError`` if a market that was never listed has a price."""
    if isinstance(event, MarketListed):
        return _listed(event.rules, at)
    if document is None:
        message = f"{type(event).__name__} for market {event.symbol}, which was never listed"
        raise ValueError(message)
    name, when = ("mark_price", "marked_at_us") if isinstance(event, MarkPriceSet) else LAST
    document[name], document[when] = event.price, at.occurred_at_us
    return document


LAST = ("last_price", "traded_at_us")


def _listed(rules: MarketRules, at: At) -> Document:
    prices = dict.fromkeys((*LAST, "mark_price", "marked_at_us"))
    return {**msgspec.structs.asdict(rules), **prices, "listed_at_us": at.occurred_at_us}


PROJECTION = Projection(
    "markets",
    frozenset({MarketListed, MarkPriceSet, OrderFilled}),
    parts,
    fold,
    begins=lambda event: isinstance(event, MarketListed),
)


def rules_of(document: Document) -> MarketRules:
    return msgspec.convert(document, MarketRules)


def by_symbol(database: Database[Document], symbol: str) -> Document | None:
    return database["markets"].find_one({"_id": symbol})


def all_markets(database: Database[Document], markets_max: int) -> list[Document]:
    """Return the listed markets by symbol, at most ``markets_max``."""
    return list(database["markets"].find().sort("_id", 1).limit(markets_max))
