"""The exchange and the naive one, side by side: both are given the same commands, and must agree."""

from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from domain.event import Command, Event
from domain.exchange import Exchange, pass_time
from domain.order import (
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    OrderTriggered,
    PlaceOrder,
    TradePrevented,
)
from domain.rejections import RefusedError
from tests.unit.domain.dump import dump
from tests.unit.domain.flows import (
    PAIRS,
    Asked,
    Pair,
    placing,
    text,
)
from tests.unit.domain.invariants import check_invariants
from tests.unit.domain.naive import NaiveExchange
from tests.unit.domain.naive_lists import NaiveExchangeWithLists
from tests.unit.domain.naive_orders import Placing, Result, Trade
from tests.unit.domain.recording import read, replayed, stored, timed
from tests.unit.domain.story import NOW_US, do

pairs = st.sampled_from(PAIRS)


class Both(RuleBasedStateMachine):
    """Both exchanges, and all that they were told."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()
        self.naive = NaiveExchangeWithLists()
        self.naive.now_us = NOW_US
        self.scales: dict[str, int] = {}
        self.batches: list[list[Event]] = [[]]
        self.times: dict[int, int] = {}
        self.sent: list[Placing] = []
        self.lists: list[tuple[str, str]] = []
        self.ended: set[str] = set()
        self.trades: Counter[str] = Counter()
        self.commands = 0

    # --- What they do ---

    def stake(self, asset: str) -> Fraction:
        """Return about what a trade of one lot needs of an asset."""
        lot = sum(rules.lot for rules in self.naive.markets.values() if rules.base == asset)
        cost = sum(
            100 * rules.tick * rules.lot for rules in self.naive.markets.values() if rules.quote == asset
        )
        return Fraction(lot + cost)

    def command_id(self) -> str:
        self.commands += 1
        return f"command-{self.commands}"

    def next_id(self) -> str:
        return f"o{len(self.sent)}"

    def as_sent(self, order: Asked, pair: Pair) -> Placing:
        rules = self.naive.markets[pair.symbol]
        return placing(order, self.next_id(), pair.symbol, rules, self.naive.now_us)

    def one_of_the_last(self, which: int) -> Placing:
        """Return one of those that are open, or one of the last, whatever has become of it."""
        if not self.sent:
            return Placing("none", "alice", PAIRS[0].symbol, "buy", "limit")
        still_open = [sent for sent in self.sent if sent.order_id in self.exchange.orders]
        among = still_open if still_open and which % 4 else self.sent[-30:]
        return among[which % len(among)]

    def place(self, sent: Placing) -> Result:
        self.sent.append(sent)
        command = place_order(sent, self.command_id())
        return self.both(command, lambda: self.naive.place(sent))

    def both(self, command: Command, naively: Callable[[], None]) -> Result:
        """Let both exchanges do it, and compare what they did."""
        result = self.naive.do(naively)
        events, code = self.tried(command)
        if code is None:
            self.compare(events, result)
        else:
            assert code == result.refused
        return result

    def tried(self, command: Command) -> tuple[list[Event], str | None]:
        """Return its events, or why it was refused without a trace."""
        try:
            return self.do(command), None
        except RefusedError as refusal:
            return [], refusal.code

    def do(self, command: Command) -> list[Event]:
        events = do(self.exchange, command, self.naive.now_us)
        self.take_note(events)
        return events

    def take_note(self, events: list[Event]) -> None:
        check_invariants(self.exchange)
        self.batches[-1] += events
        if events:
            self.times[len(self.batches) - 1] = self.exchange.now_us
        for event in events:
            self.note_end(event)

    def note_end(self, event: Event) -> None:
        over = isinstance(event, OrderRejected | OrderCancelled) or (
            isinstance(event, OrderFilled) and event.remaining == 0
        )
        order_id = getattr(event, "order_id", None)
        assert order_id is None or order_id not in self.ended or not is_life(event)
        if over and order_id is not None:
            self.ended.add(order_id)

    def time_passes(self, until_us: int) -> None:
        self.batches.append([])
        events = pass_time(self.exchange, until_us)
        self.take_note(events)
        self.compare(events, self.naive.do(lambda: self.naive.pass_time(until_us)))

    # --- What both must agree on ---

    def compare(self, events: list[Event], naive: Result) -> None:
        ours = self.result(events)
        for result in (ours, naive):
            result.trades.sort()
            result.cancelled.sort()
            result.prevented.sort()
        assert ours == naive

    def result(self, events: list[Event]) -> Result:
        rejections = [event.code for event in events if isinstance(event, OrderRejected)]
        fills = [event for event in events if isinstance(event, OrderFilled)]
        return Result(
            rejections[0] if rejections else None,
            [self.trade(*pair) for pair in zip(fills[::2], fills[1::2], strict=True)],
            [
                (event.order_id, self.base(event.symbol, event.remaining), event.reason)
                for event in events
                if isinstance(event, OrderCancelled)
            ],
            [event.order_id for event in events if isinstance(event, OrderTriggered)],
            [
                (event.order_id, event.counter_order_id, self.base(event.symbol, event.quantity))
                for event in events
                if isinstance(event, TradePrevented)
            ],
        )

    def trade(self, taker: OrderFilled, maker: OrderFilled) -> Trade:
        """Return the trade of its two sides, which must tell the same story."""
        assert (taker.liquidity, maker.liquidity) == ("taker", "maker")
        assert {taker.side, maker.side} == {"buy", "sell"}
        assert (taker.counter_order_id, maker.counter_order_id) == (maker.order_id, taker.order_id)
        for name in ("symbol", "trade_id", "price", "quantity", "notional"):
            assert getattr(taker, name) == getattr(maker, name)
        self.trades[taker.symbol] += 1
        assert taker.trade_id == self.trades[taker.symbol], "a market's trades are numbered from 1"
        unit = Fraction(1, 10 ** self.scales[self.naive.markets[taker.symbol].quote])
        return Trade(
            maker.order_id,
            taker.order_id,
            self.price(taker.symbol, taker.price),
            self.base(taker.symbol, taker.quantity),
            maker.fee * unit,
            taker.fee * unit,
        )

    def base(self, symbol: str, units: int) -> Fraction:
        return Fraction(units, 10 ** self.scales[self.naive.markets[symbol].base])

    def price(self, symbol: str, units: int) -> Fraction:
        return Fraction(units, 10 ** self.exchange.markets[symbol].rules.price_scale)

    @invariant()
    def no_order_is_both_open_and_done(self) -> None:
        assert self.ended.isdisjoint(self.exchange.orders)

    @invariant()
    def the_same_orders_rest_in_the_same_order(self) -> None:
        for symbol in self.exchange.markets:
            assert self.resting(symbol) == naive_resting(self.naive, symbol)

    def resting(self, symbol: str) -> list[tuple[Any, ...]]:
        book = self.exchange.markets[symbol].book
        return [
            (
                order.side,
                self.price(symbol, level.price),
                order.order_id,
                *(self.base(symbol, units) for units in (order.quantity, order.remaining, order.shown)),
            )
            for side in (book.bids, book.asks)
            for level in side.best_first()
            for order in level
        ]

    @invariant()
    def the_same_orders_wait_for_the_same_prices(self) -> None:
        ours = {
            order.order_id: (self.price(order.symbol, order.trigger.price), order.trigger.rising)
            for order in self.exchange.orders.values()
            if order.trigger is not None
        }
        naives = {
            order.order_id: (order.trigger.price, order.trigger.rising)
            for order in self.naive.orders
            if order.trigger is not None
        }
        assert ours == naives

    @invariant()
    def everybody_has_and_holds_the_same(self) -> None:
        for name, account in self.exchange.accounts.items():
            for asset in self.scales:
                balance, unit = account.balances.get(asset), Fraction(1, 10 ** self.scales[asset])
                ours = (balance.available * unit, balance.held * unit) if balance else (0, 0)
                assert ours == (self.naive.available(name, asset), self.naive.held(name, asset)), (
                    name,
                    asset,
                )

    def teardown(self) -> None:
        """The past, replayed in any form, is the present."""
        now = dump(self.exchange)
        events = timed(self.batches, self.times)
        assert dump(replayed(events)) == now
        assert dump(replayed(read(stored(self.batches, self.times)))) == now
        single = stored([[event] for _, event in events], {at: us for at, (us, _) in enumerate(events)})
        assert dump(replayed(read(single))) == now


def is_life(event: Event) -> bool:
    """Say whether it belongs to its order's own stream, which has ended with the order."""
    return isinstance(event, OrderCancelled | OrderFilled | OrderTriggered | TradePrevented)


def in_units(count: int | None, unit: Fraction) -> str | None:
    return None if count is None else text(count * unit)


NOT_ASKED = {"late", "order_id", "account", "symbol"}


def place_order(sent: Placing, command_id: str) -> PlaceOrder:
    """Return the command, as it would be read from a message."""
    names = [name for name in Placing.__dataclass_fields__ if name not in NOT_ASKED]
    fields = {
        "command_id": command_id,
        "actor": sent.account,
        "valid_until_us": NOW_US - 1 if sent.late else None,
        "order_id": sent.order_id,
        "account": sent.account,
        "client_order_id": sent.order_id,
        "symbol": sent.symbol,
        "request": {name: getattr(sent, name) for name in names},
    }
    return msgspec.convert(fields | {"type": "PlaceOrder"}, PlaceOrder)


def naive_resting(naive: NaiveExchange, symbol: str) -> list[tuple[Any, ...]]:
    def rank(order: Any) -> tuple[Any, ...]:
        return order.side != "buy", -order.price if order.side == "buy" else order.price, order.arrived

    orders = sorted((order for order in naive.orders if order.symbol == symbol and order.shown), key=rank)
    return [
        (order.side, order.price, order.order_id, order.quantity, order.remaining, order.shown)
        for order in orders
    ]
