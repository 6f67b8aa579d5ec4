"""Markets: what can be traded, in which steps, at which fees, and what it is worth. One document per symbol,
with its rules (scales, and tick, lot, minima and maxima as integers in the units ``MarketRules`` names), the
last trade's price and the mark price in price units, ``None`` before the first; and its status, ``delisted``
included, with who gave it that and why.
"""

from collections.abc import Iterable

import msgspec
from pymongo.database import Database

from domain.control import MarketDelisted, MarketRulesChanged, MarketStatusChanged
from domain.market import MarketListed, MarketRules, MarkPriceSet
from domain.order import OrderFilled
from projections.projection import At, Document, Projection

ControlEvent = MarketStatusChanged | MarketRulesChanged | MarketDelisted
MarketEvent = MarketListed | MarkPriceSet | OrderFilled | ControlEvent


def parts(event: MarketEvent, _shard: int) -> Iterable[tuple[str, MarketEvent]]:
    if isinstance(event, MarketListed):
        yield event.rules.symbol, event
    elif not isinstance(event, OrderFilled) or event.liquidity == "taker":  # of a trade's two sides, one
        yield event.symbol, event


def fold(document: Document | None, event: MarketEvent, at: At) -> Document:
    """Raises ``ValueError`` if a market that was never listed has a price, a status or other rules."""
    if isinstance(event, MarketListed):
        return _listed(event.rules, at)
    if document is None:
        message = f"{type(event).__name__} for market {event.symbol}, which was never listed"
        raise ValueError(message)
    if isinstance(event, ControlEvent):
        return {**document, **_controlled(event, at)}
    name, when = ("mark_price", "marked_at_us") if isinstance(event, MarkPriceSet) else LAST
    document[name], document[when] = event.price, at.occurred_at_us
    return document


LAST = ("last_price", "traded_at_us")


def _listed(rules: MarketRules, at: At) -> Document:
    prices = dict.fromkeys((*LAST, "mark_price", "marked_at_us"))
    status = {"status": "open", "status_reason": "", "status_actor": "", "status_changed_at_us": None}
    return {**msgspec.structs.asdict(rules), **prices, **status, "listed_at_us": at.occurred_at_us}


def _controlled(event: ControlEvent, at: At) -> Document:
    if isinstance(event, MarketRulesChanged):
        return msgspec.structs.asdict(event.rules)
    status, reason = ("delisted", "") if isinstance(event, MarketDelisted) else (event.status, event.reason)
    return {
        "status": status,
        "status_reason": reason,
        "status_actor": event.actor,
        "status_changed_at_us": at.occurred_at_us,
    }


PROJECTION = Projection(
    "markets",
    frozenset(
        {MarketListed, MarkPriceSet, OrderFilled, MarketStatusChanged, MarketRulesChanged, MarketDelisted}
    ),
    parts,
    fold,
    begins=lambda event: isinstance(event, MarketListed),
    relaxed=frozenset({OrderFilled}),
)


def rules_of(document: Document) -> MarketRules:
    return msgspec.convert(document, MarketRules)


def by_symbol(database: Database[Document], symbol: str) -> Document | None:
    return database["markets"].find_one({"_id": symbol})


def all_markets(database: Database[Document], markets_max: int) -> list[Document]:
    """Return the listed markets by symbol, at most ``markets_max``."""
    return list(database["markets"].find().sort("_id", 1).limit(markets_max))
