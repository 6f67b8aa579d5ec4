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
    amount = _amount(exchange, command)
    events: list[Event] = [
        FundsDeposited(
            command.transfer_id, command.client_transfer_id, command.account, command.asset, amount
        )
    ]
    ledger = Ledger(exchange.accounts, command.command_id, events)
    if sum(ledger.balance(command.account, command.asset)) + amount > AMOUNT_MAX:
        raise RefusedError(
            "balance_limit", f"{command.amount} {command.asset} more than the account can hold"
        )
    ledger.deposit(command.account, command.asset, amount)
    return events


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
