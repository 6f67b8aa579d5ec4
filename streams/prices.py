"""The topic ``prices``: what the outside world pays, and what follows from it; a record is a JSON array of
ticks of one symbol, partitioned by it.

Prices and quantities are decimal strings, since other venues know nothing of our ticks and lots.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

Kind = Literal["trade", "quote", "index", "mark"]


class PriceTick(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One price. ``seq`` counts a source's ticks of a symbol from 1 and starts again with its process, which
    ``run`` tells apart; times are microseconds since 1970, UTC.
    """

    kind: Kind
    symbol: str
    """Ours, as in ``BTC-USD``."""
    source: str
    """The venue (``binance``), or ``crypto-oms`` for what was computed from several."""
    run: str
    seq: int
    occurred_at_us: int
    received_at_us: int
    price: str | None = None
    """Of a trade, an index or a mark."""
    quantity: str | None = None
    bid: str | None = None
    bid_quantity: str | None = None
    ask: str | None = None
    ask_quantity: str | None = None
    sources: tuple[str, ...] = ()
    """Of an index or a mark: the venues it rests on."""


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(list[PriceTick])


def encode(ticks: Sequence[PriceTick]) -> bytes:
    return _ENCODER.encode(ticks)


def decode(record: bytes) -> list[PriceTick]:
    """Raises ``msgspec.DecodeError`` for what is no record of ticks."""
    return _DECODER.decode(record)
