"""Any flow of commands: the exchange agrees with the naive one in every fill, order and balance, keeps its
invariants, and comes back the same from its events.

``OMS_PROPERTY_EXAMPLES=10000`` looks harder. A failure prints the commands that led to it, and a line to
paste above the test that makes it happen again.
"""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from domain.account import Deposit, OpenAccount
from domain.market import SetMarkPrice
from domain.order import (
    AmendOrder,
    CancelAll,
    CancelOrder,
    CancelReplace,
)
from domain.order_list import CancelOrderList
from tests.unit.domain.both_exchanges import in_units, place_order
from tests.unit.domain.control_flows import Controls
from tests.unit.domain.dump import dump
from tests.unit.domain.flow_between_shards import BetweenShards
from tests.unit.domain.flow_busting import Busting
from tests.unit.domain.flow_of_limits import LimitedFlow
from tests.unit.domain.flow_of_snapshots import GoingOnFromSnapshots
from tests.unit.domain.flows import (
    ACCOUNTS,
    ASSETS,
    EXAMPLES,
    PAIRS,
    SECOND_US,
    SECONDS_PER_EXAMPLE_MAX,
    SETTINGS,
    Asked,
    Listed,
    Pair,
    asked,
    lots,
    markets,
    nonsense,
    rarely,
    sides,
    text,
    ticks,
)
from tests.unit.domain.flows_of_lists import AskedList, asked_lists, list_command
from tests.unit.domain.money_flow import MoneyFlow
from tests.unit.domain.naive_orders import Placing

pairs = st.sampled_from(PAIRS)


