"""Prices as they are shown: one document per market, and one for each minute. Pure."""

from collections.abc import Mapping
from typing import Any

from streams.pricing.board import Board, Source, State
from streams.pricing.formulas import text_of
from streams.pricing.pricing import Marked

Document = dict[str, Any]
MINUTE_US = 60_000_000


def latest(board: Board, marked: Mapping[str, Marked], now_us: int) -> list[Document]:
    """Return what each market is held to be worth, and what every source of it says."""
    return [_market(board, symbol, each, now_us) for symbol, each in marked.items()]


def _market(board: Board, symbol: str, marked: Marked, now_us: int) -> Document:
    index = marked.index
    return {
        "symbol": symbol,
        "index": None if index is None else text_of(index.price),
        "mark": None if marked.mark is None else marked.mark_text,
        "index_sources": [] if index is None else list(index.sources),
        "outliers": [] if index is None else list(index.outliers),
        "computed_at_us": marked.computed_at_us,
        "fresh_us": board.fresh_us,
        "sources": [
            _source(name, source, state, board.weights.get(name, 1))
            for name, source, state in board.states(symbol, now_us)
        ],
    }


def _source(name: str, source: Source, state: State, weight: int) -> Document:
    return {
        "source": name,
        "state": state,
        "weight": weight,
        "bid": source.bid,
        "ask": source.ask,
        "last": None if source.trade is None else text_of(source.trade.price),
        "received_at_us": source.received_at_us,
    }


class Minutes:
    """The minute in hand of each market, with a point for each time it is shown."""

    def __init__(self) -> None:
        self._minutes: dict[str, Document] = {}

    def take(self, document: Document) -> Document:
        """Return the market's minute with the prices of ``document``, one of ``latest``, at its end."""
        moment_us = document["computed_at_us"]
        begins_us = moment_us - moment_us % MINUTE_US
        minute = self._minutes.get(document["symbol"])
        if minute is None or minute["begins_us"] != begins_us:
            minute = {"symbol": document["symbol"], "begins_us": begins_us, "points": []}
        if not minute["points"] or minute["points"][-1][0] < moment_us:
            minute["points"].append([moment_us, document["index"], document["mark"]])
        self._minutes[document["symbol"]] = minute
        return minute

    def knows(self, symbol: str) -> bool:
        return symbol in self._minutes

    def put(self, minute: Document) -> None:
        """Go on with a minute that was begun before a restart."""
        self._minutes[minute["symbol"]] = {name: minute[name] for name in ("symbol", "begins_us", "points")}
