"""Shard transfers: what this shard has in transit to others, and what becomes of what comes from them.

Money in transit stands in no account, and is counted until the other shard's word comes. From then on it is
counted as ``cleared``: what other shards have taken of this one, less what this one has taken of theirs. So
the books of one shard balance by themselves; and what two shards have cleared with each other cancels out,
but for what the one has credited and the other has not heard of yet.
"""

from typing import TYPE_CHECKING

from domain.account import FEES
from domain.accounts import check_open, sum_digest
from domain.event import Event
from domain.funding import amount_of, check_room
from domain.ids import shard_of
from domain.ledger import Ledger
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
from domain.state_hash import Hashed, Part
from domain.statuses import check_may_send_out
from domain.transfers import check_available, check_party

if TYPE_CHECKING:
    from domain.exchange import Exchange

# So many wait for another shard's word at most: while that shard is away, nothing else bounds them.
IN_TRANSIT_MAX = 10_000
IN_TRANSIT_PER_ACCOUNT_MAX = 100


# --- State ----------------------------------------------------------------------------------------------


class Transit(Hashed):
    """A transfer under way to another shard: ``amount`` minor units of the account are in transit."""

    __slots__ = ("account", "amount", "asset", "to_account", "to_shard", "transfer_id")

    def __init__(
        self, transfer_id: str, account: str, to_shard: int, to_account: str, asset: str, amount: int
    ) -> None:
        super().__init__()
        self.transfer_id = transfer_id
        self.account = account
        self.to_shard = to_shard
        self.to_account = to_account
        self.asset = asset
        self.amount = amount

    def parts(self) -> tuple[Part, ...]:
        return (
            "transit",
            self.transfer_id,
            self.account,
            self.to_shard,
            self.to_account,
            self.asset,
            self.amount,
        )


def begin_transit(exchange: "Exchange", transit: Transit) -> None:
    exchange.in_transit[transit.transfer_id] = transit
    exchange.in_transit_of[transit.account] = exchange.in_transit_of.get(transit.account, 0) + 1
    exchange.hashed.changed(transit)


def _end_transit(exchange: "Exchange", transfer_id: str) -> None:
    transit = exchange.in_transit.pop(transfer_id)
    exchange.hashed.gone(transit)
    left = exchange.in_transit_of[transit.account] - 1
    if left:
        exchange.in_transit_of[transit.account] = left
    else:
        del exchange.in_transit_of[transit.account]


def _clear(exchange: "Exchange", shard: int, asset: str, amount: int) -> None:
    """``amount``: what ``shard`` has taken of this one; negative: this one of it."""
    before = exchange.cleared.get((shard, asset), 0)
    after = exchange.cleared[shard, asset] = before + amount
    exchange.hashed.replace(cleared_digest(shard, asset, before), cleared_digest(shard, asset, after))


def cleared_digest(shard: int, asset: str, amount: int) -> int:
    return sum_digest(f"cleared {shard}", asset, amount)


# --- Decisions on the source shard --------------------------------------------------------------------------


def send_funds(exchange: "Exchange", command: SendFunds, _now_us: int) -> list[Event]:
    """Take the funds from the account into transit. Raises ``RefusedError``."""
    check_may_send_out(check_party(exchange, command.account))
    if command.to_account == FEES:
        raise RefusedError("reserved_account", f"account {FEES!r} belongs to the venue")
    if command.to_shard == shard_of(command.transfer_id):
        raise RefusedError("same_shard", f"both accounts would be on shard {command.to_shard}")
    amount = amount_of(exchange, command.asset, command.amount)
    _check_few_in_transit(exchange, command.account)
    events: list[Event] = [
        FundsSent(
            command.transfer_id,
            command.client_transfer_id,
            command.account,
            command.to_shard,
            command.to_account,
            command.asset,
            amount,
        )
    ]
    ledger = Ledger(exchange.accounts, command.command_id, events, command.transfer_id)
    check_available(exchange, ledger, command.account, command.asset, amount)
    ledger.send(command.account, command.asset, amount)
    return events


