"""Shard transfer: the facts of money that goes from one shard to another, and the commands that carry it.

Balances are per shard, and no commit spans two. So such a transfer is a saga: its source shard sends the
funds into transit (``FundsSent``), its destination credits them (``FundsReceived``) or says why not
(``FundsDeclined``), and the source closes its books on it (``TransferCompleted``) or gives the funds back
(``TransferReturned``). A client only asks for the first step; the others are commands that a shard's courier
sends to another shard, each because of one stored event, whose id is the command's.

``transfer_id`` names the source shard, as every stream id does, and means this transfer on both. What becomes
of a command is decided in ``shard_transfers``.
"""

from domain.event import Command, Event

# --- Events on the source shard ---------------------------------------------------------------------------


class FundsSent(Event, frozen=True, tag="FundsSent.v1"):
    """``amount`` minor units have left the account, and are in transit to ``to_account`` on ``to_shard``."""

    transfer_id: str
    client_transfer_id: str
    account: str
    to_shard: int
    to_account: str
    asset: str
    amount: int


class TransferCompleted(Event, frozen=True, tag="TransferCompleted.v1"):
    """The other shard has credited them: they are no longer in transit."""

    transfer_id: str
    account: str
    to_shard: int
    asset: str
    amount: int


class TransferReturned(Event, frozen=True, tag="TransferReturned.v1"):
    """The other shard has declined them, and they are the account's again. ``code``, ``detail``: why."""

    transfer_id: str
    account: str
    to_shard: int
    asset: str
    amount: int
    code: str
    detail: str


# --- Events on the destination shard ------------------------------------------------------------------------


class FundsReceived(Event, frozen=True, tag="FundsReceived.v1"):
    """``amount`` minor units, as this shard counts the asset, were credited to ``account``."""

    transfer_id: str
    client_transfer_id: str
    from_shard: int
    from_account: str
    account: str
    asset: str
    amount: int


class FundsDeclined(Event, frozen=True, tag="FundsDeclined.v1"):
    """Nothing was credited, nor ever will be. ``amount`` in whole units: the asset may be unknown here."""

    transfer_id: str
    client_transfer_id: str
    from_shard: int
    from_account: str
    account: str
    asset: str
    amount: str
    code: str
    detail: str


# --- Commands -------------------------------------------------------------------------------------------


class SendFunds(Command, frozen=True, tag="SendFunds"):
    """To the source, by a client. ``amount`` is a decimal string in whole units of ``asset``, here and below:
    two shards may count an asset in minor units of their own.
    """

    transfer_id: str
    client_transfer_id: str
    account: str
    to_shard: int
    to_account: str
    asset: str
    amount: str


class ReceiveFunds(Command, frozen=True, tag="ReceiveFunds"):
    """To the destination, because of a ``FundsSent``."""

    transfer_id: str
    client_transfer_id: str
    from_account: str
    to_shard: int
    account: str
    asset: str
    amount: str


class CompleteTransfer(Command, frozen=True, tag="CompleteTransfer"):
    """To the source, because of a ``FundsReceived``."""

    transfer_id: str


class ReturnFunds(Command, frozen=True, tag="ReturnFunds"):
    """To the source, because of a ``FundsDeclined``."""

    transfer_id: str
    code: str
    detail: str
