"""One market in memory: its rules, its live book, its last trades, its rolling day; folded event by event."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from api.market_data.bounds import TRADES_KEPT
from api.market_data.messages import Trade
from api.query.decimals import base_of, price_of
from domain.control import MarketDelisted, MarketRulesChanged, MarketStatusChanged, VenueStatusChanged
from domain.market import MarketRules
from domain.order import OrderAmended, OrderCancelled, OrderFilled, OrderPlaced, OrderTriggered
from domain.trade import TradeBusted, TradeCorrected
from projections import markets
from projections.live_book import Changes, LiveBook
from projections.projection import At, Document
from projections.rolling_day import RollingDay

BOOK_EVENTS = frozenset({OrderPlaced, OrderFilled, OrderTriggered, OrderAmended, OrderCancelled})
STATUS_EVENTS = frozenset({MarketStatusChanged, MarketRulesChanged, MarketDelisted})


@dataclass(slots=True)
class News:
    """What the events of one piece did to a market, up to the event ``seq``."""

    seq: int
    occurred_at_us: int
    published_at_ms: int
    book: Changes
    trades: list[Trade] = field(default_factory=list)
    status: bool = False


class Market:
    """Made of what the read models have of it: the document of ``markets``, bands of ``book_orders``, trades
    with their ids, newest first. ``take`` skips what these have seen.
    """

    def __init__(self, document: Document, bands: Iterable[Document] = ()) -> None:
        self.document = document
        self.rules: MarketRules = markets.rules_of(document)
        self.shard: int = document["shard"]
        self.book = LiveBook(bands)
        self.trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self.day = RollingDay()
        self.last_trade_id = 0
        self.seq = max(document["seq"], self.book.seq)
        self.venue_status = "open"
        self._made: list[Trade] = []
        self._status_changed = False

    @property
    def symbol(self) -> str:
        return self.rules.symbol

    def load_trades(self, newest_first: Iterable[Document]) -> int:
        """Take trades that were made before; return how many there were."""
        kept, count = list[Trade](), 0
        for each in newest_first:
            count += 1
            if len(kept) < TRADES_KEPT:
                kept.append(self._trade(each))
            self.last_trade_id = max(self.last_trade_id, each["trade_id"])
            self.day.take(
                each["trade_id"], each["price"], each["quantity"], int(each["notional"]), each["traded_at_us"]
            )
        self.trades.extendleft(kept)
        return count

    def _trade(self, document: Document) -> Trade:
        return Trade(
            document["trade_id"],
            price_of(self.rules, document["price"]),
            base_of(self.rules, document["quantity"]),
            document["taker_side"],
            document["traded_at_us"],
        )

    def take(self, event: Any, at: At) -> None:
        """Take in an event of this market. Raises ``ValueError`` if events before it are missing."""
        kind = type(event)
        if kind in BOOK_EVENTS:
            self.book.take(event, at.seq)
        if kind is OrderFilled and event.liquidity == "taker":
            self._traded(event, at)
        elif kind in STATUS_EVENTS:
            self._controlled(event, at)
        elif kind is TradeBusted or kind is TradeCorrected:
            self._trade_changed(event, at)
        self.seq = max(self.seq, at.seq)

    def listed_again(self, document: Document) -> None:
        """It was delisted, and is back with the assets and scales it had."""
        if document["seq"] > self.document["seq"]:
            self.document, self.rules = document, markets.rules_of(document)
            self._status_changed = True
            self.seq = max(self.seq, document["seq"])

    def venue_news(self, event: VenueStatusChanged, at: At, published_at_ms: int) -> News:
        """Return what the venue's new status means here. It came by another way than the market's events: its
        seq says nothing of how far those are.
        """
        self.venue_status = event.status
        nothing = Changes({}, {})
        return News(at.seq, at.occurred_at_us, published_at_ms, nothing, status=True)

    def take_news(self, occurred_at_us: int, published_at_ms: int) -> News:
        """Return what the events taken since the last call did."""
        news = News(
            self.seq,
            occurred_at_us,
            published_at_ms,
            self.book.take_changes(),
            self._made,
            self._status_changed,
        )
        self._made, self._status_changed = [], False
        return news

    def _traded(self, fill: OrderFilled, at: At) -> None:
        if fill.trade_id <= self.last_trade_id:
            return
        self.last_trade_id = fill.trade_id
        self.day.take(fill.trade_id, fill.price, fill.quantity, fill.notional, at.occurred_at_us)
        self._tell(
            Trade(
                fill.trade_id,
                price_of(self.rules, fill.price),
                base_of(self.rules, fill.quantity),
                fill.side,
                at.occurred_at_us,
            )
        )

    def _trade_changed(self, event: TradeBusted | TradeCorrected, at: At) -> None:
        """Which side took, its fill said; of a trade that is not kept any more the buyer is named."""
        known = next((each for each in self.trades if each.trade_id == event.trade_id), None)
        self._tell(
            Trade(
                event.trade_id,
                price_of(self.rules, event.price),
                base_of(self.rules, event.quantity),
                "buy" if known is None else known.taker_side,
                at.occurred_at_us if known is None else known.traded_at_us,
                "busted" if isinstance(event, TradeBusted) else "corrected",
            )
        )

    def _tell(self, trade: Trade) -> None:
        self.trades.append(trade)
        self._made.append(trade)

    def _controlled(self, event: markets.ControlEvent, at: At) -> None:
        if at.seq > self.document["seq"]:
            self.document = {**markets.fold(self.document, event, at), "seq": at.seq}
            self.rules = markets.rules_of(self.document)
            self._status_changed = True