def complete_transfer(exchange: "Exchange", command: CompleteTransfer, _now_us: int) -> list[Event]:
    """Close the books on a transfer that was credited. Raises ``RefusedError``."""
    transit = _in_transit(exchange, command.transfer_id)
    return [
        TransferCompleted(
            transit.transfer_id, transit.account, transit.to_shard, transit.asset, transit.amount
        )
    ]


def return_funds(exchange: "Exchange", command: ReturnFunds, _now_us: int) -> list[Event]:
    """Give back what was declined: whatever the account's status, and even beyond what it may hold, since the
    money is nowhere else. Raises ``RefusedError``.
    """
    transit = _in_transit(exchange, command.transfer_id)
    account, asset, amount = transit.account, transit.asset, transit.amount
    events: list[Event] = [
        TransferReturned(
            transit.transfer_id, account, transit.to_shard, asset, amount, command.code, command.detail
        )
    ]
    Ledger(exchange.accounts, command.command_id, events, transit.transfer_id).give_back(
        account, asset, amount
    )
    return events


def _in_transit(exchange: "Exchange", transfer_id: str) -> Transit:
    """The other shard's word may come again: then it is no news."""
    transit = exchange.in_transit.get(transfer_id)
    if transit is None:
        raise RefusedError("transfer_not_in_transit", f"nothing is in transit as {transfer_id}")
    return transit


def _check_few_in_transit(exchange: "Exchange", account: str) -> None:
    if exchange.in_transit_of.get(account, 0) >= IN_TRANSIT_PER_ACCOUNT_MAX:
        raise RefusedError(
            "max_in_transit", f"{account} has {IN_TRANSIT_PER_ACCOUNT_MAX} transfers in transit, the most"
        )
    if len(exchange.in_transit) >= IN_TRANSIT_MAX:
        raise RefusedError(
            "max_in_transit", f"all accounts have {IN_TRANSIT_MAX} transfers in transit, the most for a shard"
        )


# --- Decisions on the destination shard ---------------------------------------------------------------------


def receive_funds(exchange: "Exchange", command: ReceiveFunds, _now_us: int) -> list[Event]:
    """Credit the account, or decline for good: whoever hears of it returns the funds, so what was declined
    once must not be credited when it comes again.
    """
    try:
        return _received(exchange, command)
    except RefusedError as refusal:
        return [
            FundsDeclined(
                command.transfer_id,
                command.client_transfer_id,
                shard_of(command.transfer_id),
                command.from_account,
                command.account,
                command.asset,
                command.amount,
                refusal.code,
                refusal.detail,
            )
        ]


def _received(exchange: "Exchange", command: ReceiveFunds) -> list[Event]:
    account, asset = command.account, command.asset
    if check_open(exchange, account).status == "suspended":
        raise RefusedError("account_restricted", f"account {account!r} is suspended")
    amount = amount_of(exchange, asset, command.amount)
    events: list[Event] = [
        FundsReceived(
            command.transfer_id,
            command.client_transfer_id,
            shard_of(command.transfer_id),
            command.from_account,
            account,
            asset,
            amount,
        )
    ]
    ledger = Ledger(exchange.accounts, command.command_id, events, command.transfer_id)
    check_room(ledger, account, asset, amount, command.amount)
    ledger.take_in(account, asset, amount)
    return events


# --- Evolution ------------------------------------------------------------------------------------------


def funds_sent(exchange: "Exchange", event: FundsSent) -> None:
    begin_transit(
        exchange,
        Transit(
            event.transfer_id, event.account, event.to_shard, event.to_account, event.asset, event.amount
        ),
    )


def transfer_completed(exchange: "Exchange", event: TransferCompleted) -> None:
    _end_transit(exchange, event.transfer_id)
    _clear(exchange, event.to_shard, event.asset, event.amount)


def transfer_returned(exchange: "Exchange", event: TransferReturned) -> None:
    _end_transit(exchange, event.transfer_id)


def funds_received(exchange: "Exchange", event: FundsReceived) -> None:
    _clear(exchange, event.from_shard, event.asset, -event.amount)


def funds_declined(exchange: "Exchange", event: FundsDeclined) -> None:
    """That it must not be credited later stands in its stream."""
