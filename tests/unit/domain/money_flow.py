"""Random flows of money, fees and groups, as part of the random flows of orders."""

from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from domain.account import SetAccountFees, SetAccountGroup
from domain.transfer import (
    AdjustBalance,
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
)
from tests.unit.domain.both_exchanges import Both
from tests.unit.domain.flows import ACCOUNTS, ASSETS, PAIRS, fees_ppm, rarely, text

parties = st.sampled_from([*ACCOUNTS * 4, "fees", "nobody"])
accounts = st.sampled_from(ACCOUNTS)
assets = st.sampled_from(ASSETS)
stakes = st.one_of(st.integers(1, 20), st.integers(1, 200))


class MoneyFlow(Both):
    """Draws what happens to money without a trade; refused or not, both exchanges must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.requested: list[str] = []

    def transfer(self) -> dict[str, Any]:
        name = f"t{self.commands}"
        command_id = self.command_id()
        return {
            "command_id": command_id,
            "actor": "operator",
            "transfer_id": name,
            "client_transfer_id": name,
        }

    @rule(account=parties, asset=assets, stakes=stakes)
    def request_withdrawal(self, account: str, asset: str, stakes: int) -> None:
        amount = stakes * self.stake(asset)
        command = RequestWithdrawal(**self.transfer(), account=account, asset=asset, amount=text(amount))
        self.requested.append(command.transfer_id)
        self.both(command, lambda: self.naive.request(command.transfer_id, account, asset, amount))

    @rule(which=st.integers(0, 9), completes=st.booleans(), stranger=rarely)
    def end_withdrawal(self, which: int, completes: bool, stranger: bool) -> None:
        """Mostly of one that is under way."""
        known = list(self.naive.under_way) or self.requested
        if not known:
            return
        transfer = known[which % len(known)]
        owner = self.naive.under_way.get(transfer, ("alice", "", Fraction(0)))[0]
        account = "mallory" if stranger else owner
        names: dict[str, Any] = {
            "command_id": self.command_id(),
            "actor": "operator",
            "transfer_id": transfer,
            "account": account,
        }
        if completes:
            complete = CompleteWithdrawal(**names, reference="tx")
            self.both(complete, lambda: self.naive.complete(transfer, account))
        else:
            cancel = CancelWithdrawal(**names, reason="asked")
            self.both(cancel, lambda: self.naive.call_off(transfer, account))

    @rule(account=parties, to_account=parties, asset=assets, stakes=stakes)
    def transfer_funds(self, account: str, to_account: str, asset: str, stakes: int) -> None:
        amount = stakes * self.stake(asset)
        command = TransferFunds(
            **self.transfer(), account=account, to_account=to_account, asset=asset, amount=text(amount)
        )
        self.both(command, lambda: self.naive.move(account, to_account, asset, amount))

    @rule(account=parties, asset=assets, stakes=stakes, credit=st.booleans())
    def adjust_balance(self, account: str, asset: str, stakes: int, credit: bool) -> None:
        amount = stakes * self.stake(asset)
        command = AdjustBalance(
            **self.transfer(),
            account=account,
            asset=asset,
            side="credit" if credit else "debit",
            amount=text(amount),
            reason="drawn",
            approver="auditor",
        )
        self.both(command, lambda: self.naive.adjust(account, asset, amount if credit else -amount))

    @rule(
        account=accounts,
        symbol=st.none() | st.sampled_from([pair.symbol for pair in PAIRS]),
        fees=st.none() | st.tuples(fees_ppm, fees_ppm),
    )
    def set_account_fees(self, account: str, symbol: str | None, fees: tuple[int, int] | None) -> None:
        maker, taker = fees or (None, None)
        command = SetAccountFees(
            command_id=self.command_id(),
            actor="operator",
            account=account,
            symbol=symbol,
            maker_fee_ppm=maker,
            taker_fee_ppm=taker,
        )
        rates = fees and (Fraction(fees[0], 10**6), Fraction(fees[1], 10**6))
        self.both(command, lambda: self.naive.agree(account, symbol, rates))

    @rule(account=accounts, group=st.sampled_from([None, "desk", "alice"]))
    def set_account_group(self, account: str, group: str | None) -> None:
        """A group may go by the name of an account, and is another thing."""
        command = SetAccountGroup(
            command_id=self.command_id(), actor="operator", account=account, group=group
        )
        self.both(command, lambda: self.naive.join(account, group))

    @invariant()
    def custody_is_what_came_in_less_what_left(self) -> None:
        for asset, scale in self.scales.items():
            ours = Fraction(self.exchange.outside.get(asset, 0), 10**scale)
            assert ours == self.naive.custody.get(asset, 0)

    @invariant()
    def the_same_withdrawals_are_under_way(self) -> None:
        ours = {
            transfer: (each.account, each.asset, Fraction(each.amount, 10 ** self.scales[each.asset]))
            for transfer, each in self.exchange.withdrawals.items()
        }
        assert ours == self.naive.under_way
