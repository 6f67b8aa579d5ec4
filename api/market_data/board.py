"""The board: all markets in memory, the channels somebody listens to, and who does. No sockets in here."""

import logging
import time
from typing import Any, Protocol

from api.market_data.bounds import StreamBounds
from api.market_data.channels import KINDS, BookChannel, Channel, Sent, TickerChannel
from api.market_data.market import Market, News
from api.market_data.messages import Wanted
from domain.control import VenueStatusChanged
from domain.market import MarketListed
from projections import markets
from projections.projection import At
from streams.codec import RecordedEvent
from streams.tailing import Piece

log = logging.getLogger(__name__)

Key = tuple[str, str, str | None]


class Listener(Protocol):
    """Who is told what is new; it must not wait."""

    def offer(self, channel: Channel, sent: Sent) -> None: ...


class UnknownMarketError(LookupError):
    """There is no market of this symbol."""


class Board:
    """Folds pieces as they come, in one thread, and tells the listeners of each channel."""

    def __init__(self, limits: StreamBounds) -> None:
        self.markets: dict[str, Market] = {}
        self.channels: dict[Key, Channel] = {}
        self._listeners: dict[Channel, dict[Listener, None]] = {}
        self._of_market: dict[str, list[Channel]] = {}
        self._left_at: dict[Channel, float] = {}
        self._venues: dict[int, str] = {}
        self._bounds = limits

    # --- What happens ----------------------------------------------------------------------------------

    def add(self, market: Market) -> None:
        market.venue_status = self._venues.get(market.shard, "open")
        self.markets[market.symbol] = market

    def set_venue(self, shard: int, status: str) -> None:
        self._venues[shard] = status

    def take(self, piece: Piece) -> None:
        """Fold the piece's events, and tell what they did. Raises ``ValueError`` if events are missing."""
        touched: dict[str, Market] = {}
        for recorded in piece.events:
            at = At(piece.place.shard, recorded.seq, recorded.occurred_at_us)
            market = self._take_event(recorded, at, piece.published_at_ms)
            if market is not None:
                touched[market.symbol] = market
        occurred_at_us = piece.events[-1].occurred_at_us
        for market in touched.values():
            self._tell(market, market.take_news(occurred_at_us, piece.published_at_ms))

    def _take_event(self, recorded: RecordedEvent, at: At, published_at_ms: int) -> Market | None:
        event: Any = recorded.event
        if isinstance(event, MarketListed):
            return self._listed(event, at)
        if isinstance(event, VenueStatusChanged):
            self._venue_changed(event, at, published_at_ms)
            return None
        market = self.markets.get(getattr(event, "symbol", ""))
        if market is not None:
            market.take(event, at)
        return market

    def _listed(self, event: MarketListed, at: At) -> Market:
        document = {**markets.fold(None, event, at), "seq": at.seq, "shard": at.shard}
        known = self.markets.get(event.rules.symbol)
        if known is None:
            self.add(Market(document))
        else:
            known.listed_again(document)
        return self.markets[event.rules.symbol]

    def _venue_changed(self, event: VenueStatusChanged, at: At, published_at_ms: int) -> None:
        self._venues[at.shard] = event.status
        for market in self.markets.values():
            if market.shard == at.shard:
                self._tell(market, market.venue_news(event, at, published_at_ms))

    def _tell(self, market: Market, news: News) -> None:
        for channel in self._of_market.get(market.symbol, ()):
            sent = channel.update(news)
            if sent is not None:
                self._fan_out(channel, sent)

    def _fan_out(self, channel: Channel, sent: Sent) -> None:
        for listener in self._listeners[channel]:
            listener.offer(channel, sent)

    def tick(self, now_us: int, now_s: float) -> None:
        """Tell what changes with time alone; let go of channels that nobody came back to."""
        for channel in self.channels.values():
            if isinstance(channel, TickerChannel) and (sent := channel.tick(now_us)) is not None:
                self._fan_out(channel, sent)
        idle_s = self._bounds.channel_idle_ms_max / 1000
        for channel in [each for each, left in self._left_at.items() if now_s - left > idle_s]:
            self._drop(channel)

    # --- Who listens -----------------------------------------------------------------------------------

    def channel(self, wanted: Wanted) -> Channel:
        """Return the channel, begun now if nobody listens to it yet. Raises ``UnknownMarketError``."""
        key = key_of(wanted)
        channel = self.channels.get(key)
        if channel is None:
            channel = self.channels[key] = self._begun(wanted)
            self._listeners[channel] = {}
            self._of_market.setdefault(wanted.symbol, []).append(channel)
        return channel

    def _begun(self, wanted: Wanted) -> Channel:
        market = self.market(wanted.symbol)
        sizes = (self._bounds.ring_messages_max, self._bounds.ring_bytes_max)
        if wanted.channel == "book":
            return BookChannel(market, *sizes, wanted.depth)
        channel = KINDS[wanted.channel](market, *sizes)
        if isinstance(channel, TickerChannel):
            channel.tick(time.time_ns() // 1_000)
        return channel

    def market(self, symbol: str) -> Market:
        """Raises ``UnknownMarketError``."""
        market = self.markets.get(symbol)
        if market is None:
            raise UnknownMarketError(f"there is no market {symbol!r}; GET /v1/markets lists them")
        return market

    def listen(self, channel: Channel, listener: Listener) -> None:
        self._listeners[channel][listener] = None
        self._left_at.pop(channel, None)

    def leave(self, channel: Channel, listener: Listener, now_s: float) -> None:
        listeners = self._listeners.get(channel, {})
        listeners.pop(listener, None)
        if not listeners:
            self._left_at[channel] = now_s

    def listeners(self) -> int:
        """Return how many subscriptions there are."""
        return sum(map(len, self._listeners.values()))

    def _drop(self, channel: Channel) -> None:
        del self._left_at[channel]
        del self._listeners[channel]
        del self.channels[channel.key]
        self._of_market[channel.market.symbol].remove(channel)


def key_of(wanted: Wanted) -> Key:
    return (wanted.channel, wanted.symbol, wanted.depth if wanted.channel == "book" else None)
