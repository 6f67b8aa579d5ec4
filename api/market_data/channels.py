"""Channels: one kind of news of one market, with the messages that were last sent on it.

A message is encoded once, whoever it goes to. Each names the one before it on its channel (``previous``), so
a channel's numbers are those of the shard's history, the same in every process, and a gap still shows.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from api.market_data import bounds, messages
from api.market_data.market import Market, News
from api.market_data.market_views import state_of, ticker_of
from api.market_data.messages import ChannelName, Depth, Level, ShownOrder
from api.query.decimals import base_of, given, price_of
from domain.event import Side
from projections import checksums
from projections.live_book import Changes

DEPTHS: dict[Depth, int | None] = {"10": 10, "100": 100, "full": None}

LevelsChanged = dict[tuple[Side, int], int]


class Sent:
    """A message as it is sent to everybody: ``event`` is what the server's socket takes. ``levels``: what it
    says of a book, for whoever is owed several at once.
    """

    __slots__ = ("event", "levels", "previous", "seq", "size")

    def __init__(
        self, told: messages.Told, previous: int = 0, seq: int = 0, levels: LevelsChanged | None = None
    ) -> None:
        text = messages.encoder.encode(told).decode()
        self.event: dict[str, Any] = {"type": "websocket.send", "text": text, "bytes": None}
        self.size = len(text)
        self.previous = previous
        self.seq = seq
        self.levels = levels

    @property
    def text(self) -> str:
        return str(self.event["text"])


class Channel:
    """``seq``: that of the last message, or where the channel began. ``conflates``: what a slow reader has
    not taken yet can be told in one message.
    """

    name: ChannelName
    conflates = True
    depth: Depth | None = None

    def __init__(self, market: Market, ring_messages_max: int, ring_bytes_max: int) -> None:
        self.market = market
        self.seq = market.seq
        self._ring: deque[Sent] = deque()
        self._ring_bytes = 0
        self._ring_messages_max = ring_messages_max
        self._ring_bytes_max = ring_bytes_max
        self._snapshot: Sent | None = None
        self._occurred_at_us = 0
        self._published_at_ms = 0

    @property
    def key(self) -> tuple[ChannelName, str, Depth | None]:
        return (self.name, self.market.symbol, self.depth)

    def update(self, news: News) -> Sent | None:
        """Return what ``news`` means to subscribers; ``None``: nothing."""
        raise NotImplementedError

    def told_all(self) -> messages.MarketTold:
        """Return the state as of ``seq``, without its numbers."""
        raise NotImplementedError

    def snapshot(self) -> Sent:
        """Return the state as of the last message."""
        if self._snapshot is None:
            self._snapshot = Sent(self._numbered(self.told_all(), None), self.seq, self.seq)
        return self._snapshot

    def since(self, seq: int) -> list[Sent] | None:
        """Return the messages after ``seq``; ``None``: they are not all kept, or ``seq`` is no message's."""
        if seq == self.seq:
            return []
        found: list[Sent] = []
        for sent in reversed(self._ring):
            found.append(sent)
            if sent.previous == seq:
                return found[::-1]
        return None

    def owed(self, seq: int) -> list[Sent]:
        """Return what a slow reader that has everything up to ``seq`` is told instead of each message."""
        return [] if seq == self.seq else [self.snapshot()]

    def _publish(self, told: messages.MarketTold, news: News, levels: LevelsChanged | None = None) -> Sent:
        self._occurred_at_us, self._published_at_ms = news.occurred_at_us, news.published_at_ms
        previous, self.seq = self.seq, max(self.seq, news.seq)
        sent = Sent(self._numbered(told, previous), previous, self.seq, levels)
        self._snapshot = None
        self._keep(sent)
        return sent

    def _numbered(self, told: messages.MarketTold, previous: int | None) -> messages.MarketTold:
        return msgspec.structs.replace(
            told,
            seq=self.seq,
            previous=previous,
            occurred_at_us=self._occurred_at_us,
            published_at_ms=self._published_at_ms,
        )

    def _keep(self, sent: Sent) -> None:
        self._ring.append(sent)
        self._ring_bytes += sent.size
        while len(self._ring) > self._ring_messages_max or self._ring_bytes > self._ring_bytes_max:
            self._ring_bytes -= self._ring.popleft().size


