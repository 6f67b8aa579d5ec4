"""Markets: what can be traded, in which steps, at which fees. One document per symbol, with the rules as
they were listed: scales, and tick, lot, minima and maxima as integers in the units ``MarketRules`` names.
"""

from collections.abc import Iterable

import msgspec
from pymongo.database import Database

from domain.market import MarketListed, MarketRules
from projections.projection import At, Document, Projection


def parts(event: MarketListed, _shard: int) -> Iterable[tuple[str, MarketRules]]:
    yield event.rules.symbol, event.rules


def fold(_document: Document | None, rules: MarketRules, at: At) -> Document:
    return {**msgspec.to_builtins(rules), "listed_at_us": at.occurred_at_us}


PROJECTION = Projection("markets", frozenset({MarketListed}), parts, fold, begins=lambda _: True)


def rules_of(document: Document) -> MarketRules:
    return msgspec.convert(document, MarketRules)


def all_rules(database: Database[Document], markets_max: int) -> list[MarketRules]:
    """Return the rules of the listed markets by symbol, at most ``markets_max``."""
    return [rules_of(document) for document in database["markets"].find().sort("_id", 1).limit(markets_max)]
