"""Transfers: withdrawals, transfers between accounts, corrections by the venue; what they do to the money.

A withdrawal that is under way is part of its account's held funds, beside what the open orders hold. Money
enters and leaves the accounts only against the sums the exchange keeps of the outside world (``outside``,
what is in custody) and of the venue's own corrections (``adjustments``), so it stays conserved.
"""

from typing import TYPE_CHECKING

from domain.account import FEES
from domain.accounts import Account, check_open, outside_changed, sum_digest
from domain.event import Event
from domain.funding import amount_of, check_room
from domain.ledger import Ledger
from domain.numbers import format_units
from domain.rejections import RefusedError
from domain.state_hash import Hashed, Part
from domain.statuses import check_may_send_out
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

if TYPE_CHECKING:
    from domain.exchange import Exchange


# --- State ----------------------------------------------------------------------------------------------


class Withdrawal(Hashed):
    """A withdrawal under way: ``amount`` minor units of the account are held for it."""

    __slots__ = ("account", "amount", "asset", "transfer_id")

    def __init__(self, transfer_id: str, account: str, asset: str, amount: int) -> None:
        super().__init__()
        self.transfer_id = transfer_id
        self.account = account
        self.asset = asset
        self.amount = amount

    def parts(self) -> tuple[Part, ...]:
        return ("withdrawal", self.transfer_id, self.account, self.asset, self.amount)


# --- Decisions: withdrawals -------------------------------------------------------------------------------


def request_withdrawal(exchange: "Exchange", command: RequestWithdrawal, _now_us: int) -> list[Event]:
    """Hold the funds until the withdrawal is completed or cancelled. Raises ``RefusedError``."""
    check_may_send_out(check_party(exchange, command.account))
    amount = amount_of(exchange, command.asset, command.amount)
    events: list[Event] = [
        WithdrawalRequested(
            command.transfer_id,
            command.client_transfer_id,
            command.account,
            command.asset,
            amount,
            command.destination,
        )
    ]
    ledger = Ledger(exchange.accounts, command.command_id, events, command.transfer_id)
    check_available(exchange, ledger, command.account, command.asset, amount)
    ledger.hold(command.account, command.asset, amount)
    return events


def complete_withdrawal(exchange: "Exchange", command: CompleteWithdrawal, _now_us: int) -> list[Event]:
    """Let the held funds leave. Raises ``RefusedError``."""
    withdrawal = _under_way(exchange, command.account, command.transfer_id)
    if not command.reference:
        raise RefusedError("reference_required", "reference was empty")
    account, asset, amount = withdrawal.account, withdrawal.asset, withdrawal.amount
    events: list[Event] = [
        WithdrawalCompleted(command.transfer_id, account, asset, amount, command.reference)
    ]
    Ledger(exchange.accounts, command.command_id, events, command.transfer_id).withdraw(
        account, asset, amount
    )
    return events


def cancel_withdrawal(exchange: "Exchange", command: CancelWithdrawal, _now_us: int) -> list[Event]:
    """Release the held funds. Raises ``RefusedError``."""
    withdrawal = _under_way(exchange, command.account, command.transfer_id)
    if not command.reason:
        raise RefusedError("reason_required", "reason was empty")
    account, asset, amount = withdrawal.account, withdrawal.asset, withdrawal.amount
    events: list[Event] = [WithdrawalCancelled(command.transfer_id, account, asset, amount, command.reason)]
    ledger = Ledger(exchange.accounts, command.command_id, events, command.transfer_id)
    ledger.release(account, asset, amount)
    return events


def _under_way(exchange: "Exchange", account: str, transfer_id: str) -> Withdrawal:
    withdrawal = exchange.withdrawals.get(transfer_id)
    if withdrawal is None or withdrawal.account != account:
        raise RefusedError("withdrawal_not_open", f"{account} has no withdrawal {transfer_id} under way")
    return withdrawal


# --- Decisions: transfers and adjustments -----------------------------------------------------------------


