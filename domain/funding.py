"""Funding: money that comes in from outside."""

from typing import TYPE_CHECKING

from domain.account import Deposit, FundsDeposited
from domain.accounts import check_open
from domain.event import Event
from domain.ledger import Ledger
from domain.numbers import AMOUNT_MAX, parse_units
from domain.rejections import RefusedError

if TYPE_CHECKING:
    from domain.exchange import Exchange


def deposit(exchange: "Exchange", command: Deposit, _now_us: int) -> list[Event]:
    """Credit the account. Raises ``RefusedError``."""
    check_open(exchange, command.account)
    amount = amount_of(exchange, command.asset, command.amount)
    events: list[Event] = [
        FundsDeposited(
            command.transfer_id, command.client_transfer_id, command.account, command.asset, amount
        )
    ]
    ledger = Ledger(exchange.accounts, command.command_id, events, command.transfer_id)
    check_room(ledger, command.account, command.asset, amount, command.amount)
    ledger.deposit(command.account, command.asset, amount)
    return events


def check_room(ledger: Ledger, account: str, asset: str, amount: int, asked: str) -> None:
    """Raise ``RefusedError`` if ``amount`` (``asked``, as it was written) is more than fits the account."""
    if sum(ledger.balance(account, asset)) + amount > AMOUNT_MAX:
        raise RefusedError("balance_limit", f"{asked} {asset} more than the account can hold")


def amount_of(exchange: "Exchange", asset: str, text: str) -> int:
    """Return a decimal string as minor units of the asset. Raises ``RefusedError``."""
    scale = exchange.scales.get(asset)
    if scale is None:
        known = ", ".join(exchange.scales) or "none"
        raise RefusedError("unknown_asset", f"asset {asset!r}; known are: {known}")
    try:
        amount = parse_units(text, scale)
    except ValueError as error:
        raise RefusedError("invalid_amount", f"amount {error}") from None
    if amount == 0:
        raise RefusedError("invalid_amount", "amount was 0; it must be more than nothing")
    return amount