class Flow(GoingOnFromSnapshots, Busting, MoneyFlow, BetweenShards, Controls, LimitedFlow):
    """Draws the commands."""

    # --- Rules ---

    @initialize(listed=markets())
    def open(self, listed: list[Listed]) -> None:
        self.naive.markets = {market.command.symbol: market.rules for market in listed}
        self.naive.limiting.markets = dict(self.naive.markets)
        self.naive.accounts = set(ACCOUNTS)
        for market in listed:
            self.scales[market.rules.base] = market.rules.base_scale
            self.scales[market.rules.quote] = market.rules.quote_scale
            self.do(market.command)
        for account in ACCOUNTS:
            self.do(OpenAccount(command_id=f"open-{account}", actor="operator", account=account))
            for asset in ASSETS:
                self.deposit(account, asset, stakes=120)

    @rule(account=st.sampled_from(ACCOUNTS), asset=st.sampled_from(ASSETS), stakes=st.integers(1, 20))
    def deposit(self, account: str, asset: str, stakes: int) -> None:
        amount, transfer = stakes * self.stake(asset), f"t{self.commands}"
        self.do(
            Deposit(
                command_id=self.command_id(),
                actor="operator",
                transfer_id=transfer,
                client_transfer_id=transfer,
                account=account,
                asset=asset,
                amount=text(amount),
            )
        )
        self.naive.deposit(account, asset, amount)

    @rule(orders=st.lists(asked, min_size=2, max_size=8), pair=pairs)
    def place_some(self, orders: list[Asked], pair: Pair) -> None:
        for order in orders:
            self.place(self.as_sent(order, pair))

    @rule(order=asked, pair=pairs)
    def dry_run(self, order: Asked, pair: Pair) -> None:
        """A dry run says what the order would have met with, and does nothing."""
        sent = self.as_sent(order, pair)
        command = msgspec.structs.replace(place_order(sent, self.command_id()), dry_run=True)
        before = dump(self.exchange)
        events, code = self.tried(command)
        assert events == []
        assert dump(self.exchange) == before
        assert self.place(sent).refused == code

    @rule(which=st.integers(0, 99), stranger=rarely)
    def cancel(self, which: int, stranger: bool) -> None:
        """Mostly of an open order, and now and then by somebody else."""
        order = self.one_of_the_last(which)
        account = "mallory" if stranger else order.account
        command = CancelOrder(
            command_id=self.command_id(), actor="", order_id=order.order_id, account=account
        )
        self.both(command, lambda: self.naive.cancel(account, order.order_id))

    @rule(
        which=st.integers(0, 99),
        quantity=st.none() | lots | lots,
        price=st.none() | st.none() | ticks,
        trigger=st.none() | st.none() | ticks,
        stranger=rarely,
    )
    def amend(
        self, which: int, quantity: int | None, price: int | None, trigger: int | None, stranger: bool
    ) -> None:
        order = self.one_of_the_last(which)
        rules = self.naive.markets.get(order.symbol, self.naive.markets[PAIRS[0].symbol])
        asked = (
            in_units(quantity, rules.lot),
            in_units(price, rules.tick),
            in_units(trigger, rules.tick),
        )
        account = "mallory" if stranger else order.account
        command = AmendOrder(
            command_id=self.command_id(),
            actor="",
            order_id=order.order_id,
            account=account,
            quantity=asked[0],
            price=asked[1],
            trigger_price=asked[2],
        )
        self.both(command, lambda: self.naive.amend(account, order.order_id, *asked))

    @rule(which=st.integers(0, 99), order=asked, allow_failure=st.booleans())
    def cancel_replace(self, which: int, order: Asked, allow_failure: bool) -> None:
        old = self.one_of_the_last(which)
        pair = next((pair for pair in PAIRS if pair.symbol == old.symbol), PAIRS[0])
        sent = self.as_sent(replace(order, account=old.account), pair)
        self.sent.append(sent)
        new = place_order(sent, self.command_id())
        command = CancelReplace(
            command_id=new.command_id,
            actor=new.actor,
            cancel_order_id=old.order_id,
            mode="allow_failure" if allow_failure else "stop_on_failure",
            order_id=new.order_id,
            account=new.account,
            client_order_id=new.client_order_id,
            symbol=new.symbol,
            request=new.request,
        )
        self.both(command, lambda: self.naive.replace(old.order_id, sent, allow_failure=allow_failure))

    @rule(
        account=st.none() | st.sampled_from(ACCOUNTS),
        pair=st.none() | pairs,
        side=st.none() | sides,
        session=st.sampled_from(["", "", "s1"]),
        chance=rarely,
    )
    def cancel_all(
        self, account: str | None, pair: Pair | None, side: Any, session: str, chance: bool
    ) -> None:
        """Not too often: it leaves little to look at."""
        if not chance or (account is None and pair is None):
            return
        symbol = pair.symbol if pair else None
        command = CancelAll(
            command_id=self.command_id(),
            actor="",
            account=account,
            symbol=symbol,
            side=side,
            session=session or None,
        )
        self.both(command, lambda: self.naive.cancel_all(account, symbol, side, session))

    @rule(asked_list=asked_lists, pair=pairs)
    def place_list(self, asked_list: AskedList, pair: Pair) -> None:
        sent = []
        for order in asked_list.legs:
            sent.append(self.as_sent(order, pair))
            self.sent.append(sent[-1])
        name = f"l{len(self.lists)}"
        self.lists.append((name, asked_list.legs[0].account))
        command = list_command(name, asked_list.kind, sent, self.command_id())
        self.both(command, lambda: self.naive.place_list(name, asked_list.kind, sent))

    @rule(which=st.integers(0, 9), stranger=rarely, chance=rarely)
    def cancel_list(self, which: int, stranger: bool, chance: bool) -> None:
        """Mostly of one that is open."""
        open_lists = [(name, owner) for name, owner in self.lists if name in self.exchange.lists]
        among = self.lists if chance or not open_lists else open_lists
        if not among or not (chance or which > 6):
            return
        name, owner = among[which % len(among)]
        account = "mallory" if stranger else owner
        command = CancelOrderList(command_id=self.command_id(), actor="", list_id=name, account=account)
        self.both(command, lambda: self.naive.cancel_list(account, name))

    @rule(pair=pairs, price=ticks)
    def set_mark_price(self, pair: Pair, price: int) -> None:
        mark = price * self.naive.markets[pair.symbol].tick
        command = SetMarkPrice(command_id=self.command_id(), actor="", symbol=pair.symbol, price=text(mark))
        self.both(command, lambda: self.naive.set_mark(pair.symbol, mark))

    @rule(seconds=st.integers(0, 3))
    def let_time_pass(self, seconds: int) -> None:
        now_us = self.naive.now_us + seconds * SECOND_US
        self.time_passes(now_us)

    @rule(
        account=st.sampled_from([*ACCOUNTS, "fees", "nobody"]),
        symbol=st.sampled_from([*(pair.symbol for pair in PAIRS)] * 3 + ["X-Y"]),
        order_type=st.sampled_from(["limit", "market"]),
        quantity=nonsense,
        price=st.none() | nonsense,
        late=rarely,
    )
    def place_nonsense(
        self, account: str, symbol: str, order_type: str, quantity: str, price: str | None, late: bool
    ) -> None:
        self.place(
            Placing(
                self.next_id(),
                account,
                symbol,
                "buy",
                order_type,
                quantity=quantity,
                price=price,
                late=late,
            )
        )

    @rule()
    def end_batch(self) -> None:
        self.batches.append([])


TestFlow = Flow.TestCase
TestFlow.settings = SETTINGS
pytestmark = pytest.mark.timeout(120 + EXAMPLES * SECONDS_PER_EXAMPLE_MAX)
