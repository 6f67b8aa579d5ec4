"""Coinbase Exchange: channels `matches`, `ticker` and `heartbeat`, open to everybody.

Trade ids follow each other on a product; heartbeats (one a second) name the last one, so that a missed trade
shows even where none follows. A ticker has the best prices as of a trade; one comes with the subscription.
Source: https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from streams.feeds.venue import (
    Beat,
    Confirmed,
    Heard,
    OddMessageError,
    Quote,
    Refused,
    Trade,
    price,
    shown,
    side,
)

CHANNELS = ("matches", "ticker", "heartbeat")
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Aware = Annotated[datetime, msgspec.Meta(tz=True)]


class _Type(msgspec.Struct):
    type: str


class _Match(msgspec.Struct):
    product_id: str
    trade_id: _Count
    price: str
    size: str
    time: _Aware


class _Ticker(msgspec.Struct):
    product_id: str
    sequence: _Count
    best_bid: str
    best_bid_size: str
    best_ask: str
    best_ask_size: str
    time: _Aware | None = None


class _Heartbeat(msgspec.Struct):
    product_id: str
    last_trade_id: _Count
    time: _Aware


class _Channel(msgspec.Struct):
    name: str
    product_ids: list[str] = []


class _Subscriptions(msgspec.Struct):
    channels: list[_Channel]


class _Error(msgspec.Struct):
    message: str = ""
    reason: str = ""


_types = msgspec.json.Decoder(_Type)


class Coinbase:
    """Their symbols are like ``BTC-USD``."""

    name = "coinbase"
    address = "wss://ws-feed.exchange.coinbase.com"

    def subscribe(self, theirs: Sequence[str], _number: int) -> str:
        return _request("subscribe", theirs)

    def unsubscribe(self, theirs: Sequence[str], _number: int) -> str:
        return _request("unsubscribe", theirs)

    def beat(self, _number: int) -> str | None:
        return None

    def read(self, text: str | bytes) -> Sequence[Heard]:
        try:
            return (_reader(_types.decode(text).type)(text),)
        except (msgspec.MsgspecError, UnicodeDecodeError, OddMessageError) as error:
            raise OddMessageError(f"{error}: {shown(text)}") from None


def _reader(kind: str) -> Callable[[str | bytes], Heard]:
    if kind not in READERS:
        raise OddMessageError(f"type {kind[:40]!r} was not asked for")
    return READERS[kind]


def _request(kind: str, theirs: Sequence[str]) -> str:
    wanted = {"type": kind, "product_ids": list(theirs), "channels": list(CHANNELS)}
    return msgspec.json.encode(wanted).decode()


def _match(text: str | bytes) -> Trade:
    found = msgspec.json.decode(text, type=_Match)
    return Trade(found.product_id, found.trade_id, price(found.price), price(found.size), _us(found.time))


def _ticker(text: str | bytes) -> Quote:
    found = msgspec.json.decode(text, type=_Ticker)
    bid, ask = side(found.best_bid, found.best_bid_size), side(found.best_ask, found.best_ask_size)
    when = None if found.time is None else _us(found.time)
    return Quote(found.product_id, found.sequence, *bid, *ask, when)


def _heartbeat(text: str | bytes) -> Beat:
    found = msgspec.json.decode(text, type=_Heartbeat)
    return Beat(found.product_id, found.last_trade_id, _us(found.time))


def _subscriptions(text: str | bytes) -> Confirmed:
    """Only what comes on all channels is whole."""
    channels = {
        each.name: set(each.product_ids) for each in msgspec.json.decode(text, type=_Subscriptions).channels
    }
    return Confirmed(None, frozenset.intersection(*(frozenset(channels.get(name, ())) for name in CHANNELS)))


def _error(text: str | bytes) -> Refused:
    found = msgspec.json.decode(text, type=_Error)
    return Refused(f"{found.message} {found.reason}".strip())


def _us(moment: datetime) -> int:
    """Return microseconds since 1970, exactly."""
    whole: Any = int(moment.replace(microsecond=0).timestamp())
    return int(whole) * 1_000_000 + moment.microsecond


READERS: dict[str, Callable[[str | bytes], Heard]] = {
    "match": _match,
    "last_match": _match,
    "ticker": _ticker,
    "heartbeat": _heartbeat,
    "subscriptions": _subscriptions,
    "error": _error,
}
