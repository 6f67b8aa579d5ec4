"""What is in transit between shards, told from both sides' events: what one sent and the other has not taken.

Each shard's books balance by themselves, so they do not show money that one shard credited and no other
sent. Here both sides of every transfer are laid beside each other, by its id, and the books of each pair of
shards as well. What the shards' events are taken from must be one moment of the store: there, whatever has
arrived has been sent.
"""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from domain.event import Event
from domain.exchange import Exchange
from domain.shard_transfer import FundsDeclined, FundsReceived, FundsSent, TransferCompleted, TransferReturned

_LOOKED_AT = frozenset({FundsSent, FundsReceived, FundsDeclined, TransferCompleted, TransferReturned})

Pair = tuple[int, int, str]
"""Two shards, the lower one first, and an asset."""


class Way(NamedTuple):
    """From where to where a transfer goes, as one side tells it; ``amount`` in whole units."""

    from_shard: int
    from_account: str
    to_shard: int
    to_account: str
    asset: str
    amount: Fraction

    def __str__(self) -> str:
        return (
            f"{_decimal(self.amount)} {self.asset} from {self.from_account} on shard {self.from_shard} "
            f"to {self.to_account} on shard {self.to_shard}"
        )


class Sightings:
    """What the events of one shard, all of them, say about transfers to and from others.

    ``books``: by pair, what the shard's state counts as on the way between the two. ``whole``: that is all.
    """

    def __init__(self, shard: int) -> None:
        self.shard = shard
        self.sent: dict[str, Way] = {}
        self.received: dict[str, Way] = {}
        self.declined: set[str] = set()
        self.completed: set[str] = set()
        self.returned: set[str] = set()
        self.repeated: list[str] = []
        self.books: dict[Pair, Fraction] = {}
        self.whole = False

    def see(self, event: Event, scales: Mapping[str, int]) -> None:
        """Take an event in; ``scales``: the decimals of each asset on the shard."""
        if type(event) not in _LOOKED_AT:
            return
        if isinstance(event, FundsSent):
            there = (self.shard, event.account, event.to_shard, event.to_account)
            self._once(self.sent, event.transfer_id, Way(*there, event.asset, _whole(event, scales)))
        elif isinstance(event, FundsReceived):
            here = (event.from_shard, event.from_account, self.shard, event.account)
            self._once(self.received, event.transfer_id, Way(*here, event.asset, _whole(event, scales)))
        elif isinstance(event, FundsDeclined):
            self.declined.add(event.transfer_id)
        elif isinstance(event, TransferCompleted):
            self.completed.add(event.transfer_id)
        elif isinstance(event, TransferReturned):
            self.returned.add(event.transfer_id)

    def finish(self, exchange: Exchange) -> None:
        """Take in the books as the last event leaves them."""
        self.whole = True
        for transit in exchange.in_transit.values():
            self._book(transit.to_shard, transit.asset, transit.amount, exchange.scales)
        for (shard, asset), amount in exchange.cleared.items():
            self._book(shard, asset, amount, exchange.scales)

    def _once(self, ways: dict[str, Way], transfer: str, way: Way) -> None:
        if transfer in ways:
            what = "credited" if ways is self.received else "sent"
            self.repeated.append(f"shard {self.shard} {what} transfer {transfer} twice: {way}")
        ways[transfer] = way

    def _book(self, other: int, asset: str, amount: int, scales: Mapping[str, int]) -> None:
        pair = (min(self.shard, other), max(self.shard, other), asset)
        whole = Fraction(amount, 10 ** scales[asset])
        self.books[pair] = self.books.get(pair, Fraction()) + whole


def differences(sightings: Iterable[Sightings]) -> Iterator[str]:
    """Yield in words what the shards' histories say against each other: ``sightings`` has all shards."""
    shards = {each.shard: each for each in sightings}
    for shard in shards.values():
        yield from shard.repeated
        yield from _arrivals(shard, shards)
        yield from _ends(shard, shards)
    yield from _books(list(shards.values()))


def in_transit(sightings: Iterable[Sightings]) -> dict[str, tuple[str, int]]:
    """Return for each asset what was sent and neither credited nor returned: the amount in whole units as a
    decimal string, and of how many transfers.
    """
    found: dict[str, tuple[Fraction, int]] = {}
    for way in _on_the_way(list(sightings)):
        amount, count = found.get(way.asset, (Fraction(), 0))
        found[way.asset] = (amount + way.amount, count + 1)
    return {asset: (_decimal(amount), count) for asset, (amount, count) in sorted(found.items())}


def _arrivals(shard: Sightings, shards: Mapping[int, Sightings]) -> Iterator[str]:
    for transfer, way in shard.received.items():
        source = shards.get(way.from_shard)
        sent = source.sent.get(transfer) if source else None
        if sent is None:
            yield f"transfer {transfer}: shard {shard.shard} credited what was never sent: {way}"
        elif sent != way:
            yield f"transfer {transfer}: sent was {sent}, credited was {way}"
        if transfer in shard.declined:
            yield f"transfer {transfer}: shard {shard.shard} both declined and credited it: {way}"


def _ends(shard: Sightings, shards: Mapping[int, Sightings]) -> Iterator[str]:
    for transfer, way in shard.sent.items():
        other = shards.get(way.to_shard)
        received = other is not None and transfer in other.received
        declined = other is not None and transfer in other.declined
        if transfer in shard.completed and not received:
            yield f"transfer {transfer}: completed, but never credited: {way}"
        if transfer in shard.returned and received:
            yield f"transfer {transfer}: returned, and credited as well: {way}"
        elif transfer in shard.returned and not declined:
            yield f"transfer {transfer}: returned, but never declined: {way}"


def _books(shards: list[Sightings]) -> Iterator[str]:
    told: dict[Pair, Fraction] = {}
    for way in _on_the_way(shards):
        pair = (min(way.from_shard, way.to_shard), max(way.from_shard, way.to_shard), way.asset)
        told[pair] = told.get(pair, Fraction()) + way.amount
    booked: dict[Pair, Fraction] = {}
    for shard in shards:
        for pair, amount in shard.books.items():
            booked[pair] = booked.get(pair, Fraction()) + amount
    for low, high, asset in sorted(told.keys() | booked.keys()):
        in_events, in_books = (sums.get((low, high, asset), Fraction()) for sums in (told, booked))
        if in_events != in_books:
            yield (
                f"between shards {low} and {high} {_decimal(in_events)} {asset} are in transit by their "
                f"events, {_decimal(in_books)} by their books"
            )


def _on_the_way(shards: list[Sightings]) -> Iterator[Way]:
    received = {transfer for shard in shards for transfer in shard.received}
    for shard in shards:
        for transfer, way in shard.sent.items():
            if transfer not in received and transfer not in shard.returned:
                yield way


def _whole(event: Any, scales: Mapping[str, int]) -> Fraction:
    return Fraction(event.amount, 10 ** scales[event.asset])


def _decimal(amount: Fraction) -> str:
    """Return it as a decimal string: its denominator is a power of ten, or divides one."""
    digits = 0
    while (amount * 10**digits).denominator != 1:
        digits += 1
    units = str(abs(int(amount * 10**digits))).rjust(digits + 1, "0")
    sign = "-" if amount < 0 else ""
    return f"{sign}{units[:-digits]}.{units[-digits:]}" if digits else f"{sign}{units}"
