"""A recorded flow for risk: real trades of five minutes (Binance, `../shared/data`) as bars, and a made-up
account book folded from the real domain's events."""

import gzip
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from domain.market import MarketRules
from projections.projection import At
from projections.risk.account import EVENT_TYPES, AccountState
from projections.risk.prices import Bar, Cause, PriceBook
from stack.settings import CHECKOUT
from streams.codec import RecordedEvent

DATA = CHECKOUT.parent / "shared" / "data"
BAR_S = 1
PRICE_SCALE = 2

Floats = npt.NDArray[np.float64]


def closes(name: str) -> dict[int, int]:
    """Return by second the last traded price, in cents."""
    path: Path = DATA / f"binance-{name}-2024-08-09.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    found: dict[int, int] = {}
    with gzip.open(path, "rt") as lines:
        for line in lines:
            at_ns, _, text = line.partition(" ")
            if '@trade"' in text:
                price = json.loads(text)["data"]["p"]
                found[int(at_ns) // 10**9 // BAR_S] = round(float(price) * 10**PRICE_SCALE)
    return found


def rules(symbol: str) -> MarketRules:
    base, quote = symbol.split("-")
    return MarketRules(symbol, base, quote, 8, 8, PRICE_SCALE, 1, 10_000, 1, 10**15, 0, 0, 0)


def book(bars_max: int = 301) -> PriceBook:
    """Return the prices of both markets, bar by bar."""
    made = PriceBook(BAR_S, bars_max)
    for symbol, name in (("BTC-USD", "btcusdt"), ("ETH-USD", "ethusdt")):
        market = made.listed(rules(symbol))
        market.restore([Bar(slot, close) for slot, close in sorted(closes(name).items())])
        last = market.bars[-1]
        market.saw("mark", last.close, Cause("0-1", last.slot * BAR_S * 1_000_000))
    return made


def states(events: list[RecordedEvent], shard: int = 0) -> dict[str, AccountState]:
    """Fold every account's state from events."""
    found: dict[str, AccountState] = {}
    for recorded in events:
        if type(recorded.event) in EVENT_TYPES:
            account: str = recorded.event.account  # type: ignore[union-attr] # all of these types name one
            state = found.setdefault(account, AccountState(shard, account))
            state.take(recorded.event, At(shard, recorded.seq, recorded.occurred_at_us))
    return found
