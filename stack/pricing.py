"""What the mark pricer reads from the read models, and shows in them."""

from collections.abc import Iterable, Mapping

from pymongo import MongoClient
from pymongo.database import Database

from projections import books, external_prices, markets
from projections.generations import LiveView, live_view
from projections.projection import Document
from stack.settings import Settings
from streams.pricing.board import Board
from streams.pricing.pricing import Marked, OwnMarket
from streams.pricing.shown import MINUTE_US, Minutes, latest

ANSWER_MS_MAX = 2_000


def connect(settings: Settings) -> Database[Document]:
    client: MongoClient[Document] = MongoClient(
        settings.mongo_url,
        connect=False,
        serverSelectionTimeoutMS=ANSWER_MS_MAX,
        socketTimeoutMS=ANSWER_MS_MAX,
        retryWrites=False,  # DocumentDB has none; the next look comes soon
    )
    return client[settings.mongo_database]


class ReadModels:
    """The markets with their own best prices, and the place where computed prices are shown."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database
        self._minutes = Minutes()
        self._prepared = False

    def own_markets(self, symbols: Iterable[str]) -> Mapping[str, OwnMarket]:
        """Return those of the markets that are listed. Raises ``PyMongoError``."""
        view = live_view(self._database)
        found = (_own_market(view, symbol) for symbol in symbols)
        return {market.symbol: market for market in found if market is not None}

    def show(self, board: Board, marked: Mapping[str, Marked], now_us: int) -> None:
        """Write what each market is held to be worth. Raises ``PyMongoError``."""
        if not self._prepared:
            external_prices.prepare(self._database)
            self._prepared = True
        documents = latest(board, marked, now_us)
        external_prices.write(self._database, documents)
        external_prices.write_minutes(self._database, [self._minute(document) for document in documents])

    def _minute(self, document: Document) -> Document:
        if not self._minutes.knows(document["symbol"]):
            begins_us = document["computed_at_us"] // MINUTE_US * MINUTE_US
            begun = external_prices.minute(self._database, document["symbol"], begins_us)
            if begun is not None:
                self._minutes.put(begun)
        return self._minutes.take(document)


def _own_market(view: LiveView, symbol: str) -> OwnMarket | None:
    market = markets.by_symbol(view, symbol)
    if market is None or market["status"] == "delisted":
        return None
    book = books.of_market(view, symbol) or {"bids": {}, "asks": {}}
    return OwnMarket(
        symbol=symbol,
        shard=market["shard"],
        tick=market["tick"],
        price_scale=market["price_scale"],
        mark_price=market["mark_price"],
        bid=max(map(int, book["bids"]), default=None),
        ask=min(map(int, book["asks"]), default=None),
        last=market["last_price"],
    )
