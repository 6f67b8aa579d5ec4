"""Accounts: what they have, available and held, and which of their orders are open."""

from typing import TYPE_CHECKING

from mypy_extensions import i64

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
from domain.state_hash import Hashed, Part, digest_of, mixed

if TYPE_CHECKING:
    from domain.exchange import Exchange


# --- State ----------------------------------------------------------------------------------------------


class Balance(Hashed):
    """What an account has of one asset, in the asset's minor units."""

    __slots__ = ("account", "asset", "available", "held", "seed")

    def __init__(self, account: str, asset: str) -> None:
        super().__init__()
        self.account = account
        self.asset = asset
        self.available = 0
        self.held = 0
        self.seed: i64 = digest_of("balance", account, asset)

    def fresh_digest(self) -> int:
        return mixed(mixed(self.seed, self.available), self.held)


class Account(Hashed):
    """An open account: its balances by asset, its positions by symbol, its open orders by id, and how many
    on each market. ``status``: what it may do, one of ``AccountStatus``. ``fees`` are the (maker, taker) ppm
    agreed with it, by symbol ("": all markets). ``group``: the accounts it is of one owner with, and
    ``owner`` who that is: orders of one owner are kept from trading with each other.

    ``limits``: ``None`` if it has none. ``exposure`` is counted where a limit asks for it.
    ``orders_in_second``: how many orders it sent in ``second`` (since 1970), if their rate is limited.
    """

    __slots__ = (
        "account",
        "balances",
        "exposure",
        "fees",
        "group",
        "limits",
        "open_on",
        "orders",
        "orders_in_second",
        "owner",
        "positions",
        "second",
        "status",
    )

    def __init__(self, account: str) -> None:
        super().__init__()
        self.account = account
        self.balances: dict[str, Balance] = {}
        self.orders: dict[str, Order] = {}
        self.fees: dict[str, tuple[int, int]] = {}
        self.group: str | None = None
        self.owner = account
        self.open_on: dict[str, int] = {}
        self.status = "active"
        self.positions: dict[str, Position] = {}
        self.limits: AccountLimits | None = None
        self.exposure: Exposure | None = None
        self.second = 0
        self.orders_in_second = 0

    def join(self, group: str | None) -> None:
        """Belong to a group, or stand alone. No id of an account has a colon in it."""
        self.group = group
        self.owner = self.account if group is None else f"group:{group}"

    def parts(self) -> tuple[Part, ...]:
        """Return its own state, for the state hash; balances, orders and positions have digests of their
        own, and from those of orders and positions its exposure follows.
        """
        fees = [part for symbol in sorted(self.fees) for part in (symbol, *self.fees[symbol])]
        terms = ("account", self.account, self.status, self.owner, *fees)
        if self.limits is None:
            return terms
        return (*terms, *limit_parts(self.limits), self.second, self.orders_in_second)


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


def check_open(exchange: "Exchange", name: str) -> Account:
    """Return a trader's open account. Raises ``RefusedError``."""
    account = exchange.accounts.get(name)
    if account is None or name == FEES:
        raise RefusedError("unknown_account", f"account {name!r} is not open")
    return account


# --- Evolution ------------------------------------------------------------------------------------------


def account_opened(exchange: "Exchange", event: AccountOpened) -> None:
    account = exchange.accounts[event.account] = Account(event.account)
    exchange.hashed.changed(account)


def funds_deposited(exchange: "Exchange", event: FundsDeposited) -> None:
    outside_changed(exchange, event.asset, event.amount)


def outside_changed(exchange: "Exchange", asset: str, by: int) -> None:
    before = exchange.outside.get(asset, 0)
    after = exchange.outside[asset] = before + by
    exchange.hashed.replace(sum_digest("outside", asset, before), sum_digest("outside", asset, after))


def sum_digest(what: str, asset: str, amount: int) -> int:
    return digest_of(what, asset, amount) if amount else 0


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
