"""Folding events gives the levels and the queues of the exchange's own book, after each command."""

import random
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.book import BookSide
from domain.event import Event, Side
from domain.exchange import Exchange, carry_out, pass_time
from domain.order import OrderAmended, OrderCancelled, OrderFilled, OrderTriggered, TradePrevented
from domain.rejections import RefusedError
from projections import book_orders, books, orders
from projections.folding import Folding
from projections.projection import At, Document
from projections.registry import PROJECTIONS
from tests.unit.projections.trading import START_US, deposit, list_market, open_account
from tests.unit.projections.wishes import Wishes

ACCOUNTS = ("ann", "bob", "cid")
SYMBOLS = ("BTC-USD", "ETH-USD")
STEP_US = 1_000

Queues = list[tuple[int, list[tuple[str, int]]]]


class Floor:
    """An exchange, and beside it the projections that are told what happens there."""

    def __init__(self, seed: int) -> None:
        self.exchange = Exchange()
        self.foldings = {
            name: Folding(PROJECTIONS[name]) for name in ("books", "book_orders", "markets", "orders")
        }
        self.happened: Counter[str] = Counter()
        self.seq = 0
        self.now_us = START_US
        self.wishes = Wishes(random.Random(seed), ACCOUNTS, SYMBOLS, "{}-{}".format)  # noqa: S311 - repeatable
        for command in (
            *map(list_market, SYMBOLS),
            *map(open_account, ACCOUNTS),
            *(deposit(account, asset, "4000") for account in ACCOUNTS for asset in ("BTC", "ETH", "USD")),
        ):
            self.take(carry_out(self.exchange, command, self.now_us))

    def step(self) -> None:
        self.now_us += STEP_US
        self.take(pass_time(self.exchange, self.now_us))
        try:
            self.take(carry_out(self.exchange, self.wishes.next(self.now_us), self.now_us))
        except RefusedError as refusal:
            self.happened[f"refused: {refusal.code}"] += 1

    def take(self, events: Iterable[Event]) -> None:
        for event in events:
            self.seq += 1
            self.happened[_kind(event)] += 1
            for folding in self.foldings.values():
                if type(event) in folding.projection.event_types:
                    folding.fold(event, At(0, self.seq, self.now_us))

    def folded(self, name: str, document_id: str) -> Document:
        return self.foldings[name].documents[document_id]

    def check(self) -> None:
        for symbol, market in self.exchange.markets.items():
            book = self.folded("books", symbol)
            assert books.best_levels(book, "buy", 10_000) == levels(market.book.bids)
            assert books.best_levels(book, "sell", 10_000) == levels(market.book.asks)
            assert self.queues(symbol, "buy") == queues(market.book.bids)
            assert self.queues(symbol, "sell") == queues(market.book.asks)
            prices = self.folded("markets", symbol)
            assert (prices["last_price"], prices["mark_price"]) == (market.last_price, market.mark_price)

    def queues(self, symbol: str, side: Side) -> Queues:
        """Return the whole L3 book of a side, as the folded bands have it."""
        bands = [
            band
            for band in self.foldings["book_orders"].documents.values()
            if (band["symbol"], band["side"]) == (symbol, side)
        ]
        found = book_orders.queues(bands, side)
        return [(price, [(order.order_id, order.quantity) for order in orders]) for price, orders in found]

    def check_orders(self) -> None:
        known = self.foldings["orders"].documents
        live = {key for key, order in known.items() if order["status"] not in orders.ENDED}
        assert live == self.exchange.orders.keys()
        for order_id, order in self.exchange.orders.items():
            found = known[order_id]
            if found["status"] == "pending":
                assert order.quantity == 0, "nothing of it is in force"
                continue
            own = (order.price, order.quantity, order.remaining, order.filled, order.trigger is not None)
            told = (found["price"], found["quantity"], found["remaining"], found["filled"])
            assert (*told, found["status"] == "waiting") == own
            if order.trigger is not None and not order.trigger.trails:
                assert found["trigger"]["price"] == order.trigger.price


def _kind(event: Event) -> str:
    if isinstance(event, OrderCancelled):
        return f"cancelled: {event.reason}"
    if isinstance(event, TradePrevented):
        return f"prevented: {event.mode}"
    if isinstance(event, OrderFilled):
        return "revealed" if event.revealed else "filled"
    if isinstance(event, OrderAmended):
        return "amended in place" if event.keeps_priority else "amended"
    return (
        "rests when triggered"
        if isinstance(event, OrderTriggered) and event.resting
        else type(event).__name__
    )


def levels(side: BookSide) -> list[tuple[int, int]]:
    return [(level.price, level.quantity) for level in side.best_first()]


def queues(side: BookSide) -> Queues:
    """Return the exchange's own queues, in the order in which its matching goes through them."""
    return [(level.price, [(order.order_id, order.shown) for order in level]) for level in side.best_first()]


@pytest.mark.parametrize("seed", range(8))
def test_levels_and_queues_are_those_of_the_exchange_after_each_command(seed: int) -> None:
    floor = Floor(seed)
    for _ in range(400):
        floor.step()
        floor.check()
    floor.check_orders()


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60))
def test_the_same_for_any_beginning(seed: int, steps: int) -> None:
    floor = Floor(seed)
    for _ in range(steps):
        floor.step()
        floor.check()
        floor.check_orders()


def test_the_random_orders_meet_everything_that_moves_a_level() -> None:
    floor = Floor(seed=1)
    for _ in range(3_000):
        floor.step()
    floor.check()
    assert {
        "filled",
        "revealed",
        "amended",
        "amended in place",
        "rests when triggered",
        "OrderTriggered",
        "MarkPriceSet",
        "prevented: expire_taker",
        "prevented: expire_maker",
        "prevented: expire_both",
        "prevented: decrement",
        "cancelled: requested",
        "cancelled: expired",
        "cancelled: replaced",
        "cancelled: self_trade",
        "cancelled: disconnected",
        "cancelled: budget_spent",
        "cancelled: fill_or_kill",
        "cancelled: unfilled_remainder",
    } <= floor.happened.keys(), sorted(floor.happened)
