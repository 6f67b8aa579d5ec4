"""Turns the rows of an exchange's file back into what its traders sent: orders and cancels.

The file shows results. That an order shrank says either that it traded, which our own matching has to bring
about by itself, or that its owner did something, which has to be sent. What traded is told by the feed's
trades: same volume, same moment.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, NamedTuple

from stack.load.bitstamp import Direction, Row, Trade

TRADE_TO_ROW_MS_MAX = 2_000
SATOSHI_OFF_MAX = 1  # the feed wrote volumes as binary fractions, cut rather than rounded

_LIFE = {"created": 0, "changed": 1, "deleted": 2}


class Step(NamedTuple):
    """What one trader sent at ``at_ms``. ``order`` names it: the file's id, and ".2" behind it for the order
    that took its place when ``replace`` cancels ``replaced`` and places ``order``.
    """

    at_ms: int
    op: Literal["place", "cancel", "replace"]
    order: str
    line: int
    direction: Direction = "bid"
    price_cents: int = 0
    volume: int = 0
    replaced: str = ""

    @property
    def file_order(self) -> str:
        return self.order.partition(".")[0]


@dataclass
class History:
    """The steps in the order of time, and what the rows were taken for.

    ``rows`` counts by kind: placed, cancelled, filled, repriced (the exchange moved a sweeping order to the
    next price), amended, repeated (a second deletion), unchanged, unknown (names an order created before
    the file begins, or, ``early`` of them, one that is only created in a later row).
    """

    steps: list[Step] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    real_trades: list[Trade] = field(default_factory=list)
    trades_known: bool = False


def history_of(rows: Sequence[Row], trades: Sequence[Trade] | None) -> History:
    """Return what was sent; ``None`` for ``trades``: without a feed log, go by the rows' own hints."""
    history = History(trades_known=trades is not None)
    if rows and trades is not None:
        ends_ms = max(row.at_ms for row in rows) + TRADE_TO_ROW_MS_MAX
        history.real_trades = [trade for trade in trades if trade.at_ms <= ends_ms]
    _count_unknown(rows, history.rows)
    lives = [life for life in _lives(rows) if life[0].action == "created"]
    filled = None if trades is None else filled_lines(lives, trades)
    for life in lives:
        history.steps.extend(_steps(life, filled, history.rows))
    history.steps.sort(key=lambda step: (step.at_ms, step.line))
    return history


def filled_lines(lives: Iterable[Sequence[Row]], trades: Sequence[Trade]) -> set[int]:
    """Return the lines in which an order shrank because it traded: each trade explains one row a side."""
    shrunk: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for life in lives:
        for before, row in pairwise(life):
            if row.volume < before.volume:
                shrunk[row.direction, before.volume - row.volume].append(row)
    filled: set[int] = set()
    for direction in ("bid", "ask"):
        unexplained = list(trades)
        for off in range(SATOSHI_OFF_MAX + 1):
            unexplained = [
                trade for trade in unexplained if not _explain(trade, direction, off, shrunk, filled)
            ]
    return filled


def _explain(
    trade: Trade, direction: str, off: int, shrunk: dict[tuple[str, int], list[Row]], filled: set[int]
) -> bool:
    """Find the row of this side that is nearest in time to the trade, and not explained yet."""
    candidates = [
        row
        for volume in {trade.volume - off, trade.volume + off}
        for row in shrunk.get((direction, volume), ())
        if row.line not in filled and abs(row.at_ms - trade.at_ms) <= TRADE_TO_ROW_MS_MAX
    ]
    if candidates:
        filled.add(min(candidates, key=lambda row: (abs(row.at_ms - trade.at_ms), row.line)).line)
    return bool(candidates)


def _lives(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield each order's rows in the order in which they must have happened.

    The feed sometimes delivered a deletion before the creation, or a smaller volume before a larger one
    (65 ms apart at most): volumes only fall, so they give the order, as in the `ob-analytics` project whose
    data this is. The moments and lines stay where they were.
    """
    by_order: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_order[row.order].append(row)
    for seen in by_order.values():
        if not any(row.action == "created" for row in seen):
            yield seen
            continue
        happened = sorted(seen, key=lambda row: (-row.volume, _LIFE[row.action], row.line))
        yield [
            row._replace(at_ms=moment.at_ms, line=moment.line)
            for row, moment in zip(happened, seen, strict=True)
        ]


def _count_unknown(rows: Iterable[Row], counts: Counter[str]) -> None:
    created: set[str] = set()
    unknown: list[str] = []
    for row in rows:
        if row.action == "created":
            created.add(row.order)
        elif row.order not in created:
            unknown.append(row.order)
    counts["unknown"] = len(unknown)
    counts["early"] = sum(order in created for order in unknown)


def _steps(life: Sequence[Row], filled: set[int] | None, counts: Counter[str]) -> Iterator[Step]:
    """Yield what the owner of one order sent, from its creation to its end."""
    name, versions, ended = life[0].order, 1, False
    for before, row in zip([None, *life], life, strict=False):
        kind = "repeated" if ended else _kind(before, row, filled)
        counts[kind] += 1
        if kind == "placed":
            yield _placing(row, name)
        elif kind == "cancelled":
            yield Step(row.at_ms, "cancel", name, row.line)
        elif kind in {"repriced", "amended"}:
            versions += 1
            replaced, name = name, f"{row.order}.{versions}"
            yield _placing(row, name)._replace(op="replace", replaced=replaced)
        ended = ended or row.action == "deleted"


def _kind(before: Row | None, row: Row, filled: set[int] | None) -> str:
    if before is None:
        return "placed"
    if row.action == "deleted":
        return "filled" if row.volume == 0 else "cancelled"
    if row.price_cents != before.price_cents:
        return "repriced"
    if row.volume == before.volume:
        return "unchanged"
    return "filled" if filled is None or row.line in filled else "amended"


def _placing(row: Row, name: str) -> Step:
    return Step(row.at_ms, "place", name, row.line, row.direction, row.price_cents, row.volume)
