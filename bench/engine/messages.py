"""The messages of a flow, and the file from which every engine reads them.

Standard library only: peers run in environments that have none of our packages.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

Kind = Literal["rest", "take", "cancel", "modify"]
BookSide = Literal["buy", "sell"]

KINDS: tuple[Kind, ...] = ("rest", "take", "cancel", "modify")
SIDES: tuple[BookSide, ...] = ("buy", "sell")


class Message(NamedTuple):
    """What a trader sends, in ticks and lots.

    ``rest``: a limit order that finds nobody and rests; ``take``: one priced to trade, mostly ``ioc``;
    ``cancel``; ``modify``: a resting order moves to ``price`` with all of the ``quantity`` that remains, and
    joins the queue there as the last. Orders are numbered from 0.
    """

    kind: Kind
    order: int
    side: BookSide
    price: int
    quantity: int
    ioc: bool
    account: int


class Header(NamedTuple):
    """How many messages fill the book, and how many after them are measured."""

    setup: int
    measured: int


def write(path: Path, setup: Iterable[Message], measured: Iterable[Message]) -> None:
    """Write a line of integers for each message, below a line with both counts."""
    parts = [[_line(message) for message in part] for part in (setup, measured)]
    head = " ".join(str(len(part)) for part in parts)
    path.write_text("\n".join([head, *parts[0], *parts[1]]) + "\n")


def header(path: Path) -> Header:
    with path.open() as file:
        setup, measured = map(int, file.readline().split())
    return Header(setup, measured)


def stream(path: Path) -> Iterator[Message]:
    """Yield all messages without ever holding more than one."""
    with path.open() as file:
        file.readline()
        for line in file:
            kind, order, side, price, quantity, ioc, account = map(int, line.split())
            yield Message(KINDS[kind], order, SIDES[side], price, quantity, bool(ioc), account)


def _line(message: Message) -> str:
    kind, side = KINDS.index(message.kind), SIDES.index(message.side)
    numbers = (kind, message.order, side, message.price, message.quantity, int(message.ioc), message.account)
    return " ".join(map(str, numbers))
