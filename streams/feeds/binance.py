"""Binance spot: combined streams `<symbol>@trade` and `<symbol>@bookTicker`.

Trade ids follow each other on a symbol, so a missed trade shows; the update ids of quotes only grow. Quotes
come without a time. There is no heartbeat in JSON: we ask for the list of subscriptions, which is answered.
Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams
"""

from collections.abc import Callable, Sequence
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

MS_US = 1_000
_Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]


class _Envelope(msgspec.Struct):
    stream: str
    data: msgspec.Raw


class _Trade(msgspec.Struct):
    s: str
    t: _Count
    p: str
    q: str
    T: _Count


class _Quote(msgspec.Struct):
    u: _Count
    s: str
    b: str
    B: str
    a: str
    A: str


class _Error(msgspec.Struct):
    code: int = 0
    msg: str = ""


class _Answer(msgspec.Struct):
    """To what we asked for: ``id`` is the number of our request."""

    id: int | None = None
    result: Any = None
    error: _Error | None = None
    code: int | None = None
    msg: str = ""


_envelopes = msgspec.json.Decoder(_Envelope)
_trades = msgspec.json.Decoder(_Trade)
_quotes = msgspec.json.Decoder(_Quote)
_answers = msgspec.json.Decoder(_Answer)


class Binance:
    """Their symbols are like ``BTCUSDT``."""

    name = "binance"
    address = "wss://stream.binance.com:9443/stream"

    def subscribe(self, theirs: Sequence[str], number: int) -> str:
        return _request("SUBSCRIBE", theirs, number)

    def unsubscribe(self, theirs: Sequence[str], number: int) -> str:
        return _request("UNSUBSCRIBE", theirs, number)

    def beat(self, number: int) -> str | None:
        return f'{{"method":"LIST_SUBSCRIPTIONS","id":{number}}}'

    def read(self, text: str | bytes) -> Sequence[Heard]:
        try:
            return _read(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, OddMessageError) as error:
            raise OddMessageError(f"{error}: {shown(text)}") from None


def _request(method: str, theirs: Sequence[str], number: int) -> str:
    streams = [f"{symbol.lower()}@{kind}" for symbol in theirs for kind in ("trade", "bookTicker")]
    return msgspec.json.encode({"method": method, "params": streams, "id": number}).decode()


def _read(text: str | bytes) -> Sequence[Heard]:
    try:
        envelope = _envelopes.decode(text)
    except msgspec.ValidationError:
        return (_answer(_answers.decode(text)),)
    symbol, _, kind = envelope.stream.partition("@")
    reader = READERS.get(kind.partition("@")[0])
    if reader is None:
        return ()
    heard = reader(envelope.data)
    if heard.theirs.lower() != symbol:
        raise OddMessageError(f"stream {envelope.stream} speaks of {heard.theirs}")
    return (heard,)


def _trade(data: msgspec.Raw) -> Trade:
    found = _trades.decode(data)
    return Trade(found.s, found.t, price(found.p), price(found.q), found.T * MS_US)


def _quote(data: msgspec.Raw) -> Quote:
    found = _quotes.decode(data)
    return Quote(found.s, found.u, *side(found.b, found.B), *side(found.a, found.A), None)


READERS: dict[str, Callable[[msgspec.Raw], Trade | Quote]] = {"trade": _trade, "bookTicker": _quote}


def _answer(found: _Answer) -> Heard:
    if found.error is not None:
        return Refused(f"{found.error.code}: {found.error.msg}")
    if found.code is not None:
        return Refused(f"{found.code}: {found.msg}")
    if found.id is None:
        raise OddMessageError("neither of a stream nor an answer")
    return Beat() if found.result is not None else Confirmed(found.id)
