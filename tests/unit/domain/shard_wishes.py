"""Wishes about transfers between shards, for stories. A story is told on ``SHARD``; ``OTHER`` is another."""

from domain.ids import transfer_id
from domain.shard_transfer import CompleteTransfer, ReceiveFunds, ReturnFunds, SendFunds
from tests.unit.domain.wishes import SHARD, Number

OTHER = 1


def send(
    account: str,
    amount: Number,
    asset: str,
    to_account: str = "",
    to_shard: int = OTHER,
    name: str = "send",
    from_shard: int = SHARD,
) -> SendFunds:
    """To the same account, unless told otherwise."""
    return SendFunds(
        command_id=f"send-{name}",
        actor=account,
        transfer_id=transfer_id(from_shard, account, name),
        client_transfer_id=name,
        account=account,
        to_shard=to_shard,
        to_account=to_account or account,
        asset=asset,
        amount=str(amount),
    )


def complete(account: str, name: str = "send") -> CompleteTransfer:
    return CompleteTransfer(command_id="1-7", actor="courier", transfer_id=transfer_id(SHARD, account, name))


def give_back(account: str, name: str = "send", code: str = "unknown_account") -> ReturnFunds:
    return ReturnFunds(
        command_id="1-8",
        actor="courier",
        transfer_id=transfer_id(SHARD, account, name),
        code=code,
        detail=f"account {account!r} is not open",
    )


def receive(
    account: str, amount: Number, asset: str, from_account: str = "", name: str = "send"
) -> ReceiveFunds:
    """What ``OTHER`` has sent."""
    sender = from_account or account
    return ReceiveFunds(
        command_id="1-6",
        actor="courier",
        transfer_id=transfer_id(OTHER, sender, name),
        client_transfer_id=name,
        from_account=sender,
        to_shard=SHARD,
        account=account,
        asset=asset,
        amount=str(amount),
    )
