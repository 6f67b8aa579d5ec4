"""What the command API and the order processor say to each other.

A ``CommandMessage`` travels on the topic ``orders``; the ``Outcome`` of each comes back, many in one
``ReplyBatch``, on the Redis channel that the message names. Both are JSON.
"""

from typing import Literal

import msgspec

from domain.account import Deposit, OpenAccount
from domain.event import Liquidity
from domain.market import ListMarket, SetMarkPrice
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, PlaceOrder
from domain.order_list import CancelOrderList, PlaceOrderList

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
    | ListMarket
    | SetMarkPrice
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
    "listed",
    "set",
    "executing",
    "all_done",
]


class CommandMessage(msgspec.Struct, frozen=True, gc=False):
    """``reply_to``: the channel on which the sender waits for the outcome."""

    command: AnyCommand
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


_command_decoder = msgspec.json.Decoder(CommandMessage)
_reply_decoder = msgspec.json.Decoder(ReplyBatch)


def decode_command(value: bytes) -> CommandMessage:
    """Raises ``msgspec.ValidationError``."""
    return _command_decoder.decode(value)


def decode_replies(value: bytes) -> ReplyBatch:
    """Raises ``msgspec.ValidationError``."""
    return _reply_decoder.decode(value)
