"""What a venue's adapter has to know: how to ask for prices, and what its messages say. Pure: no connection.

Reading is strict. What is no message of the venue's raises ``OddMessageError``, which costs that message and
nothing else.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

_DECIMAL = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,18}))?", re.ASCII)
SHOWN_MAX = 200


class OddMessageError(ValueError):
    """What came is none of the venue's messages; says what was wrong with which value."""


class Trade(NamedTuple):
    """``number``: the venue's id of the trade, one more than that of the market's trade before."""

    theirs: str
    number: int
    price: str
    quantity: str
    occurred_at_us: int


class Quote(NamedTuple):
    """The best prices, ``None`` for an empty side. ``number`` grows with each, not by one."""

    theirs: str
    number: int
    bid: str | None
    bid_quantity: str | None
    ask: str | None
    ask_quantity: str | None
    occurred_at_us: int | None


class Beat(NamedTuple):
    """The venue is there. ``last_trade``: the id of the market's last trade, where it says so."""

    theirs: str = ""
    last_trade: int | None = None
    occurred_at_us: int | None = None


class Confirmed(NamedTuple):
    """From here on come the prices that were asked for: by request ``number``, or for just these symbols."""

    number: int | None = None
    theirs: frozenset[str] = frozenset()


class Refused(NamedTuple):
    """The venue does not do what it was asked for, and says why."""

    why: str


Heard = Trade | Quote | Beat | Confirmed | Refused


class Venue(Protocol):
    """``name`` is the source in every tick; ``address`` where the venue serves everybody."""

    name: str
    address: str

    def subscribe(self, theirs: Sequence[str], number: int) -> str:
        """Return the message that asks for trades and best quotes of these symbols."""

    def unsubscribe(self, theirs: Sequence[str], number: int) -> str:
        """Return the message that asks for no more of them."""

    def beat(self, number: int) -> str | None:
        """Return a message that the venue answers; ``None``: it sends heartbeats by itself."""

    def read(self, text: str | bytes) -> Sequence[Heard]:
        """Return what a message says; nothing for one that was not asked for. Raises ``OddMessageError``."""


def decimal(text: str) -> str:
    """Return a plain decimal without needless zeros. Raises ``OddMessageError``."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise OddMessageError(
            f"{text[:60]!r} is no plain decimal of up to 18 digits before and after its point"
        )
    whole, fraction = found[1].lstrip("0") or "0", (found[2] or "").rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def price(text: str) -> str:
    """Return a price. Raises ``OddMessageError`` for 0 as well."""
    found = decimal(text)
    if found == "0":
        raise OddMessageError("a price of 0")
    return found


def side(price_text: str, quantity_text: str) -> tuple[str | None, str | None]:
    """Return the best price of a side with its quantity; nothing where the side is empty, which says 0."""
    best, quantity = decimal(price_text), decimal(quantity_text)
    return (None, None) if "0" in {best, quantity} else (best, quantity)


def shown(text: str | bytes) -> str:
    """Return the beginning of a message, for a person."""
    return repr(text[:SHOWN_MAX])
