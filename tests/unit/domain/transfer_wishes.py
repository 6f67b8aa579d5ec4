"""Wishes about money, for stories: each transfer goes by a name of its own."""

from typing import Literal

from domain.account import SetAccountFees, SetAccountGroup
from domain.ids import transfer_id
from domain.transfer import (
    AdjustBalance,
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
)
from tests.unit.domain.wishes import SHARD, Number


def request_withdrawal(account: str, amount: Number, asset: str, name: str = "out") -> RequestWithdrawal:
    return RequestWithdrawal(
        command_id=f"request-{name}",
        actor=account,
        transfer_id=transfer_id(SHARD, account, name),
        client_transfer_id=name,
        account=account,
        asset=asset,
        amount=str(amount),
        destination="address-7",
    )


def complete_withdrawal(
    account: str, name: str = "out", reference: str = "tx", owner: str = ""
) -> CompleteWithdrawal:
    return CompleteWithdrawal(
        command_id=f"complete-{name}",
        actor="custody",
        transfer_id=transfer_id(SHARD, owner or account, name),
        account=account,
        reference=reference,
    )


def cancel_withdrawal(
    account: str, name: str = "out", reason: str = "asked", owner: str = ""
) -> CancelWithdrawal:
    return CancelWithdrawal(
        command_id=f"cancel-{name}",
        actor="custody",
        transfer_id=transfer_id(SHARD, owner or account, name),
        account=account,
        reason=reason,
    )


def move(account: str, to_account: str, amount: Number, asset: str, name: str = "move") -> TransferFunds:
    return TransferFunds(
        command_id=f"transfer-{name}",
        actor=account,
        transfer_id=transfer_id(SHARD, account, name),
        client_transfer_id=name,
        account=account,
        to_account=to_account,
        asset=asset,
        amount=str(amount),
    )


def adjust(
    account: str,
    side: Literal["credit", "debit"],
    amount: Number,
    asset: str,
    name: str = "fix",
    reason: str = "a mistake",
    approver: str = "auditor",
) -> AdjustBalance:
    return AdjustBalance(
        command_id=f"adjust-{name}",
        actor="operator",
        transfer_id=transfer_id(SHARD, account, name),
        client_transfer_id=name,
        account=account,
        asset=asset,
        side=side,
        amount=str(amount),
        reason=reason,
        approver=approver,
    )


def set_fees(account: str, maker: int | None, taker: int | None, symbol: str | None = None) -> SetAccountFees:
    return SetAccountFees(
        command_id=f"fees-{account}",
        actor="operator",
        account=account,
        symbol=symbol,
        maker_fee_ppm=maker,
        taker_fee_ppm=taker,
    )


def set_group(account: str, group: str | None) -> SetAccountGroup:
    return SetAccountGroup(command_id=f"group-{account}", actor="operator", account=account, group=group)
