"""A reference client's side of a book: it holds what the server holds, or knows that it does not.

It is given decoded messages and touches no socket, so that any client can be built around it. After a
``GapError`` or a ``ChecksumError`` connect again (or unsubscribe) and subscribe with ``wanted``: with its
last ``seq`` if it still has a book, else from a snapshot.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any, Literal
from zlib import crc32

CHECKED_LEVELS = 25
CHECKED_LEVELS_OF_ORDERS = 10
SIDES = ("bids", "asks")


class GapError(Exception):
    """A message is missing."""


class ChecksumError(Exception):
    """The book is not the server's."""


class BookFollower:
    """``channel`` ``book``: by price; ``orders``: order by order. ``seq`` is ``None`` before the snapshot.

    ``sides``: for bids and asks, what is known of each key: of ``book`` the price, of ``orders`` the order's
    price and id.
    """

    def __init__(self, symbol: str, channel: Literal["book", "orders"] = "book", depth: str = "full") -> None:
        self.symbol = symbol
        self.channel = channel
        self.depth = depth
        self.seq: int | None = None
        self.checked = 0
        self.snapshots = 0
        self.sides: dict[str, dict[Any, Any]] = {side: {} for side in SIDES}

    def wanted(self) -> dict[str, Any]:
        """Return what to subscribe to: to go on where it is, if it is anywhere."""
        wanted: dict[str, Any] = {"channel": self.channel, "symbol": self.symbol}
        if self.channel == "book":
            wanted["depth"] = self.depth
        return wanted if self.seq is None else {**wanted, "from_seq": self.seq}

    def forget(self) -> None:
        """Begin anew, from a snapshot."""
        self.seq = None

    def take(self, message: Mapping[str, Any]) -> bool:
        """Apply a message; tell whether it was one of this book. Raises ``GapError``, ``ChecksumError``."""
        kind = message.get("type")
        if message.get("symbol") != self.symbol or kind not in {self.channel, f"{self.channel}_snapshot"}:
            return False
        if self.channel == "book" and message["depth"] != self.depth:
            return False
        if kind == self.channel:
            if message["previous"] != self.seq:
                self.forget()
                raise GapError(f"the message after {message['previous']} came, {self.seq} was the last one")
        else:
            self.snapshots += 1
            self.sides = {side: {} for side in SIDES}
        self._apply(message)
        self._check(message)
        return True

    def _apply(self, message: Mapping[str, Any]) -> None:
        for side in SIDES:
            for entry in message.get(side, ()):
                if self.channel == "book":
                    price, quantity = entry
                    self._stand(side, price, quantity, quantity)
                else:
                    order_id, price, quantity, joined = entry
                    self._stand(side, (price, order_id), quantity, (quantity, joined))
        self.seq = message["seq"]

    def _stand(self, side: str, key: Any, quantity: str, what: Any) -> None:
        if quantity == "0":
            self.sides[side].pop(key, None)
        else:
            self.sides[side][key] = what

    def _check(self, message: Mapping[str, Any]) -> None:
        if message.get("checksum") is None:
            return
        own = self.checksum()
        if own != message["checksum"]:
            self.forget()
            raise ChecksumError(f"at {message['seq']} the server's book has another checksum than {own}")
        self.checked += 1

    def checksum(self) -> int:
        """Return the checksum of the book as it is, as docs/market-data.md defines it."""
        texts = self._level_texts if self.channel == "book" else self._queue_texts
        by_turns = zip_longest(texts("bids"), texts("asks"))
        return crc32(":".join(text for pair in by_turns for text in pair if text is not None).encode())

    def levels(self, side: str) -> list[tuple[str, str]]:
        """Return (price, quantity) of the channel ``book``, best first."""
        return [(price, self.sides[side][price]) for price in _best_first(side, self.sides[side])]

    def orders(self, side: str) -> list[tuple[str, str, str]]:
        """Return (price, order id, quantity) of the channel ``orders``, in the order in which they trade."""
        return [entry for _, queue in self._queues(side) for entry in queue]

    def _level_texts(self, side: str) -> Iterator[str]:
        most = CHECKED_LEVELS if self.depth == "full" else min(CHECKED_LEVELS, int(self.depth))
        for price, quantity in self.levels(side)[:most]:
            yield f"{price}:{quantity}"

    def _queue_texts(self, side: str) -> Iterator[str]:
        for _, queue in self._queues(side)[:CHECKED_LEVELS_OF_ORDERS]:
            yield ":".join(f"{order_id}:{price}:{quantity}" for price, order_id, quantity in queue)

    def _queues(self, side: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
        by_price: dict[str, list[tuple[int, str, str]]] = {}
        for (price, order_id), (quantity, joined) in self.sides[side].items():
            by_price.setdefault(price, []).append((joined, order_id, quantity))
        return [
            (price, [(price, order_id, quantity) for _, order_id, quantity in sorted(by_price[price])])
            for price in _best_first(side, by_price)
        ]


def _best_first(side: str, prices: Iterable[str]) -> list[str]:
    return sorted(prices, key=Decimal, reverse=side == "bids")
