"""What the board starts from: the read models, each as of its own seq."""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from pymongo import MongoClient
from pymongo.database import Database

from api.market_data.bounds import DAY_TRADES_LOADED_MAX, TRADES_KEPT
from api.market_data.market import Market
from projections import markets, progress, trades, venue
from projections.generations import LiveView, live_view
from projections.projection import Document
from projections.rolling_day import MINUTE_US, MINUTES
from streams.progress import Place
from streams.topics import EXECUTIONS

MARKETS_MAX = 10_000
SHARDS_MAX = 1_000
NEEDED = ("markets", "book_orders", "trades", "venue")


class Loaded(NamedTuple):
    """``seen``: up to where the read models have all of each place; what they have beyond, they tell."""

    markets: list[Market]
    venues: dict[int, str]
    seen: dict[Place, int]


def load(database: Database[Document]) -> Loaded:
    """Read how far the read models are, then what they have: so that it is at least as new. Raises
    ``PyMongoError``.
    """
    view = live_view(database)
    seen = _seen(view)
    venues = {int(each["_id"]): each["status"] for each in venue.of_all_shards(view, SHARDS_MAX)}
    bands: defaultdict[str, list[Document]] = defaultdict(list)
    for band in view["book_orders"].find():
        bands[band["symbol"]].append(band)
    found = [Market(document, bands[document["_id"]]) for document in markets.all_markets(view, MARKETS_MAX)]
    _load_trades(view, found)
    return Loaded(found, venues, seen)


def _seen(view: LiveView) -> dict[Place, int]:
    """Return for each place the least that all of the projections needed have seen."""
    marks = [
        {Place(mark.topic, mark.partition, mark.shard): mark.seq for mark in progress.read(view, name)}
        for name in NEEDED
    ]
    places = set.intersection(*map(set, marks))
    return {place: min(each[place] for each in marks) for place in places if place.topic == EXECUTIONS}


def _load_trades(view: LiveView, found: Iterable[Market]) -> None:
    """Load each market's trades of the last day, and its newest ones, however old they are."""
    now_us, left = time.time_ns() // 1_000, DAY_TRADES_LOADED_MAX
    for market in found:
        left -= market.load_trades(_newest(view, market.symbol, now_us, max(left, TRADES_KEPT)))


def _newest(view: LiveView, symbol: str, now_us: int, trades_max: int) -> Iterator[Document]:
    least_us = now_us - MINUTES * MINUTE_US
    # trades of this moment as well: the clocks of the machines differ
    newest = trades.newest_first(view, symbol, now_us + MINUTE_US)
    for number, trade in enumerate(islice(newest, trades_max)):
        if number >= TRADES_KEPT and trade["traded_at_us"] < least_us:
            return
        yield trade


def connected(url: str, database: str, answer_ms_max: int) -> Database[Document]:
    client: MongoClient[Document] = MongoClient(
        url, connect=False, serverSelectionTimeoutMS=answer_ms_max, socketTimeoutMS=answer_ms_max
    )
    return client[database]
