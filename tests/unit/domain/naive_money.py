"""The money of the naive exchange, other than by trading; fees and groups of its accounts."""

from fractions import Fraction

from tests.unit.domain.naive_orders import ZERO, NaiveOrder, RefusedError, Rules


class NaiveMoney:
    def __init__(self) -> None:
        self.accounts: set[str] = set()
        self.totals: dict[tuple[str, str], Fraction] = {}
        self.orders: list[NaiveOrder] = []
        self.under_way: dict[str, tuple[str, str, Fraction]] = {}
        self.custody: dict[str, Fraction] = {}
        self.agreed: dict[tuple[str, str | None], tuple[Fraction, Fraction]] = {}
        self.groups: dict[str, str | None] = {}

    def add(self, account: str, asset: str, amount: Fraction) -> None:
        self.totals[account, asset] = self.total(account, asset) + amount

    def total(self, account: str, asset: str) -> Fraction:
        return self.totals.get((account, asset), ZERO)

    def leaving(self, account: str, asset: str) -> Fraction:
        """Return what is held for withdrawals under way."""
        mine = [amount for who, what, amount in self.under_way.values() if (who, what) == (account, asset)]
        return sum(mine, ZERO)

    def available(self, account: str, asset: str) -> Fraction:
        raise NotImplementedError

    def status_of(self, account: str) -> str:
        raise NotImplementedError

    # --- What moves ---

    def deposit(self, account: str, asset: str, amount: Fraction) -> None:
        self.add(account, asset, amount)
        self.custody[asset] = self.custody.get(asset, ZERO) + amount

    def request(self, transfer: str, account: str, asset: str, amount: Fraction) -> None:
        self.check(account)
        self.check_free(account)
        self.check(account, asset, amount)
        self.under_way[transfer] = (account, asset, amount)

    def complete(self, transfer: str, account: str) -> None:
        asset, amount = self.ended(transfer, account)
        self.add(account, asset, -amount)
        self.custody[asset] -= amount

    def call_off(self, transfer: str, account: str) -> None:
        self.ended(transfer, account)

    def ended(self, transfer: str, account: str) -> tuple[str, Fraction]:
        if transfer not in self.under_way or self.under_way[transfer][0] != account:
            raise RefusedError("withdrawal_not_open")
        _, asset, amount = self.under_way.pop(transfer)
        return asset, amount

    def move(self, account: str, to_account: str, asset: str, amount: Fraction) -> None:
        for each in (account, to_account):
            self.check(each)
        self.check_free(account)
        if account == to_account:
            raise RefusedError("same_account")
        self.check(account, asset, amount)
        self.add(account, asset, -amount)
        self.add(to_account, asset, amount)

    def adjust(self, account: str, asset: str, amount: Fraction) -> None:
        self.check(account, asset, -amount)
        self.add(account, asset, amount)

    def check(self, account: str, asset: str = "", needs: Fraction = ZERO) -> None:
        if account == "fees":
            raise RefusedError("reserved_account")
        if account not in self.accounts:
            raise RefusedError("unknown_account")
        if needs > 0 and needs > self.available(account, asset):
            raise RefusedError("insufficient_funds")

    def check_free(self, account: str) -> None:
        if self.status_of(account) == "suspended":
            raise RefusedError("account_restricted")

    # --- Fees and groups ---

    def agree(self, account: str, symbol: str | None, fees: tuple[Fraction, Fraction] | None) -> None:
        self.agreed.pop((account, symbol), None)
        if fees is not None:
            self.agreed[account, symbol] = fees

    def fees_for(self, account: str, symbol: str, rules: Rules) -> tuple[Fraction, Fraction]:
        for agreement in ((account, symbol), (account, None)):
            if agreement in self.agreed:
                return self.agreed[agreement]
        return rules.maker_fee, rules.taker_fee

    def join(self, account: str, group: str | None) -> None:
        self.groups[account] = group
        for order in self.orders:
            order.group = self.groups.get(order.account)
