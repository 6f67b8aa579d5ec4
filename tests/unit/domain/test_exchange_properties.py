"""Any flow of commands: the exchange agrees with the naive one in every fill, order and balance, keeps its
invariants, and comes back the same from its events.

``OMS_PROPERTY_EXAMPLES=10000`` looks harder. A failure prints the commands that led to it, and a line to
paste above the test that makes it happen again.
"""

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.account import Deposit, OpenAccount
from domain.event import Command, Event
from domain.exchange import Exchange, evolve
from domain.order import CancelOrder, OrderCancelled, OrderFilled, OrderRejected, PlaceOrder
from domain.rejections import RefusedError
from tests.unit.domain.dump import dump
from tests.unit.domain.flows import (
    ACCOUNTS,
    ASSETS,
    EXAMPLES,
    PAIRS,
    SECONDS_PER_EXAMPLE_MAX,
    SETTINGS,
    Limit,
    Listed,
    Pair,
    limits,
    lots,
    markets,
    nonsense,
    rarely,
    text,
)
from tests.unit.domain.invariants import check_invariants
from tests.unit.domain.naive import NaiveExchange, Placing, Result, Trade
from tests.unit.domain.recording import read, replayed, stored
from tests.unit.domain.story import NOW_US, decide_only


class Flow(RuleBasedStateMachine):
    """The same commands to both exchanges."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange = Exchange()
        self.naive = NaiveExchange({})
        self.scales: dict[str, int] = {}
        self.batches: list[list[Event]] = [[]]
        self.sent: list[PlaceOrder] = []
        self.ended: set[str] = set()
        self.trades: Counter[str] = Counter()
        self.transfers = 0

    # --- Rules ---

    @initialize(listed=markets())
    def open(self, listed: list[Listed]) -> None:
        self.naive = NaiveExchange({market.command.symbol: market.rules for market in listed})
        for market in listed:
            self.scales[market.rules.base] = market.rules.base_scale
            self.scales[market.rules.quote] = market.rules.quote_scale
            self.do(market.command)
        for account in ACCOUNTS:
            self.do(OpenAccount(command_id=f"open-{account}", actor="operator", account=account))
            for asset in ASSETS:
                self.deposit(account, asset, stakes=40)

    @rule(account=st.sampled_from(ACCOUNTS), asset=st.sampled_from(ASSETS), stakes=st.integers(1, 20))
    def deposit(self, account: str, asset: str, stakes: int) -> None:
        self.transfers += 1
        amount = stakes * self.stake(asset)
        self.do(
            Deposit(
                command_id=f"deposit-{self.transfers}",
                actor="operator",
                transfer_id=f"t{self.transfers}",
                client_transfer_id=f"t{self.transfers}",
                account=account,
                asset=asset,
                amount=text(amount),
            )
        )
        self.naive.add(account, asset, amount)

    @rule(orders=st.lists(limits, min_size=1, max_size=6), pair=st.sampled_from(PAIRS))
    def place_limits(self, orders: list[Limit], pair: Pair) -> None:
        rules = self.naive.markets[pair.symbol]
        for order in orders:
            quantity, price = text(order.lots * rules.lot), text(order.ticks * rules.tick)
            tif = "ioc" if order.immediate else "gtc"
            self.place(order.account, pair.symbol, order.side, "limit", tif, quantity, price)

    @rule(
        account=st.sampled_from(ACCOUNTS),
        pair=st.sampled_from(PAIRS),
        side=st.sampled_from(["buy", "sell"]),
        quantity=lots,
    )
    def place_market(self, account: str, pair: Pair, side: str, quantity: int) -> None:
        lot = self.naive.markets[pair.symbol].lot
        self.place(account, pair.symbol, side, "market", "gtc", text(quantity * lot), None)

    @rule(which=st.integers(0, 29), stranger=rarely)
    def cancel(self, which: int, stranger: bool) -> None:
        """Cancel one of the last orders, whatever has become of it."""
        if not self.sent:
            return
        order = self.sent[-30:][which % len(self.sent[-30:])]
        account = "mallory" if stranger else order.account
        command = CancelOrder(
            command_id=f"cancel-{order.order_id}", actor="", order_id=order.order_id, account=account
        )
        events = self.do(command)
        remaining = self.naive.cancel(account, order.order_id)
        cancels = [event for event in events if isinstance(event, OrderCancelled)]
        assert [self.base(event.symbol, event.remaining) for event in cancels] == (
            [] if remaining is None else [remaining]
        )

    @rule(
        account=st.sampled_from([*ACCOUNTS, "fees", "nobody"]),
        symbol=st.sampled_from([*(pair.symbol for pair in PAIRS), "X-Y"]),
        order_type=st.sampled_from(["limit", "market"]),
        quantity=nonsense,
        price=st.none() | nonsense,
        late=rarely,
    )
    def place_nonsense(
        self, account: str, symbol: str, order_type: str, quantity: str, price: str | None, late: bool
    ) -> None:
        self.place(account, symbol, "buy", order_type, "gtc", quantity, price, late=late)

    @rule()
    def end_batch(self) -> None:
        self.batches.append([])

    # --- What they do ---

    def stake(self, asset: str) -> Fraction:
        """Return about what a trade of one lot needs of an asset."""
        lot = sum(rules.lot for rules in self.naive.markets.values() if rules.base == asset)
        cost = sum(
            100 * rules.tick * rules.lot for rules in self.naive.markets.values() if rules.quote == asset
        )
        return Fraction(lot + cost)

    def place(
        self,
        account: str,
        symbol: str,
        side: str,
        order_type: str,
        tif: str,
        quantity: str,
        price: str | None,
        *,
        late: bool = False,
    ) -> None:
        order_id = f"o{len(self.sent)}"
        placing = Placing(order_id, account, symbol, side, order_type, tif, quantity, price, late)
        command = place_order(placing)
        self.sent.append(command)
        events = self.do(command)
        assert self.result(events) == self.naive.place(placing, set(ACCOUNTS))

    def do(self, command: Command) -> list[Event]:
        try:
            events = decide_only(self.exchange, command, NOW_US)
        except RefusedError:
            return []
        for event in events:
            evolve(self.exchange, event)
            self.note_end(event)
        check_invariants(self.exchange)
        self.batches[-1] += events
        return events

    def note_end(self, event: Event) -> None:
        over = isinstance(event, OrderRejected | OrderCancelled) or (
            isinstance(event, OrderFilled) and event.remaining == 0
        )
        if over:
            order_id = getattr(event, "order_id")  # noqa: B009 - all three have one
            assert order_id not in self.ended
            self.ended.add(order_id)

    # --- What both must agree on ---

    def result(self, events: list[Event]) -> Result:
        rejections = [event.code for event in events if isinstance(event, OrderRejected)]
        if rejections:
            return Result(rejected=rejections[0])
        fills = [event for event in events if isinstance(event, OrderFilled)]
        cancels = [
            self.base(event.symbol, event.remaining) for event in events if isinstance(event, OrderCancelled)
        ]
        trades = [self.trade(*pair) for pair in zip(fills[::2], fills[1::2], strict=True)]
        return Result(None, tuple(trades), sum(cancels, Fraction(0)))

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
            (order.side, self.price(symbol, level.price), order.order_id, self.base(symbol, order.remaining))
            for side in (book.bids, book.asks)
            for level in side.best_first()
            for order in level
        ]

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
        assert dump(replayed([event for batch in self.batches for event in batch])) == now
        states = stored(self.batches)
        assert dump(replayed(read(states))) == now
        assert dump(replayed(read(stored([[event] for batch in self.batches for event in batch])))) == now


def place_order(placing: Placing) -> PlaceOrder:
    fields: dict[str, Any] = {
        name: getattr(placing, name) for name in Placing.__dataclass_fields__ if name != "late"
    }
    valid_until_us = NOW_US - 1 if placing.late else None
    return PlaceOrder(
        command_id=f"place-{placing.order_id}",
        actor=placing.account,
        valid_until_us=valid_until_us,
        client_order_id=placing.order_id,
        **fields,
    )


def naive_resting(naive: NaiveExchange, symbol: str) -> list[tuple[Any, ...]]:
    def rank(order: Any) -> tuple[Any, ...]:
        return order.side != "buy", -order.price if order.side == "buy" else order.price, order.arrived

    orders = sorted((order for order in naive.orders if order.symbol == symbol), key=rank)
    return [(order.side, order.price, order.order_id, order.remaining) for order in orders]


TestFlow = Flow.TestCase
TestFlow.settings = SETTINGS
pytestmark = pytest.mark.timeout(120 + EXAMPLES * SECONDS_PER_EXAMPLE_MAX)
