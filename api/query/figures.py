"""Sums for analysts: what trades, orders and fees come to, by day, market, account and more.

Sums are of exact integers, made in this process, a document at a time: no database of the common subset can
add what outgrows 64 bits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple, TypeVar

from api.problems import Problem
from api.query.times import Days
from domain.event import Side
from projections import daily
from projections.projection import Document

Group = tuple[Any, ...]
Sums = dict[str, int]
T = TypeVar("T")

DOCUMENTS_MAX = 200_000
GROUPS_MAX = 10_000


class SideOfDay(NamedTuple):
    """What an account bought or sold on a market on a day."""

    account: str
    symbol: str
    day: int
    side: Side
    sums: Sums


def summed(entries: Iterable[tuple[Group, Sums]], groups_max: int = GROUPS_MAX) -> dict[Group, Sums]:
    """Return the sums of each group, by group. Raises ``Problem`` (400) for more than ``groups_max``."""
    groups: dict[Group, Sums] = {}
    for group, values in entries:
        sums = groups.get(group)
        if sums is None:
            if len(groups) == groups_max:
                raise too_much(f"there are more than {groups_max} groups")
            sums = groups[group] = dict.fromkeys(values, 0)
        for name, value in values.items():
            sums[name] += value
    return dict(sorted(groups.items(), key=_order))


def _order(entry: tuple[Group, Sums]) -> list[tuple[bool, Any]]:
    return [(value is not None, value) for value in entry[0]]


def bounded(documents: Iterable[T], most: int = DOCUMENTS_MAX) -> Iterator[T]:
    """Yield them. Raises ``Problem`` (400) for more than ``most``."""
    for number, document in enumerate(documents):
        if number == most:
            raise too_much(f"more than {most} documents would have to be summed up")
        yield document


def too_much(detail: str) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "too_much", detail)


def sides_of_days(documents: Iterable[Document], days: Days, sides: Sequence[Side]) -> Iterator[SideOfDay]:
    """Yield what each of ``documents`` (of the projection ``daily``) says of these days and sides. Days
    that are no longer kept one by one count with the last of them, where all of them are asked for.
    """
    for document in documents:
        for day in daily.days_of(document, days.first, days.last):
            for side in sides:
                values = [int(day[name]) for name in daily.SIDES[side]]
                if any(values):
                    sums = dict(zip(("count", "quantity", "notional", "fees"), values, strict=True))
                    yield SideOfDay(document["account"], document["symbol"], day["day"], side, sums)


def order_sums(order: Document) -> Sums:
    """Return what one order adds. A rejected one asked for nothing that can be added up."""
    return {
        "count": 1,
        "quantity": order.get("quantity", 0),
        "filled": order.get("filled", 0),
        "notional": int(order.get("notional", "0")),
        "fees": int(order.get("fees", "0")),
    }


def picked(values: Mapping[str, Any], asked: set[str], known: Sequence[str]) -> Group:
    """Return of each known dimension its value, or ``None`` where it is not asked for."""
    return tuple(values[name] if name in asked else None for name in known)
