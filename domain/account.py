"""Account: balances per asset, available and held. Every change is a posting that says why.

Postings are what an account's history is made of. All postings that one batch makes to an account are
stored as one event, ``AccountPosted``; grouping changes nothing else, each posting keeps its own cause.
"""

from typing import TYPE_CHECKING, Literal

import msgspec

from domain.book import Order
from domain.event import Command, Event, Liquidity, Side
from domain.rejections import RefusedError
from domain.state_hash import Part, digest_of

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

    __slots__ = ("account", "asset", "available", "digest", "held")

    def __init__(self, account: str, asset: str) -> None:
        self.account = account
        self.asset = asset
        self.available = 0
        self.held = 0
        self.digest = 0

    def parts(self) -> tuple[Part, ...]:
        return (self.account, self.asset, self.available, self.held)


class Account:
    """An open account, its balances by asset and its open orders by id."""

    __slots__ = ("account", "balances", "orders")

    def __init__(self, account: str) -> None:
        self.account = account
        self.balances: dict[str, Balance] = {}
        self.orders: dict[str, Order] = {}


# --- Decisions ------------------------------------------------------------------------------------------


def open_account(exchange: "Exchange", command: OpenAccount, _now_us: int) -> list[Event]:
    """Open the account; opening it again changes nothing. Raises ``RefusedError``."""
    if command.account == FEES:
        raise RefusedError("reserved_account", f"account {FEES!r} belongs to the venue")
    return [] if command.account in exchange.accounts else [AccountOpened(command.account)]


def check_open(exchange: "Exchange", account: str) -> None:
    """Raise ``RefusedError`` unless ``account`` is a trader's open account."""
    if account not in exchange.accounts or account == FEES:
        raise RefusedError("unknown_account", f"account {account!r} is not open")


# --- Evolution ------------------------------------------------------------------------------------------


def account_opened(exchange: "Exchange", event: AccountOpened) -> None:
    exchange.accounts[event.account] = Account(event.account)
    exchange.hashed.replace(0, digest_of("account", event.account))


def funds_deposited(exchange: "Exchange", event: FundsDeposited) -> None:
    before = exchange.outside.get(event.asset, 0)
    after = exchange.outside[event.asset] = before + event.amount
    exchange.hashed.replace(_outside_digest(event.asset, before), _outside_digest(event.asset, after))


def _outside_digest(asset: str, amount: int) -> int:
    return digest_of("outside", asset, amount) if amount else 0


def posted(exchange: "Exchange", posting: Posting) -> None:
    """Take over the balance the posting states."""
    balances = exchange.accounts[posting.account].balances
    balance = balances.get(posting.asset)
    if balance is None:
        balance = balances[posting.asset] = Balance(posting.account, posting.asset)
    balance.available = posting.available
    balance.held = posting.held
    exchange.hashed.changed(balance)


def account_posted(exchange: "Exchange", event: AccountPosted) -> None:
    for posting in event.postings:
        posted(exchange, posting)
