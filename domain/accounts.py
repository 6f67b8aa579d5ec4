"""Accounts: what they have, available and held, and which of their orders are open."""

from typing import TYPE_CHECKING

from domain.account import (
    FEES,
    AccountLimits,
    AccountOpened,
    AccountPosted,
    FundsDeposited,
    OpenAccount,
    Posting,
)
from domain.book import Order
from domain.event import Event
from domain.exposure import Exposure
from domain.positions import Position
from domain.rejections import RefusedError
from domain.state_hash import Part, digest_of

if TYPE_CHECKING:
    from domain.exchange import Exchange


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
    """An open account, its balances by asset, its open orders by id, its positions by symbol.

    ``limits``: ``None`` if it has none. ``exposure`` is counted where a limit asks for it.
    ``orders_in_second``: how many orders it sent in ``second`` (since 1970), if their rate is limited.
    """

    __slots__ = (
        "account",
        "balances",
        "digest",
        "exposure",
        "limits",
        "orders",
        "orders_in_second",
        "positions",
        "second",
    )

    def __init__(self, account: str) -> None:
        self.account = account
        self.balances: dict[str, Balance] = {}
        self.orders: dict[str, Order] = {}
        self.positions: dict[str, Position] = {}
        self.limits: AccountLimits | None = None
        self.exposure: Exposure | None = None
        self.second = 0
        self.orders_in_second = 0
        self.digest = 0

    def parts(self) -> tuple[Part, ...]:
        """Return its own state, for the state hash; balances, orders and positions have digests of their
        own, and from those of orders and positions its exposure follows.
        """
        if self.limits is None:
            return ("account", self.account)
        return ("account", self.account, *limit_parts(self.limits), self.second, self.orders_in_second)


def limit_parts(limits: AccountLimits) -> tuple[Part, ...]:
    parts: list[Part] = ["limits", str(limits.order_rate)]
    for name, most in (
        ("max_order_notional", limits.max_order_notional),
        ("max_open_notional", limits.max_open_notional),
        ("max_position", limits.max_position),
        ("daily_loss", limits.daily_loss),
    ):
        parts.append(name)
        for key in sorted(most):
            parts += (key, most[key])
    return tuple(parts)


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
    account = exchange.accounts[event.account] = Account(event.account)
    exchange.hashed.changed(account)


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
