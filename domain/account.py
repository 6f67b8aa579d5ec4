"""Account: the facts of its history, and the commands that ask for them. Every change of a balance is a
posting that says why. What becomes of a command is decided in ``accounts`` and ``funding``.

Postings are what an account's history is made of. All postings that one batch makes to an account are
stored as one event, ``AccountPosted``; grouping changes nothing else, each posting keeps its own cause.
"""

from typing import Literal

import msgspec

from domain.event import Command, Event, Liquidity, Side

FEES: str = "fees"  # the venue's own account, to which every fee goes

PostingKind = Literal["deposit", "hold", "release", "pay", "receive", "refund", "reclaim"]


# --- Events ---------------------------------------------------------------------------------------------


class AccountOpened(Event, frozen=True, tag="AccountOpened.v1"):
    account: str


class FundsDeposited(Event, frozen=True, tag="FundsDeposited.v1"):
    """Money came in from outside, once for each ``transfer_id``."""

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    amount: int


class Fill(msgspec.Struct, frozen=True, gc=False):
    """An account's own side of a trade. ``price`` in the market's price units, ``quantity`` in base units,
    ``notional`` and ``fee`` in quote units.
    """

    symbol: str
    trade_id: int
    side: Side
    liquidity: Liquidity
    price: int
    quantity: int
    notional: int
    fee: int


class Posting(Event, frozen=True, tag="Posting.v1"):
    """One change of one balance, with the balance after it.

    deposit, receive: adds to available; hold: available to held; release: held to available; pay: leaves
    held. ``fill`` stands on the posting that moves the traded (base) asset.

    refund adds to available, reclaim leaves it: the venue has busted or corrected a trade. ``fill`` is then
    the fill taken back, as one of the other side with a negative fee; on the second posting of a correction
    it is the fill that stands instead.
    """

    account: str
    asset: str
    kind: PostingKind
    amount: int
    available: int
    held: int
    command_id: str
    order_id: str | None = None
    fill: Fill | None = None


class AccountPosted(Event, frozen=True, tag="AccountPosted.v1"):
    """All postings of one batch to one account, in order."""

    account: str
    postings: tuple[Posting, ...]


# --- Commands -------------------------------------------------------------------------------------------


class OpenAccount(Command, frozen=True, tag="OpenAccount"):
    account: str


class Deposit(Command, frozen=True, tag="Deposit"):
    """``amount`` is a decimal string in whole units of ``asset``."""

    transfer_id: str
    client_transfer_id: str
    account: str
    asset: str
    amount: str
