"""What the command API and the order processor say to each other.

Commands travel on the topic ``orders``, many in one ``CommandBatch``; the ``Outcome`` of each comes back,
many in one ``ReplyBatch``, on the Redis channel that the batch names. Both are JSON.
"""

from typing import Literal

import msgspec

from domain.account import Deposit, OpenAccount, SetAccountFees, SetAccountGroup, SetAccountLimits
from domain.control import ChangeMarketRules, DelistMarket, SetAccountStatus, SetMarketStatus, SetVenueStatus
from domain.event import Liquidity
from domain.market import ListMarket, SetMarkPrice
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, PlaceOrder
from domain.order_list import CancelOrderList, PlaceOrderList
from domain.shard_transfer import CompleteTransfer, ReceiveFunds, ReturnFunds, SendFunds
from domain.trade import BustTrade, CorrectTrade
from domain.transfer import (
    AdjustBalance,
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
)

AnyCommand = (
    PlaceOrder
    | CancelReplace
    | AmendOrder
    | CancelOrder
    | CancelAll
    | PlaceOrderList
    | CancelOrderList
    | OpenAccount
    | Deposit
    | RequestWithdrawal
    | CompleteWithdrawal
    | CancelWithdrawal
    | TransferFunds
    | AdjustBalance
    | SendFunds
    | ReceiveFunds
    | CompleteTransfer
    | ReturnFunds
    | SetAccountFees
    | SetAccountGroup
    | SetAccountLimits
    | ListMarket
    | SetMarkPrice
    | BustTrade
    | CorrectTrade
    | SetMarketStatus
    | ChangeMarketRules
    | DelistMarket
    | SetAccountStatus
    | SetVenueStatus
)

Status = Literal[
    "pending",
    "waiting",
    "open",
    "partially_filled",
    "filled",
    "cancelled",
    "rejected",
    "refused",
    "valid",
    "opened",
    "credited",
    "requested",
    "completed",
    "transferred",
    "sent",
    "received",
    "declined",
    "returned",
    "adjusted",
    "listed",
    "delisted",
    "set",
    "executing",
    "all_done",
    "busted",
    "corrected",
]


class CommandMessage(msgspec.Struct, frozen=True, gc=False):
    """``reply_to``: the channel on which the sender waits for the outcome; empty: nobody waits."""

    command: AnyCommand
    reply_to: str


class CommandBatch(msgspec.Struct, frozen=True, gc=False):
    """Commands that one sender sent together, decided in this order; they have one offset."""

    commands: tuple[AnyCommand, ...]
    reply_to: str


class OutcomeFill(msgspec.Struct, frozen=True, gc=False):
    """A trade the command made for its own order; integers in the market's units."""

    trade_id: int
    price: int
    quantity: int
    fee: int
    liquidity: Liquidity


class Scales(msgspec.Struct, frozen=True, gc=False):
    """How many decimals the integers of an outcome have."""

    price: int
    base: int
    quote: int


class Outcome(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What became of a command.

    ``waiting``: the order waits for its trigger. ``rejected``: the order is on record as rejected;
    ``refused``: nothing happened, and the command may be sent again. ``valid``: so says a dry run.
    ``replayed``: it had been decided before, and this is the first outcome again.

    Of an order list: ``executing``, ``all_done``, ``cancelled`` or ``rejected``, and in ``legs`` what became
    of each order; ``pending``: it is not in force yet.
    """

    command_id: str
    status: Status
    order_id: str = ""
    code: str = ""
    detail: str = ""
    quantity: int = 0
    remaining: int = 0
    fills: tuple[OutcomeFill, ...] = ()
    scales: Scales | None = None
    replayed: bool = False
    list_id: str = ""
    legs: tuple["Outcome", ...] = ()


class ReplyBatch(msgspec.Struct, frozen=True, gc=False):
    """The outcomes of one commit for one API process; ``token`` reads them all back."""

    token: str
    outcomes: tuple[Outcome, ...]


class _Record(msgspec.Struct, frozen=True, gc=False):
    """A ``CommandBatch``, or the single ``CommandMessage`` that earlier releases sent."""

    reply_to: str
    command: AnyCommand | None = None
    commands: tuple[AnyCommand, ...] = ()


_record_decoder = msgspec.json.Decoder(_Record)
_reply_decoder = msgspec.json.Decoder(ReplyBatch)


def decode_commands(value: bytes) -> list[CommandMessage]:
    """Return the commands of one Kafka record, in order. Raises ``msgspec.ValidationError``."""
    record = _record_decoder.decode(value)
    messages = [CommandMessage(command, record.reply_to) for command in record.commands]
    if record.command is not None:
        messages.append(CommandMessage(record.command, record.reply_to))
    return messages


def decode_replies(value: bytes) -> ReplyBatch:
    """Raises ``msgspec.ValidationError``."""
    return _reply_decoder.decode(value)
