"""What goes over the market-data WebSocket, both ways: the source of docs/asyncapi-market-data.yaml.

Prices and quantities are decimal strings. Times are integers: ``..._us`` microseconds, ``..._ms``
milliseconds since 1970, UTC. ``seq`` is a number of the shard's history, the same as in the query API;
``previous`` is the ``seq`` of the message before this one on the same channel and symbol.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from domain.event import Side

ChannelName = Literal["quote", "book", "orders", "trades", "ticker", "status"]
Depth = Literal["10", "100", "full"]
Level = tuple[str, str]

Id = Annotated[int | str | None, Meta(description="Of your choosing; comes back with the answer.")]
FromSeq = Annotated[
    Annotated[int, Meta(ge=0)] | None,
    Meta(description="The `seq` of the last message you have: go on from there."),
]
Checksum = Annotated[int | None, Meta(description="CRC-32; docs/market-data.md says of which text.")]


# --- From the client ------------------------------------------------------------------------------------


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """One channel of one market; ``depth`` (levels of each side) is of the channel ``book`` alone."""

    channel: ChannelName
    symbol: str
    depth: Depth = "full"
    from_seq: FromSeq = None


class Subscribe(msgspec.Struct, frozen=True, tag_field="op", tag="subscribe"):
    channels: Annotated[list[Wanted], Meta(min_length=1, max_length=500)]
    id: Id = None


class Unsubscribe(msgspec.Struct, frozen=True, tag_field="op", tag="unsubscribe"):
    channels: Annotated[list[Wanted], Meta(min_length=1, max_length=500)]
    id: Id = None


class Ping(msgspec.Struct, frozen=True, tag_field="op", tag="ping"):
    id: Id = None


PublicAsk = Subscribe | Unsubscribe | Ping


# --- To the client: about the connection ----------------------------------------------------------------


class Told(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type"):
    """Everything that is sent; ``type`` says what it is."""


class Welcome(Told, frozen=True, tag="welcome"):
    """The first message. ``run`` names this process."""

    run: str
    subscriptions_max: int
    frame_bytes_max: int
    heartbeat_ms: int


class Subscribed(Told, frozen=True, tag="subscribed"):
    """``resumed``: what you missed follows, else a snapshot does."""

    channel: ChannelName
    symbol: str
    seq: int
    resumed: bool
    depth: Depth | None = None
    id: Id = None


class Unsubscribed(Told, frozen=True, tag="unsubscribed"):
    channel: ChannelName
    symbol: str
    depth: Depth | None = None
    id: Id = None


class Fault(Told, frozen=True, tag="error"):
    """What was asked for was not done, and why; the connection goes on."""

    code: str
    detail: str
    id: Id = None


class Pong(Told, frozen=True, tag="pong"):
    id: Id = None


class Heartbeat(Told, frozen=True, tag="heartbeat"):
    """Sent when there was nothing else for a while."""

    sent_at_ms: int


# --- To the client: what happens on a market --------------------------------------------------------------


class MarketTold(Told, frozen=True, kw_only=True):
    """``occurred_at_us``: when the last event in it happened; ``published_at_ms``: when the order processor
    published that (left out: it was read from the store).
    """

    symbol: str
    seq: int
    previous: int | None = None
    occurred_at_us: int = 0
    published_at_ms: int = 0


class Quote(MarketTold, frozen=True, kw_only=True, tag="quote"):
    """The best price of each side and what shows there; a side that is empty has none."""

    bid: str | None = None
    bid_quantity: str | None = None
    ask: str | None = None
    ask_quantity: str | None = None


class BookSnapshot(MarketTold, frozen=True, kw_only=True, tag="book_snapshot"):
    """Levels are [price, quantity], best first."""

    depth: Depth
    bids: list[Level]
    asks: list[Level]
    checksum: Checksum = None


class BookUpdate(MarketTold, frozen=True, kw_only=True, tag="book"):
    """Levels that changed, as they are now; a quantity of "0" takes one away. ``conflated``: several updates
    in one, since you read too slowly for each.
    """

    depth: Depth
    bids: list[Level] = []
    asks: list[Level] = []
    checksum: Checksum = None
    conflated: bool = False


class ShownOrder(msgspec.Struct, frozen=True, array_like=True):
    """[order id, price, what shows of it, joined]: orders at a price trade in the order of ``joined``. A
    quantity of "0" takes one away.
    """

    order_id: str
    price: str
    quantity: str
    joined: int


class OrdersSnapshot(MarketTold, frozen=True, kw_only=True, tag="orders_snapshot"):
    """The book order by order, best price first, in the order in which they trade."""

    bids: list[ShownOrder]
    asks: list[ShownOrder]
    checksum: Checksum = None


class OrdersUpdate(MarketTold, frozen=True, kw_only=True, tag="orders"):
    """Orders that changed, as they stand now."""

    bids: list[ShownOrder] = []
    asks: list[ShownOrder] = []
    checksum: Checksum = None


class Trade(msgspec.Struct, frozen=True, omit_defaults=True):
    """``status``: the venue has busted it, or corrected its price, since it was made."""

    trade_id: int
    price: str
    quantity: str
    taker_side: Side
    traded_at_us: int
    status: Literal["made", "busted", "corrected"] = "made"


class TradesSnapshot(MarketTold, frozen=True, kw_only=True, tag="trades_snapshot"):
    """The newest trades, oldest first."""

    trades: list[Trade]


class Trades(MarketTold, frozen=True, kw_only=True, tag="trades"):
    """Trades that were made, and those that changed."""

    trades: list[Trade]


class Ticker(MarketTold, frozen=True, kw_only=True, tag="ticker"):
    """The last 24 hours, to the minute; without prices: nothing was traded. ``volume`` in the base,
    ``quote_volume`` in the quote asset. Trades count as they were made, busted or not.
    """

    open: str | None = None
    high: str | None = None
    low: str | None = None
    last: str | None = None
    volume: str = "0"
    quote_volume: str = "0"
    count: int = 0
    as_of_us: int = 0


class MarketState(MarketTold, frozen=True, kw_only=True, tag="status"):
    """What the market takes at the moment, what the venue (its shard) does, and in which steps it trades."""

    status: Literal["open", "cancel_only", "halted", "closed", "delisted"]
    venue_status: Literal["open", "cancel_only", "halted"] = "open"
    rules: dict[str, Any]


PublicTold = (
    Welcome
    | Subscribed
    | Unsubscribed
    | Fault
    | Pong
    | Heartbeat
    | Quote
    | BookSnapshot
    | BookUpdate
    | OrdersSnapshot
    | OrdersUpdate
    | TradesSnapshot
    | Trades
    | Ticker
    | MarketState
)

encoder = msgspec.json.Encoder()