def transfer(exchange: "Exchange", command: TransferFunds, _now_us: int) -> list[Event]:
    """Move available funds from one account to another. Raises ``RefusedError``."""
    source = check_party(exchange, command.account)
    check_party(exchange, command.to_account)
    check_may_send_out(source)
    if command.account == command.to_account:
        raise RefusedError("same_account", f"both accounts were {command.account!r}")
    amount = amount_of(exchange, command.asset, command.amount)
    events: list[Event] = [
        FundsTransferred(
            command.transfer_id,
            command.client_transfer_id,
            command.account,
            command.to_account,
            command.asset,
            amount,
        )
    ]
    ledger = Ledger(exchange.accounts, command.command_id, events, command.transfer_id)
    check_available(exchange, ledger, command.account, command.asset, amount)
    check_room(ledger, command.to_account, command.asset, amount, command.amount)
    ledger.transfer_out(command.account, command.asset, amount)
    ledger.transfer_in(command.to_account, command.asset, amount)
    return events


def adjust(exchange: "Exchange", command: AdjustBalance, _now_us: int) -> list[Event]:
    """Credit or debit an account in the venue's name. Raises ``RefusedError``."""
    check_party(exchange, command.account)
    _check_approved(command)
    amount = amount_of(exchange, command.asset, command.amount)
    events: list[Event] = [
        BalanceAdjusted(
            command.transfer_id,
            command.client_transfer_id,
            command.account,
            command.asset,
            command.side,
            amount,
            command.reason,
            command.approver,
        )
    ]
    ledger = Ledger(exchange.accounts, command.command_id, events, command.transfer_id)
    if command.side == "credit":
        check_room(ledger, command.account, command.asset, amount, command.amount)
        ledger.credit(command.account, command.asset, amount)
    else:
        check_available(exchange, ledger, command.account, command.asset, amount)
        ledger.debit(command.account, command.asset, amount)
    return events


def _check_approved(command: AdjustBalance) -> None:
    """Four eyes: nobody creates money alone."""
    if not command.reason:
        raise RefusedError("reason_required", "reason was empty")
    if command.approver in {"", command.actor}:
        raise RefusedError(
            "approval_required", f"approver was {command.approver!r}, sent by {command.actor!r}"
        )


def check_party(exchange: "Exchange", account: str) -> Account:
    """Return a trader's open account. Raises ``RefusedError`` if it is none."""
    if account == FEES:
        raise RefusedError("reserved_account", f"account {FEES!r} belongs to the venue")
    return check_open(exchange, account)


def check_available(exchange: "Exchange", ledger: Ledger, account: str, asset: str, needed: int) -> None:
    """Raise ``RefusedError`` if the account has less available."""
    available = ledger.balance(account, asset).available
    if available < needed:
        needs, has = (format_units(units, exchange.scales[asset]) for units in (needed, available))
        raise RefusedError("insufficient_funds", f"needs {needs} {asset}, available {has}")


# --- Evolution ------------------------------------------------------------------------------------------


def withdrawal_requested(exchange: "Exchange", event: WithdrawalRequested) -> None:
    withdrawal = Withdrawal(event.transfer_id, event.account, event.asset, event.amount)
    exchange.withdrawals[event.transfer_id] = withdrawal
    exchange.hashed.changed(withdrawal)


def withdrawal_completed(exchange: "Exchange", event: WithdrawalCompleted) -> None:
    exchange.hashed.gone(exchange.withdrawals.pop(event.transfer_id))
    outside_changed(exchange, event.asset, -event.amount)


def withdrawal_cancelled(exchange: "Exchange", event: WithdrawalCancelled) -> None:
    exchange.hashed.gone(exchange.withdrawals.pop(event.transfer_id))


def funds_transferred(exchange: "Exchange", event: FundsTransferred) -> None:
    """What it did to both accounts stands in their postings."""


def balance_adjusted(exchange: "Exchange", event: BalanceAdjusted) -> None:
    before = exchange.adjustments.get(event.asset, 0)
    after = before + (event.amount if event.side == "credit" else -event.amount)
    exchange.adjustments[event.asset] = after
    exchange.hashed.replace(
        sum_digest("adjusted", event.asset, before), sum_digest("adjusted", event.asset, after)
    )
