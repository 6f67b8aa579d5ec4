"""Reconciling: a custodian's statement against our books, in plain values: no file, no database.

Both sides are amounts of assets in custody, and movements, each named by a reference: a completed withdrawal
by the reference of its payment, a deposit by its client transfer id. Whole units, exactly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

Direction = Literal["in", "out"]


@dataclass(frozen=True)
class Movement:
    """Money that came in or went out. ``time`` as its source wrote it, to help whoever looks for it."""

    reference: str
    asset: str
    amount: Decimal
    direction: Direction
    time: str = ""

    @property
    def signed(self) -> Decimal:
        return self.amount if self.direction == "in" else -self.amount


@dataclass
class Statement:
    """``movements`` is ``None`` where a statement tells of amounts only."""

    amounts: dict[str, Decimal] = field(default_factory=dict)
    movements: list[Movement] | None = None


@dataclass(frozen=True)
class AssetDifference:
    asset: str
    statement: Decimal
    books: Decimal

    @property
    def difference(self) -> Decimal:
        return self.statement - self.books


@dataclass(frozen=True)
class OtherwiseKnown:
    """The same reference, with another amount, asset or direction."""

    statement: Movement
    books: Movement


@dataclass(frozen=True)
class Reconciliation:
    """``assets``: all of them, equal or not. The rest are differences."""

    assets: list[AssetDifference]
    only_in_statement: list[Movement]
    only_in_books: list[Movement]
    otherwise_known: list[OtherwiseKnown]
    movements_compared: bool

    @property
    def agrees(self) -> bool:
        differing = [asset for asset in self.assets if asset.difference]
        return not (differing or self.only_in_statement or self.only_in_books or self.otherwise_known)

    def as_object(self) -> dict[str, Any]:
        return {
            "agrees": self.agrees,
            "assets": [
                {
                    "asset": each.asset,
                    "statement": text(each.statement),
                    "books": text(each.books),
                    "difference": text(each.difference),
                }
                for each in self.assets
            ],
            "movements_compared": self.movements_compared,
            "only_in_statement": [_movement(each) for each in self.only_in_statement],
            "only_in_books": [_movement(each) for each in self.only_in_books],
            "otherwise_known": [
                {"statement": _movement(each.statement), "books": _movement(each.books)}
                for each in self.otherwise_known
            ],
        }


def reconcile(statement: Statement, books: Statement) -> Reconciliation:
    """Compare the two. An asset that one of them does not name is zero there; the same reference may be
    used more than once (a payment in parts), and is then compared one by one, in order.
    """
    assets = [
        AssetDifference(asset, statement.amounts.get(asset, Decimal(0)), books.amounts.get(asset, Decimal(0)))
        for asset in sorted(statement.amounts.keys() | books.amounts.keys())
    ]
    if statement.movements is None:
        return Reconciliation(assets, [], [], [], movements_compared=False)
    ours, theirs = _by_reference(books.movements or []), _by_reference(statement.movements)
    only_theirs: list[Movement] = []
    only_ours: list[Movement] = []
    otherwise: list[OtherwiseKnown] = []
    for reference in sorted(ours.keys() | theirs.keys()):
        unmatched_theirs, unmatched_ours = _unmatched(theirs.get(reference, []), ours.get(reference, []))
        pairs = min(len(unmatched_theirs), len(unmatched_ours))
        otherwise += map(OtherwiseKnown, unmatched_theirs[:pairs], unmatched_ours[:pairs])
        only_theirs += unmatched_theirs[pairs:]
        only_ours += unmatched_ours[pairs:]
    return Reconciliation(assets, only_theirs, only_ours, otherwise, movements_compared=True)


def _unmatched(theirs: Sequence[Movement], ours: Sequence[Movement]) -> tuple[list[Movement], list[Movement]]:
    """Return what is left of both when each movement has been struck off against its like."""
    left = list(ours)
    without_like: list[Movement] = []
    for movement in theirs:
        like = next((each for each in left if _says(each) == _says(movement)), None)
        if like is None:
            without_like.append(movement)
        else:
            left.remove(like)
    return without_like, left


def _says(movement: Movement) -> tuple[str, Decimal]:
    return movement.asset, movement.signed


def _by_reference(movements: Sequence[Movement]) -> Mapping[str, list[Movement]]:
    found: dict[str, list[Movement]] = {}
    for movement in movements:
        found.setdefault(movement.reference, []).append(movement)
    return found


def _movement(movement: Movement) -> dict[str, str]:
    return {
        "reference": movement.reference,
        "asset": movement.asset,
        "amount": text(movement.amount),
        "direction": movement.direction,
        "time": movement.time,
    }


def text(amount: Decimal) -> str:
    """Return a plain decimal without trailing zeros."""
    plain = f"{amount:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
