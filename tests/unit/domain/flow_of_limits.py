"""Random limits in the random flows: as often tight enough to refuse orders as not there at all."""

from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from domain.account import LimitsRequest, SetAccountLimits
from domain.positions import day_of
from tests.unit.domain.both_exchanges import Both
from tests.unit.domain.flows import ACCOUNTS, MIDDLE, PAIRS, rarely, text
from tests.unit.domain.naive_limits import DAY_US, NaiveLimits


@dataclass(frozen=True)
class Drawn:
    """Limits in lots of each market, those of a notional at the middle price; a loss in ticks on a lot."""

    order_lots: int | None
    open_lots: int | None
    position_lots: int | None
    rate: int | None
    loss: int | None


drawn = st.builds(
    Drawn,
    order_lots=st.none() | st.integers(0, 40),
    open_lots=st.none() | st.integers(0, 80),
    position_lots=st.none() | st.integers(0, 60),
    rate=st.none() | st.none() | st.integers(0, 8),
    loss=st.none() | st.integers(0, 20),
)


class LimitedFlow(Both):
    """Sets limits, lets a day end, and compares what they are about."""

    @rule(account=st.sampled_from(ACCOUNTS), limits=drawn)
    def set_limits(self, account: str, limits: Drawn) -> None:
        naive = self.naive_limits(limits)
        request = LimitsRequest(
            max_order_notional=texts(naive.order_notional),
            max_open_notional=texts(naive.open_notional),
            max_position=texts(naive.position),
            order_rate=naive.order_rate,
            daily_loss=texts(naive.daily_loss),
        )
        self.do(
            SetAccountLimits(command_id=self.command_id(), actor="risk-desk", account=account, limits=request)
        )
        self.naive.limiting.set(account, naive)

    def naive_limits(self, limits: Drawn) -> NaiveLimits:
        found = NaiveLimits(order_rate=limits.rate)
        for pair in PAIRS:
            rules = self.naive.markets[pair.symbol]
            at_middle = MIDDLE * rules.tick * rules.lot
            for amounts, count, unit, key in (
                (found.order_notional, limits.order_lots, at_middle, pair.quote),
                (found.open_notional, limits.open_lots, at_middle, pair.quote),
                (found.daily_loss, limits.loss, rules.tick * rules.lot, pair.quote),
                (found.position, limits.position_lots, rules.lot, pair.symbol),
            ):
                if count is not None:
                    amounts[key] = count * unit
        return found

    @rule(chance=rarely)
    def next_day(self, chance: bool) -> None:
        """Not too often: a day that begins has lost nothing yet."""
        if not chance:
            return
        now_us = (day_of(self.naive.now_us) + 1) * DAY_US
        self.time_passes(now_us)

    @invariant()
    def everybody_has_the_same_positions_and_made_the_same_today(self) -> None:
        for name, account in self.exchange.accounts.items():
            for symbol in self.exchange.markets:
                quantity, cost, nets = self.naive.limiting.history(name, symbol)
                unit = Fraction(1, 10 ** self.scales[self.naive.markets[symbol].quote])
                position = account.positions.get(symbol)
                if position is None:
                    assert quantity == cost == 0, (name, symbol)
                    assert not nets
                    continue
                ours = (self.base(symbol, position.quantity), position.cost * unit, position.net * unit)
                assert ours == (quantity, cost, nets[position.day]), (name, symbol)
                assert position.day == max(nets)


def texts(amounts: dict[str, Fraction]) -> dict[str, str]:
    return {key: text(amount) for key, amount in amounts.items()}
