"""Errands: what one shard has to tell another, told from what it has stored.

Each event of a transfer between shards calls for one command on the other shard. The command goes by the id
of that event: so the events of a transfer are a chain of causes over both shards, and an errand is the same
command however often it is run. No errand expires.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from commands.messages import AnyCommand
from domain.numbers import format_units
from domain.rejections import RefusedError
from domain.shard_transfer import (
    CompleteTransfer,
    FundsDeclined,
    FundsReceived,
    FundsSent,
    ReceiveFunds,
    ReturnFunds,
    SendFunds,
    TransferCompleted,
    TransferReturned,
)
from streams.codec import RecordedEvent

COURIER = "courier"

# The types, as they are stored, of the events that a courier looks at.
OF_A_COURIER = frozenset(
    str(kind.__struct_config__.tag)
    for kind in (FundsSent, FundsReceived, FundsDeclined, TransferCompleted, TransferReturned)
)

# Looked up by type: this is asked of every command, and isinstance takes longer.
NAMES_A_SHARD = frozenset({SendFunds, ReceiveFunds})


class Errand(NamedTuple):
    """A command for another shard."""

    shard: int
    command: AnyCommand


def errand_of(recorded: RecordedEvent, scales: Mapping[str, int]) -> Errand | None:
    """Return what the event calls for on another shard, if it calls for anything.

    ``scales``: the decimals of each asset on the event's own shard.
    """
    event = recorded.event
    origin: dict[str, Any] = {
        "command_id": recorded.event_id,
        "actor": COURIER,
        "correlation_id": recorded.correlation_id,
    }
    if isinstance(event, FundsSent):
        return Errand(event.to_shard, _receive(event, origin, scales[event.asset]))
    if isinstance(event, FundsReceived):
        return Errand(event.from_shard, CompleteTransfer(**origin, transfer_id=event.transfer_id))
    if isinstance(event, FundsDeclined):
        return Errand(event.from_shard, _return(event, origin))
    return None


def _receive(event: FundsSent, origin: dict[str, Any], scale: int) -> ReceiveFunds:
    return ReceiveFunds(
        **origin,
        transfer_id=event.transfer_id,
        client_transfer_id=event.client_transfer_id,
        from_account=event.account,
        to_shard=event.to_shard,
        account=event.to_account,
        asset=event.asset,
        amount=format_units(event.amount, scale),
    )


def _return(event: FundsDeclined, origin: dict[str, Any]) -> ReturnFunds:
    return ReturnFunds(**origin, transfer_id=event.transfer_id, code=event.code, detail=event.detail)


def check_shards(command: AnyCommand, shard: int, shards: int) -> None:
    """Raise ``RefusedError`` if the command names a shard that is not there, or came to another than it is
    for: how many there are, and which this is, the exchange does not know.
    """
    if isinstance(command, SendFunds) and not 0 <= command.to_shard < shards:
        raise RefusedError("unknown_shard", f"to_shard was {command.to_shard}; there are 0 to {shards - 1}")
    if isinstance(command, ReceiveFunds) and command.to_shard != shard:
        raise RefusedError("wrong_shard", f"it is for shard {command.to_shard}; this is shard {shard}")
