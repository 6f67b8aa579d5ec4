"""Whether a transfer that comes again asks for the same: amounts may be written otherwise ("5", "5.0")."""

from commands.messages import AnyCommand
from domain.account import Deposit, FundsDeposited
from domain.event import Event
from domain.exchange import Exchange
from domain.numbers import parse_units
from domain.shard_transfer import FundsDeclined, FundsReceived, FundsSent, ReceiveFunds, SendFunds
from domain.transfer import (
    AdjustBalance,
    BalanceAdjusted,
    CancelWithdrawal,
    CompleteWithdrawal,
    FundsTransferred,
    RequestWithdrawal,
    TransferFunds,
    WithdrawalCancelled,
    WithdrawalCompleted,
    WithdrawalRequested,
)

# What each command makes of itself, and in which fields, the amount apart, that must say the same.
_CONTENT: dict[type, tuple[type, tuple[str, ...]]] = {
    Deposit: (FundsDeposited, ("account", "asset")),
    RequestWithdrawal: (WithdrawalRequested, ("account", "asset", "destination")),
    CompleteWithdrawal: (WithdrawalCompleted, ("account", "reference")),
    CancelWithdrawal: (WithdrawalCancelled, ("account", "reason")),
    TransferFunds: (FundsTransferred, ("account", "to_account", "asset")),
    SendFunds: (FundsSent, ("account", "to_shard", "to_account", "asset")),
    AdjustBalance: (BalanceAdjusted, ("account", "asset", "side", "reason", "approver")),
}


def same_transfer(exchange: Exchange, command: AnyCommand, first: Event) -> bool:
    """Whether ``command`` asks for what ``first``, the event its id stands for, made so."""
    if isinstance(command, ReceiveFunds):
        return _same_arrival(exchange, command, first)
    kind, fields = _CONTENT.get(type(command), (None, ()))
    if kind is None or type(first) is not kind:
        return False
    if any(getattr(command, name) != getattr(first, name) for name in fields):
        return False
    if isinstance(command, CompleteWithdrawal | CancelWithdrawal):
        return True
    return _same_amount(exchange, command, first)


def _same_amount(exchange: Exchange, command: AnyCommand, first: Event) -> bool:
    asset, text = getattr(first, "asset", ""), getattr(command, "amount", "")
    try:
        return bool(parse_units(text, exchange.scales[asset]) == getattr(first, "amount", None))
    except ValueError:
        return False


def _same_arrival(exchange: Exchange, command: ReceiveFunds, first: Event) -> bool:
    """Funds that come again were credited or declined, and come from the same account for the same one."""
    if not isinstance(first, FundsReceived | FundsDeclined):
        return False
    named = (command.transfer_id, command.from_account, command.account, command.asset)
    if (first.transfer_id, first.from_account, first.account, first.asset) != named:
        return False
    return command.amount == first.amount or _same_amount(exchange, command, first)
