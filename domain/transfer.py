"""Transfer: the facts of money that moves other than by trading, and the commands that ask for it.

Each transfer is its own stream, named after the account and the client's own id, so that it happens once. A
withdrawal lives in two steps: it is requested, which holds the funds, and is then completed (the money has
left, the outside world's reference says so) or cancelled (the funds are released). What becomes of a command
is decided in ``transfers``.
"""

from typing import Literal

from domain.event import Command, Event

AdjustmentSide = Literal["credit", "debit"]


# --- Events ---------------------------------------------------------------------------------------------


class WithdrawalRequested(Event, frozen=True, tag="WithdrawalRequested.v1"):
    """``amount`` minor units of the account are held until it is completed or cancelled. ``destination`` is
    the id of where the money is to go.
    """

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    amount: int
    destination: str = ""


class WithdrawalCompleted(Event, frozen=True, tag="WithdrawalCompleted.v1"):
    """The money has left; ``reference`` is what the outside world knows the payment by."""

    transfer_id: str
    account: str
    asset: str
    amount: int
    reference: str


class WithdrawalCancelled(Event, frozen=True, tag="WithdrawalCancelled.v1"):
    """The money stays, and is available again."""

    transfer_id: str
    account: str
    asset: str
    amount: int
    reason: str


class FundsTransferred(Event, frozen=True, tag="FundsTransferred.v1"):
    """Money went from ``account`` to ``to_account``, at once."""

    transfer_id: str
    client_transfer_id: str
    account: str
    to_account: str
    asset: str
    amount: int


class BalanceAdjusted(Event, frozen=True, tag="BalanceAdjusted.v1"):
    """The venue corrected what an account has. What it gave or took is counted apart from what came in."""

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    side: AdjustmentSide
    amount: int
    reason: str
    approver: str


# --- Commands -------------------------------------------------------------------------------------------


class RequestWithdrawal(Command, frozen=True, tag="RequestWithdrawal"):
    """``amount`` is a decimal string in whole units of ``asset``, here and below."""

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    amount: str
    destination: str = ""


class CompleteWithdrawal(Command, frozen=True, tag="CompleteWithdrawal"):
    transfer_id: str
    account: str
    reference: str


class CancelWithdrawal(Command, frozen=True, tag="CancelWithdrawal"):
    transfer_id: str
    account: str
    reason: str


class TransferFunds(Command, frozen=True, tag="TransferFunds"):
    transfer_id: str
    client_transfer_id: str
    account: str
    to_account: str
    asset: str
    amount: str


class AdjustBalance(Command, frozen=True, tag="AdjustBalance"):
    """``approver``: who agreed to it, another than the ``actor`` who sends it."""

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    side: AdjustmentSide
    amount: str
    reason: str
    approver: str
