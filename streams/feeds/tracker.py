"""One feed as it is followed: what the venue said becomes ticks, as long as nothing is missing.

A symbol is in step once the venue has confirmed its subscription and sent a quote. A trade id that is skipped
means that messages were lost: the symbol's prices are taken back (an empty quote), it is to be asked for
again, and it is in step again with the first quote after the new confirmation. What is in step is said again
every second as long as the venue is heard of: a quote stands until the next one. Pure: times are given.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

from streams.feeds.venue import Beat, Confirmed, Heard, OddMessageError, Quote, Refused, Trade, Venue
from streams.prices import Kind, PriceTick

logger = logging.getLogger(__name__)

Step = Literal["asked", "confirmed", "in_step"]
RESTATE_US = 1_000_000
SKEW_US_MAX = 1_000_000
"""A venue's clock that is so far ahead of ours, or a message that is so old, is told."""
TELL_EVERY_US = 60_000_000
"""Of each kind of trouble one line so often; all are counted."""


class Line(NamedTuple):
    """A message as it came in. ``shift_us``: of a recording, by how much it is played later than it was made;
    the venue's times are moved along.
    """

    text: str | bytes
    received_at_us: int
    shift_us: int = 0


@dataclass
class Counts:
    """Since the process began. ``missed``: trades that the venue's numbers say there were."""

    messages: int = 0
    ticks: int = 0
    odd: int = 0
    repeated: int = 0
    gaps: int = 0
    missed: int = 0
    refused: int = 0
    skewed: int = 0
    connections: int = 0

    def as_text(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in asdict(self).items() if count)


@dataclass
class _Followed:
    """One symbol. ``trade``, ``quote``: the venue's numbers of the last ones. ``joined``: a trade has come
    since the symbol was asked for last; one that was missed before that is known to be, and is no gap.
    """

    symbol: str
    step: Step = "asked"
    joined: bool = False
    seq: int = 0
    trade: int | None = None
    quote: int | None = None
    standing: Quote | None = None
    said_at_us: int = 0


