"""Account: balances per asset, available and held. Every change is a posting that says why.

Postings are what an account's history is made of. All postings that one batch makes to an account are
stored as one event, ``AccountPosted``; grouping changes nothing else, each posting keeps its own cause.
"""

from typing import TYPE_CHECKING, Literal

import msgspec

from domain.event import Command, Event, Liquidity, Side
from domain.numbers import AMOUNT_MAX, parse_units
from domain.rejections import RefusedError
from domain.state_hash import digest_of

if TYPE_CHECKING:
    from domain.exchange import Exchange

FEES: str = "fees"  # the venue's own account, to which every fee goes

PostingKind = Literal["deposit", "hold", "release", "pay", "receive"]


# --- Events ---------------------------------------------------------------------------------------------


class AccountOpened(Event, frozen=True, tag="AccountOpened.v1"):
    account: str


class FundsDeposited(Event, frozen=True, tag="FundsDeposited.v1"):
    """Money came in from outside, once for each ``transfer_id``."""

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    amount: int


class Fill(msgspec.Struct, frozen=True, gc=False):
    """An account's own side of a trade. ``price`` in the market's price units, ``quantity`` in base units,
    ``notional`` and ``fee`` in quote units.
    """

    symbol: str
    trade_id: int
    side: Side
    liquidity: Liquidity
    price: int
    quantity: int
    notional: int
    fee: int


class Posting(Event, frozen=True, tag="Posting.v1"):
    """One change of one balance, with the balance after it.

    deposit, receive: adds to available; hold: available to held; release: held to available; pay: leaves
    held. ``fill`` stands on the posting that moves the traded (base) asset.
    """

    account: str
    asset: str
    kind: PostingKind
    amount: int
    available: int
    held: int
    command_id: str
    order_id: str | None = None
    fill: Fill | None = None


class AccountPosted(Event, frozen=True, tag="AccountPosted.v1"):
    """All postings of one batch to one account, in order."""

    account: str
    postings: tuple[Posting, ...]


# --- Commands -------------------------------------------------------------------------------------------


class OpenAccount(Command, frozen=True, tag="OpenAccount"):
    account: str


class Deposit(Command, frozen=True, tag="Deposit"):
    """``amount`` is a decimal string in whole units of ``asset``."""

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    amount: str


# --- State ----------------------------------------------------------------------------------------------


class Balance:
    """What an account has of one asset, in the asset's minor units."""

    __slots__ = ("available", "digest", "held")

    def __init__(self) -> None:
        self.available = 0
        self.held = 0
        self.digest = 0


class Account:
    """An open account and its balances by asset."""

    __slots__ = ("account", "balances")

    def __init__(self, account: str) -> None:
        self.account = account
        self.balances: dict[str, Balance] = {}


class Ledger:
    """The postings of one command, made one after the other on top of the accounts as they are.

    It reads the accounts and never changes them: that is for ``evolve``.
    """

    __slots__ = ("accounts", "command_id", "events", "working")

    def __init__(self, exchange: "Exchange", command_id: str, events: list[Event]) -> None:
        self.accounts = exchange.accounts
        self.command_id = command_id
        self.events = events
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

    def hold(self, account: str, asset: str, amount: int, order_id: str) -> None:
        self._post(account, asset, "hold", amount, -amount, amount, order_id)

    def release(self, account: str, asset: str, amount: int, order_id: str) -> None:
        self._post(account, asset, "release", amount, amount, -amount, order_id)

    def pay(self, account: str, asset: str, amount: int, order_id: str, fill: Fill | None = None) -> None:
        self._post(account, asset, "pay", amount, 0, -amount, order_id, fill)

    def receive(self, account: str, asset: str, amount: int, order_id: str, fill: Fill | None = None) -> None:
        self._post(account, asset, "receive", amount, amount, 0, order_id, fill)

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
            Posting(account, asset, kind, amount, available, held, self.command_id, order_id, fill)
        )


# --- Decisions ------------------------------------------------------------------------------------------


def open_account(exchange: "Exchange", command: OpenAccount, _now_us: int) -> list[Event]:
    """Open the account; opening it again changes nothing. Raises ``RefusedError``."""
    if command.account == FEES:
        raise RefusedError("reserved_account", f"account {FEES!r} belongs to the venue")
    return [] if command.account in exchange.accounts else [AccountOpened(command.account)]


def deposit(exchange: "Exchange", command: Deposit, _now_us: int) -> list[Event]:
    """Credit the account. Raises ``RefusedError``."""
    check_open(exchange, command.account)
    amount = _amount(exchange, command)
    events: list[Event] = [
        FundsDeposited(
            command.transfer_id, command.client_transfer_id, command.account, command.asset, amount
        )
    ]
    ledger = Ledger(exchange, command.command_id, events)
    if sum(ledger.balance(command.account, command.asset)) + amount > AMOUNT_MAX:
        raise RefusedError(
            "balance_limit", f"{command.amount} {command.asset} more than the account can hold"
        )
    ledger.deposit(command.account, command.asset, amount)
    return events


def check_open(exchange: "Exchange", account: str) -> None:
    """Raise ``RefusedError`` unless ``account`` is a trader's open account."""
    if account not in exchange.accounts or account == FEES:
        raise RefusedError("unknown_account", f"account {account!r} is not open")


def _amount(exchange: "Exchange", command: Deposit) -> int:
    scale = exchange.scales.get(command.asset)
    if scale is None:
        known = ", ".join(exchange.scales) or "none"
        raise RefusedError("unknown_asset", f"asset {command.asset!r}; known are: {known}")
    try:
        amount = parse_units(command.amount, scale)
    except ValueError as error:
        raise RefusedError("invalid_amount", f"amount {error}") from None
    if amount == 0:
        raise RefusedError("invalid_amount", "amount was 0; a deposit is more than nothing")
    return amount


# --- Evolution ------------------------------------------------------------------------------------------


def account_opened(exchange: "Exchange", event: AccountOpened) -> None:
    exchange.accounts[event.account] = Account(event.account)
    exchange.rehash(0, digest_of("account", event.account))


def funds_deposited(exchange: "Exchange", event: FundsDeposited) -> None:
    before = exchange.outside.get(event.asset, 0)
    after = exchange.outside[event.asset] = before + event.amount
    exchange.rehash(_outside_digest(event.asset, before), _outside_digest(event.asset, after))


def _outside_digest(asset: str, amount: int) -> int:
    return digest_of("outside", asset, amount) if amount else 0


def posted(exchange: "Exchange", posting: Posting) -> None:
    """Take over the balance the posting states."""
    balances = exchange.accounts[posting.account].balances
    balance = balances.get(posting.asset)
    if balance is None:
        balance = balances[posting.asset] = Balance()
    balance.available = posting.available
    balance.held = posting.held
    digest = digest_of(posting.account, posting.asset, posting.available, posting.held)
    exchange.rehash(balance.digest, digest)
    balance.digest = digest


def account_posted(exchange: "Exchange", event: AccountPosted) -> None:
    for posting in event.postings:
        posted(exchange, posting)
