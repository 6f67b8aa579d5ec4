"""Reads an order-by-order file of the exchange Bitstamp, and the raw feed log that lies beside it.

A row says what became of one order: it was ``created`` with a price and a volume, ``changed`` to a new
remaining volume (or, rarely, to a new price), or ``deleted``, with the volume that was left. Times are
milliseconds since 1970, volumes are satoshi (10**-8 BTC), prices US cents. `docs/replay.md` tells it at
length.
"""

import csv
import json
import lzma
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import IO, Literal, NamedTuple, get_args

Action = Literal["created", "changed", "deleted"]
Direction = Literal["bid", "ask"]

COLUMNS = ["id", "timestamp", "exchange.timestamp", "price", "volume", "action", "direction"]
ROWS_SUFFIX = "-orders.csv"
FEED_SUFFIX = "-feed.log"
SATOSHI = 10**8
CENTS = 100


class FileFormatError(RuntimeError):
    """A file is not what its reader expects; the text says in which line, and what was expected."""


class Row(NamedTuple):
    """What became of order ``order`` at ``at_ms``; ``line`` is the row's line in the file."""

    line: int
    order: str
    at_ms: int
    price_cents: int
    volume: int
    action: Action
    direction: Direction


class Trade(NamedTuple):
    """A trade that really happened; the feed does not say between which orders."""

    at_ms: int
    price_cents: int
    volume: int


def read_rows(path: Path, rows_max: int | None = None) -> list[Row]:
    """Return the file's rows as they stand, at most ``rows_max``. Raises ``FileFormatError``."""
    rows: list[Row] = []
    with _text(path) as file:
        lines = csv.reader(file)
        if next(lines, None) != COLUMNS:
            raise FileFormatError(f"{path} does not begin with the columns {','.join(COLUMNS)}")
        for line, cells in enumerate(lines, 2):
            if rows_max is not None and len(rows) >= rows_max:
                break
            rows.append(_row(path, line, cells))
    return rows


def feed_beside(path: Path) -> Path | None:
    """Return the feed log that belongs to an orders file by its name, if it is there."""
    if ROWS_SUFFIX not in path.name:
        return None
    feed = path.with_name(path.name.replace(ROWS_SUFFIX, FEED_SUFFIX))
    return feed if feed.exists() else None


def read_trades(path: Path) -> list[Trade]:
    """Return the feed log's trades, in order. Raises ``FileFormatError``."""
    return list(_trades(path))


def _trades(path: Path) -> Iterator[Trade]:
    """A line reads ``1430438404645 trade {"price": 236.47, "amount": 0.21144331, "id": 8111041}``."""
    with _text(path) as file:
        for number, line in enumerate(file, 1):
            at_ms, _, message = line.partition(" ")
            kind, _, body = message.partition(" ")
            if kind != "trade":
                continue
            try:
                yield _trade(int(at_ms), body)
            except (ValueError, KeyError) as error:
                raise FileFormatError(
                    f"{path}, line {number} is no trade of a Bitstamp feed: {error}"
                ) from None


def _trade(at_ms: int, body: str) -> Trade:
    # The feed wrote binary fractions (8.8351857299999992): the nearest cent and satoshi are what was meant.
    trade = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    return Trade(at_ms, round(trade["price"] * CENTS), round(trade["amount"] * SATOSHI))


def _row(path: Path, line: int, cells: list[str]) -> Row:
    try:
        order, at_ms, _, price, volume, action, direction = cells
        if action not in get_args(Action) or direction not in get_args(Direction):
            raise ValueError(f"{action} {direction}")  # noqa: TRY301 - one sentence for all that is wrong
        whole, _, cents = price.partition(".")
        return Row(
            line,
            order,
            int(at_ms),
            int(whole + cents.ljust(2, "0")),
            int(volume),
            action,  # type: ignore[arg-type]
            direction,  # type: ignore[arg-type]
        )
    except ValueError:
        expected = "an id, two times (ms), a price, a volume (satoshi), created|changed|deleted, bid|ask"
        raise FileFormatError(f"{path}, line {line} was {','.join(cells)!r}; expected {expected}") from None


def _text(path: Path) -> IO[str]:
    return lzma.open(path, "rt") if path.suffix == ".xz" else path.open()