@dataclass
class Tracker:
    """``theirs``: the venue's symbol of each of ours. ``run`` names the process in every tick."""

    venue: Venue
    theirs: Mapping[str, str]
    run: str
    counts: Counts = field(default_factory=Counts)
    to_ask_again: list[str] = field(default_factory=list)
    """Their symbols that fell out of step; whoever has the connection asks, and clears the list."""
    heard_at_us: int = 0
    skew_us: int = 0
    """How far the venue's clock is behind ours at most, latency included; negative: it is ahead."""

    def __post_init__(self) -> None:
        self._followed = {theirs: _Followed(symbol) for symbol, theirs in self.theirs.items()}
        self._asked: dict[int, tuple[str, ...]] = {}
        self._told: dict[str, int] = {}

    @property
    def in_step(self) -> set[str]:
        """Our symbols whose prices are whole."""
        return {each.symbol for each in self._followed.values() if each.step == "in_step"}

    @property
    def unconfirmed(self) -> set[str]:
        """Our symbols that were asked for, and of which the venue has not said that they come."""
        return {each.symbol for each in self._followed.values() if each.step == "asked"}

    def begin_again(self) -> None:
        """Forget all numbers: a recording that is played again has the same ones."""
        for followed in self._followed.values():
            followed.trade = None

    def connected(self) -> None:
        """Begin anew: another connection has numbers of its own for quotes."""
        self.counts.connections += 1
        self.to_ask_again.clear()
        self._asked.clear()
        for followed in self._followed.values():
            followed.step, followed.joined, followed.quote, followed.standing = "asked", False, None, None

    def asked(self, number: int, theirs: Iterable[str]) -> None:
        """Note which symbols a request is for."""
        self._asked[number] = tuple(theirs)

    def confirm(self, theirs: Iterable[str]) -> None:
        for each in theirs:
            followed = self._followed.get(each)
            if followed is not None and followed.step == "asked":
                followed.step = "confirmed"

    def lost(self, now_us: int) -> list[PriceTick]:
        """Take back all prices: the connection is gone."""
        ticks: list[PriceTick] = []
        for followed in self._followed.values():
            ticks += self._taken_back(followed, now_us)
        return ticks

    def restate(self, now_us: int) -> list[PriceTick]:
        """Say again which quotes stand and have not been said for a second."""
        return [
            self._quote_tick(followed, followed.standing, now_us, 0)
            for followed in self._followed.values()
            if followed.standing is not None and now_us - followed.said_at_us >= RESTATE_US
        ]

    def take(self, line: Line) -> list[PriceTick]:
        """Return what a message comes to. What makes no sense is counted and told."""
        self.counts.messages += 1
        self.heard_at_us = line.received_at_us
        try:
            heard = self.venue.read(line.text)
        except OddMessageError as error:
            self.counts.odd += 1
            self._tell("odd message", line.received_at_us, "odd message: %s", error)
            return []
        return [tick for each in heard for tick in self._taken(each, line)]

    def _taken(self, heard: Heard, line: Line) -> Sequence[PriceTick]:
        if isinstance(heard, Confirmed):
            self._confirmed(heard)
        elif isinstance(heard, Refused):
            self.counts.refused += 1
            self._tell("refused", line.received_at_us, "refused: %s", heard.why)
        elif isinstance(heard, Beat) and not heard.theirs:
            pass  # the venue is there, and that is all
        elif (followed := self._followed.get(heard.theirs)) is None:
            self.counts.odd += 1
            self._tell("odd message", line.received_at_us, "%s was not asked for", heard.theirs[:40])
        else:
            return self._of_symbol(followed, heard, line)
        return ()

    def _confirmed(self, confirmed: Confirmed) -> None:
        by_number = self._asked.pop(confirmed.number, ()) if confirmed.number is not None else ()
        self.confirm((*by_number, *confirmed.theirs))

    def _of_symbol(self, followed: _Followed, heard: Trade | Quote | Beat, line: Line) -> list[PriceTick]:
        self._look_at_clock(heard.occurred_at_us, line)
        if isinstance(heard, Quote):
            return self._quote(followed, heard, line)
        if isinstance(heard, Trade):
            return self._trade(followed, heard, line)
        missed = (
            0 if heard.last_trade is None or followed.trade is None else heard.last_trade - followed.trade
        )
        if missed <= 0:
            return []
        followed.trade = heard.last_trade
        return self._gap(followed, missed, line)

    # --- Trades and quotes ----------------------------------------------------------------------------------

    def _trade(self, followed: _Followed, trade: Trade, line: Line) -> list[PriceTick]:
        last = followed.trade
        if last is not None and trade.number <= last:
            self.counts.repeated += 1
            return []
        missed = 0 if last is None else trade.number - last - 1
        if taken_back := self._gap(followed, missed, line):
            followed.trade = trade.number
            return taken_back
        followed.trade, followed.joined = trade.number, followed.step != "asked"
        if followed.step != "in_step":
            return []
        said = {"price": trade.price, "quantity": trade.quantity}
        return [
            self._tick(followed, "trade", line.received_at_us, trade.occurred_at_us + line.shift_us, said)
        ]

    def _quote(self, followed: _Followed, quote: Quote, line: Line) -> list[PriceTick]:
        if followed.quote is not None and quote.number <= followed.quote:
            self.counts.repeated += 1
            return []
        if quote.bid and quote.ask and _is_crossed(quote.bid, quote.ask):
            self.counts.odd += 1
            self._tell(
                "crossed", line.received_at_us, "%s: bid %s above ask %s", quote.theirs, quote.bid, quote.ask
            )
            return []
        followed.quote = quote.number
        if followed.step == "asked":
            return []
        followed.step, followed.standing = "in_step", quote
        return [self._quote_tick(followed, quote, line.received_at_us, line.shift_us)]

    def _gap(self, followed: _Followed, missed: int, line: Line) -> list[PriceTick]:
        """Return what takes the symbol's prices back, if it was in step and no longer is."""
        self.counts.missed += missed
        if not missed or not followed.joined or followed.step != "in_step":
            return []
        self.counts.gaps += 1
        what = (followed.symbol, missed)
        self._tell("gap", line.received_at_us, "%s: %s trades were missed; asking again", *what)
        self.to_ask_again.append(self.theirs[followed.symbol])
        return self._taken_back(followed, line.received_at_us)

    def _taken_back(self, followed: _Followed, now_us: int) -> list[PriceTick]:
        was_in_step = followed.step == "in_step"
        followed.step, followed.joined, followed.standing = "asked", False, None
        return [self._tick(followed, "quote", now_us, now_us, {})] if was_in_step else []

    def _quote_tick(self, followed: _Followed, quote: Quote, now_us: int, shift_us: int) -> PriceTick:
        said = {
            "bid": quote.bid,
            "bid_quantity": quote.bid_quantity,
            "ask": quote.ask,
            "ask_quantity": quote.ask_quantity,
        }
        when_us = now_us if quote.occurred_at_us is None else quote.occurred_at_us + shift_us
        return self._tick(followed, "quote", now_us, when_us, said)

    def _tick(
        self, followed: _Followed, kind: Kind, now_us: int, when_us: int, said: dict[str, Any]
    ) -> PriceTick:
        followed.seq += 1
        self.counts.ticks += 1
        if kind == "quote":
            followed.said_at_us = now_us
        place = (followed.symbol, self.venue.name, self.run, followed.seq)
        return PriceTick(kind, *place, occurred_at_us=when_us, received_at_us=now_us, **said)

    # --- Trouble --------------------------------------------------------------------------------------------

    def _look_at_clock(self, occurred_at_us: int | None, line: Line) -> None:
        if occurred_at_us is None:
            return
        self.skew_us = line.received_at_us - line.shift_us - occurred_at_us
        if abs(self.skew_us) > SKEW_US_MAX:
            self.counts.skewed += 1
            skew_ms = self.skew_us // 1_000
            self._tell(
                "skew", line.received_at_us, "its clock is %s ms behind ours, latency included", skew_ms
            )

    def _tell(self, kind: str, now_us: int, message: str, *values: object) -> None:
        if now_us - self._told.get(kind, -TELL_EVERY_US) >= TELL_EVERY_US:
            self._told[kind] = now_us
            logger.warning("%s: " + message, self.venue.name, *values)  # noqa: G003 - a constant in front


def _is_crossed(bid: str, ask: str) -> bool:
    """Tell without a float: both are plain decimals without needless zeros."""
    return _comparable(bid) > _comparable(ask)


def _comparable(text: str) -> tuple[int, str, str]:
    whole, _, fraction = text.partition(".")
    return len(whole), whole, fraction
