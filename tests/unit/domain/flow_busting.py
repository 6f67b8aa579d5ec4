"""Random busts and corrections of any trade that was made so far, in the flow of all other commands."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from domain.event import Event
from domain.order import OrderFilled
from domain.trade import BustTrade, CorrectTrade
from tests.unit.domain import naive_busting
from tests.unit.domain.both_exchanges import Both
from tests.unit.domain.flows import rarely, text, ticks
from tests.unit.domain.story import with_records


class Busting(Both):
    """Changes trades of the past; now and then one that never was."""

    @property
    def past(self) -> list[Event]:
        return [event for batch in self.batches for event in batch]

    def takings(self) -> list[OrderFilled]:
        """Return every trade's taker's side."""
        return [fill for fill in self.past if isinstance(fill, OrderFilled) and fill.liquidity == "taker"]

    @rule(which=st.integers(0, 999), by_maker=st.booleans(), stranger=rarely)
    def bust_a_trade(self, which: int, by_maker: bool, stranger: bool) -> None:
        if takings := self.takings():
            fill = takings[which % len(takings)]
            wish = BustTrade(
                command_id=self.command_id(),
                actor="operator",
                symbol=fill.symbol,
                trade_id=fill.trade_id,
                order_id=self.named(fill, by_maker=by_maker, stranger=stranger),
                reason="by chance",
            )
            self.change(wish, fill, lambda maker, taker: naive_busting.bust(self.naive, maker, taker))

    @rule(which=st.integers(0, 999), price=ticks, by_maker=st.booleans(), stranger=rarely, off=rarely)
    def correct_a_trade(self, which: int, price: int, by_maker: bool, stranger: bool, off: bool) -> None:
        if takings := self.takings():
            fill = takings[which % len(takings)]
            new = text(price * self.naive.markets[fill.symbol].tick) + ("x" if off else "")
            wish = CorrectTrade(
                command_id=self.command_id(),
                actor="operator",
                symbol=fill.symbol,
                trade_id=fill.trade_id,
                order_id=self.named(fill, by_maker=by_maker, stranger=stranger),
                price=new,
                reason="by chance",
            )
            self.change(wish, fill, lambda maker, taker: naive_busting.correct(self.naive, maker, taker, new))

    def named(self, fill: OrderFilled, *, by_maker: bool, stranger: bool) -> str:
        if stranger:
            return "nobody's"
        return fill.counter_order_id if by_maker else fill.order_id

    def change(
        self, wish: BustTrade | CorrectTrade, fill: OrderFilled, naively: Callable[[str, str], None]
    ) -> None:
        known = wish.order_id != "nobody's"
        maker = fill.counter_order_id if known else ""
        self.both(with_records(wish, self.past), lambda: naively(maker, fill.order_id))
