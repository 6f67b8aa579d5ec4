"""A venue that trades over days, its raw trades, and the candles that a table engine makes of those."""

import random
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from domain.order import OrderFilled
from domain.trade import TradeBusted, TradeCorrected
from streams.codec import RecordedEvent
from tests.unit.projections.trading import Venue, bust, correct, opened, place

SECOND_US = 1_000_000
STEPS_US = (1_000, 1_000, 300_000, SECOND_US, 20 * SECOND_US, 61 * SECOND_US, 1_000 * SECOND_US)


class RawTrade(NamedTuple):
    traded_at_us: int
    trade_id: int
    price: int
    quantity: int
    notional: int


Row = tuple[int, int, int, int, int, int, int]
"""Open, high, low, close, volume, notional, trades."""


def traded(seed: int, trades: int, step_us_max: int = 20_000 * SECOND_US, start_us: int = 0) -> Venue:
    """Return a venue with so many trades on BTC-USD, at times as uneven as those of a market."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    venue = opened(Venue(), "ann", "bob")
    venue.now_us = max(venue.now_us, start_us)
    for number in range(trades):
        price, quantity = f"{chance.randint(9_000, 11_000) / 100:.2f}", f"{chance.randint(1, 9)}"
        venue.batch(
            place("ann", f"b{number}", "buy", quantity, price),
            place("bob", f"s{number}", "sell", quantity, price),
        )
        venue.now_us += chance.choice((*STEPS_US, step_us_max))
    return venue


def change_some(venue: Venue, seed: int, every: int) -> None:
    """Bust or correct one trade of so many, some of them twice."""
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    fills = [each.event for each in venue.events if isinstance(each.event, OrderFilled)]
    takers = [fill for fill in fills if fill.liquidity == "taker"]
    for fill in chance.sample(takers, len(takers) // every):
        kind = chance.randint(0, 2)
        if kind:
            venue.batch(correct(fill, f"{chance.randint(8_000, 12_000) / 100:.2f}"))
        if kind != 1:
            venue.batch(bust(fill))


def raw_trades(events: Iterable[RecordedEvent], symbol: str = "BTC-USD") -> list[RawTrade]:
    """Return what was traded, as it counts after all busts and corrections."""
    found: dict[int, RawTrade] = {}
    for recorded in events:
        event = recorded.event
        if isinstance(event, OrderFilled) and event.symbol == symbol and event.liquidity == "taker":
            made = (event.trade_id, event.price, event.quantity, event.notional)
            found[event.trade_id] = RawTrade(recorded.occurred_at_us, *made)
        elif isinstance(event, TradeBusted) and event.symbol == symbol:
            del found[event.trade_id]
        elif isinstance(event, TradeCorrected) and event.symbol == symbol:
            again = {"price": event.price, "notional": event.notional}
            found[event.trade_id] = found[event.trade_id]._replace(**again)
    return list(found.values())


def grouped(trades: Iterable[RawTrade], width_us: int) -> dict[int, Row]:
    """Return by pyarrow what each candle in which something traded has to be, by its beginning."""
    rows = [(trade.traded_at_us - trade.traded_at_us % width_us, *trade[2:]) for trade in trades]
    columns = zip(*rows, strict=True) if rows else ([], [], [], [])
    names = ["start", "price", "quantity", "notional"]
    table = pa.table([pa.array(column, pa.int64()) for column in columns], names=names)
    wanted = [("price", what) for what in ("first", "max", "min", "last")]
    wanted += [("quantity", "sum"), ("notional", "sum"), ("price", "count")]
    found = table.group_by("start", use_threads=False).aggregate(wanted)
    columns_wanted = [f"{name}_{what}" for name, what in wanted]
    values = zip(*(found[name].to_pylist() for name in columns_wanted), strict=True)
    return dict(zip(found["start"].to_pylist(), values, strict=True))