class _StateChannel(Channel):
    """Each message states all there is: it is its own snapshot, and only the last one counts."""

    def since(self, seq: int) -> list[Sent] | None:
        return [] if seq == self.seq else None


class QuoteChannel(_StateChannel):
    name = "quote"

    def __init__(self, market: Market, ring_messages_max: int, ring_bytes_max: int) -> None:
        super().__init__(market, ring_messages_max, ring_bytes_max)
        self._last = self._best()

    def update(self, news: News) -> Sent | None:
        if not news.book.levels or (best := self._best()) == self._last:
            return None
        self._last = best
        return self._publish(self.told_all(), news)

    def told_all(self) -> messages.Quote:
        rules, (bids, asks) = self.market.rules, self._last
        bid, ask = (next(iter(side), (None, None)) for side in (bids, asks))
        return messages.Quote(
            symbol=self.market.symbol,
            seq=self.seq,
            bid=given(price_of, rules, bid[0]),
            bid_quantity=given(base_of, rules, bid[1]),
            ask=given(price_of, rules, ask[0]),
            ask_quantity=given(base_of, rules, ask[1]),
        )

    def _best(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        book = self.market.book
        return book.best("buy", 1), book.best("sell", 1)


class BookChannel(Channel):
    """The book by price: of all levels, or the best ones of each side alone."""

    name = "book"

    def __init__(
        self, market: Market, ring_messages_max: int, ring_bytes_max: int, depth: Depth = "full"
    ) -> None:
        super().__init__(market, ring_messages_max, ring_bytes_max)
        self.depth: Depth = depth
        self._levels_max = DEPTHS[depth]
        self._shown = {} if self._levels_max is None else self._best()

    def update(self, news: News) -> Sent | None:
        if not news.book.levels:
            return None
        changed = news.book.levels if self._levels_max is None else self._moved()
        if not changed:
            return None
        return self._publish(self._update_of(changed, self._checksum()), news, changed)

    def told_all(self) -> messages.BookSnapshot:
        book = self.market.book
        return messages.BookSnapshot(
            symbol=self.market.symbol,
            seq=self.seq,
            depth=self.depth,
            bids=[self._level(*level) for level in book.best("buy", self._levels_max)],
            asks=[self._level(*level) for level in book.best("sell", self._levels_max)],
            checksum=self._checksum(),
        )

    def owed(self, seq: int) -> list[Sent]:
        """Return all that changed since in one message, while that is less than the book is."""
        missed = self.since(seq)
        if missed is None:
            return [self.snapshot()]
        if len(missed) <= 1:
            return missed
        merged: LevelsChanged = {}
        for sent in missed:
            merged.update(sent.levels or {})
        if len(merged) > bounds.MERGED_LEVELS_MAX:
            return [self.snapshot()]
        told = self._update_of(merged, self._checksum(), conflated=True)
        return [Sent(self._numbered(told, seq), seq, self.seq)]

    def _update_of(
        self, changed: LevelsChanged, checksum: int, *, conflated: bool = False
    ) -> messages.BookUpdate:
        levels: dict[Side, list[Level]] = {"buy": [], "sell": []}
        for (side, price), quantity in changed.items():
            levels[side].append(self._level(price, quantity))
        return messages.BookUpdate(
            symbol=self.market.symbol,
            seq=self.seq,
            depth=self.depth,
            bids=levels["buy"],
            asks=levels["sell"],
            checksum=checksum,
            conflated=conflated,
        )

    def _level(self, price: int, quantity: int) -> Level:
        rules = self.market.rules
        return price_of(rules, price), base_of(rules, quantity)

    def _best(self) -> LevelsChanged:
        book = self.market.book
        sides: tuple[Side, Side] = ("buy", "sell")
        return {
            (side, price): quantity for side in sides for price, quantity in book.best(side, self._levels_max)
        }

    def _moved(self) -> LevelsChanged:
        """Return what is shown otherwise than before: levels also come and go when others do."""
        before, self._shown = self._shown, self._best()
        changed = {key: quantity for key, quantity in self._shown.items() if before.get(key) != quantity}
        changed.update(dict.fromkeys(before.keys() - self._shown.keys(), 0))
        return changed

    def _checksum(self) -> int:
        most = min(checksums.LEVELS, self._levels_max or checksums.LEVELS)
        book = self.market.book
        return checksums.of_levels(self.market.rules, book.best("buy", most), book.best("sell", most))


class OrdersChannel(Channel):
    """The book order by order: nothing of it can be left out."""

    name = "orders"
    conflates = False
    _messages = 0

    def update(self, news: News) -> Sent | None:
        if not news.book.orders:
            return None
        self._messages += 1
        checked = self._messages % bounds.CHECKSUM_EVERY_MESSAGES == 0
        bids, asks = self._changed(news.book)
        told = messages.OrdersUpdate(
            symbol=self.market.symbol,
            seq=self.seq,
            bids=bids,
            asks=asks,
            checksum=self._checksum() if checked else None,
        )
        return self._publish(told, news)

    def told_all(self) -> messages.OrdersSnapshot:
        return messages.OrdersSnapshot(
            symbol=self.market.symbol,
            seq=self.seq,
            bids=self._side("buy"),
            asks=self._side("sell"),
            checksum=self._checksum(),
        )

    def _side(self, side: Side) -> list[ShownOrder]:
        queues = self.market.book.queues(side)
        return [
            self._shown(order.order_id, price, order.quantity, order.joined)
            for price, queue in queues
            for order in queue
        ]

    def _changed(self, changes: Changes) -> tuple[list[ShownOrder], list[ShownOrder]]:
        sides: Mapping[Side, list[ShownOrder]] = {"buy": [], "sell": []}
        for place, (quantity, joined) in changes.orders.items():
            sides[place.side].append(self._shown(place.order_id, place.price, quantity, joined))
        return sides["buy"], sides["sell"]

    def _shown(self, order_id: str, price: int, quantity: int, joined: int) -> ShownOrder:
        rules = self.market.rules
        return ShownOrder(order_id, price_of(rules, price), base_of(rules, quantity), joined)

    def _checksum(self) -> int:
        book, most = self.market.book, checksums.LEVELS_OF_ORDERS
        return checksums.of_orders(self.market.rules, book.queues("buy", most), book.queues("sell", most))


class TradesChannel(Channel):
    """Every trade; none can be left out."""

    name = "trades"
    conflates = False

    def update(self, news: News) -> Sent | None:
        if not news.trades:
            return None
        return self._publish(self._told(messages.Trades, news.trades), news)

    def told_all(self) -> messages.MarketTold:
        return self._told(messages.TradesSnapshot, self.market.trades)

    def _told(
        self, kind: type[messages.Trades | messages.TradesSnapshot], trades: Iterable[messages.Trade]
    ) -> messages.MarketTold:
        return kind(symbol=self.market.symbol, seq=self.seq, trades=list(trades))


class TickerChannel(_StateChannel):
    """Told by the clock, not by each trade: the day's beginning moves as well as its end."""

    name = "ticker"

    def __init__(self, market: Market, ring_messages_max: int, ring_bytes_max: int) -> None:
        super().__init__(market, ring_messages_max, ring_bytes_max)
        self._now_us = 0
        self._last: messages.Ticker | None = None
        self._news: News | None = None

    def update(self, news: News) -> Sent | None:
        if news.trades:
            self._news = news
        return None

    def tick(self, now_us: int) -> Sent | None:
        """Return the ticker as of now, if it is another one."""
        self._now_us, news = now_us, self._news
        told = ticker_of(self.market, now_us, self.seq)
        if (
            self._last is not None
            and msgspec.structs.replace(told, as_of_us=self._last.as_of_us) == self._last
        ):
            return None
        self._last, self._news = told, None
        if news is None:
            news = News(self.seq, self._occurred_at_us, self._published_at_ms, Changes({}, {}))
        sent = self._publish(told, news)
        self._last = msgspec.structs.replace(told, seq=self.seq)
        return sent

    def told_all(self) -> messages.Ticker:
        return ticker_of(self.market, self._now_us, self.seq) if self._last is None else self._last


class StatusChannel(_StateChannel):
    name = "status"

    def update(self, news: News) -> Sent | None:
        return self._publish(self.told_all(), news) if news.status else None

    def told_all(self) -> messages.MarketState:
        return state_of(self.market, self.seq)


KINDS: dict[ChannelName, type[Channel]] = {
    "quote": QuoteChannel,
    "book": BookChannel,
    "orders": OrdersChannel,
    "trades": TradesChannel,
    "ticker": TickerChannel,
    "status": StatusChannel,
}
