"""Ledger: makes the postings of a decision, each with the balance it leaves."""

from domain.account import Fill, Posting, PostingKind
from domain.accounts import Account
from domain.event import Event


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
        self.working: dict[tuple[str, str], tuple[int, int]] = {}

    def balance(self, account: str, asset: str) -> tuple[int, int]:
        """Return (available, held) as the postings made so far leave them."""
        key = (account, asset)
        if key in self.working:
            return self.working[key]
        balance = self.accounts[account].balances.get(asset)
        return (balance.available, balance.held) if balance else (0, 0)

    def deposit(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "deposit", amount, amount, 0)

    def withdraw(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "withdraw", amount, 0, -amount)

    def transfer_out(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "transfer_out", amount, -amount, 0)

    def transfer_in(self, account: str, asset: str, amount: int) -> None:
        self._post(account, asset, "transfer_in", amount, amount, 0)

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
        available, held = self.balance(account, asset)
        available += to_available
        held += to_held
        if available < 0 or held < 0:
            message = (
                f"{kind} of {amount} {asset} would leave {account} with {available} available, {held} held"
            )
            raise AssertionError(message)
        self.working[account, asset] = (available, held)
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
