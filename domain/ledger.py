"""Ledger: makes the postings of a decision, each with the balance it leaves."""

from domain.account import Fill, Posting, PostingKind
from domain.accounts import Account
from domain.event import Event


class Working:
    """A balance as the postings made so far leave it."""

    __slots__ = ("asset", "available", "held")

    def __init__(self, asset: str, available: int, held: int) -> None:
        self.asset = asset
        self.available = available
        self.held = held


class Ledger:
    """The postings of one command, made one after the other on top of the accounts as they are.

    It reads the accounts and never changes them: that is for ``evolve``. ``transfer_id``: the transfer that
    all of it belongs to, if it is one.
    """

    __slots__ = ("accounts", "command_id", "events", "transfer_id", "working")

    def __init__(
        self,
        accounts: dict[str, Account],
        command_id: str,
        events: list[Event],
        transfer_id: str | None = None,
    ) -> None:
        self.accounts = accounts
        self.command_id = command_id
        self.events = events
        self.transfer_id = transfer_id
        self.working: dict[str, list[Working]] = {}

    def balance(self, account: str, asset: str) -> Working:
        """Return the balance as the postings made so far leave it."""
        known = self.working.get(account)
        if known is None:
            known = self.working[account] = []
        for working in known:
            if working.asset == asset:
                return working
        balance = self.accounts[account].balances.get(asset)
        found = Working(asset, 0, 0) if balance is None else Working(asset, balance.available, balance.held)
        known.append(found)
        return found

    def deposit(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "deposit", amount, amount, 0)

    def withdraw(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "withdraw", amount, 0, -amount)

    def transfer_out(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "transfer_out", amount, -amount, 0)

    def transfer_in(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "transfer_in", amount, amount, 0)

    def send(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "send", amount, -amount, 0)

    def take_in(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "take_in", amount, amount, 0)

    def give_back(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "give_back", amount, amount, 0)

    def credit(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "credit", amount, amount, 0)

    def debit(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "debit", amount, -amount, 0)

    def hold(self, account: str, asset: str, amount: int, order_id: str | None = None) -> None:
        self._post(account, asset, "hold", amount, -amount, amount, order_id)

    def release(self, account: str, asset: str, amount: int, order_id: str | None = None) -> None:
        self._post(account, asset, "release", amount, amount, -amount, order_id)

    def pay(self, account: str, asset: str, amount: int, order_id: str, fill: Fill | None = None) -> None:
        self._post(account, asset, "pay", amount, 0, -amount, order_id, fill)

    def receive(self, account: str, asset: str, amount: int, order_id: str, fill: Fill | None = None) -> None:
        self._post(account, asset, "receive", amount, amount, 0, order_id, fill)

    def refund(self, account: str, asset: str, amount: int, order_id: str, fill: Fill | None = None) -> None:
        self._post(account, asset, "refund", amount, amount, 0, order_id, fill)

    def reclaim(self, account: str, asset: str, amount: int, order_id: str, fill: Fill | None = None) -> None:
        self._post(account, asset, "reclaim", amount, -amount, 0, order_id, fill)

    def _post(
        self,
        account: str,
        asset: str,
        kind: PostingKind,
        amount: int,
        to_available: int,
        to_held: int,
        order_id: str | None = None,
        fill: Fill | None = None,
    ) -> None:
        if amount == 0:
            return
        working = self.balance(account, asset)
        available = working.available + to_available
        held = working.held + to_held
        if available < 0 or held < 0:
            message = (
                f"{kind} of {amount} {asset} would leave {account} with {available} available, {held} held"
            )
            raise AssertionError(message)
        working.available, working.held = available, held
        self.events.append(
            Posting(
                account,
                asset,
                kind,
                amount,
                available,
                held,
                self.command_id,
                order_id,
                fill,
                self.transfer_id,
            )
        )
