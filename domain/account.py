"""Account: the facts of its history, and the commands that ask for them. Every change of a balance is a
posting that says why. What becomes of a command is decided in ``accounts`` and ``funding``.

Postings are what an account's history is made of. All postings that one batch makes to an account are
stored as one event, ``AccountPosted``; grouping changes nothing else, each posting keeps its own cause.
"""

from typing import Literal

import msgspec

from domain.event import Command, Event, Liquidity, Side

FEES: str = "fees"  # the venue's own account, to which every fee goes

PostingKind = Literal[
    "deposit",
    "hold",
    "release",
    "pay",
    "receive",
    "withdraw",
    "transfer_out",
    "transfer_in",
    "credit",
    "debit",
    "refund",
    "reclaim",
    "send",
    "take_in",
    "give_back",
]


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

    deposit, receive, transfer_in, credit: adds to available; transfer_out, debit: leaves available; hold:
    available to held; release: held to available; pay, withdraw: leaves held. ``fill`` stands on the posting
    that moves the traded (base) asset; ``transfer_id`` on those of a transfer.

    refund adds to available, reclaim leaves it: the venue has busted or corrected a trade. ``fill`` is then
    the fill taken back, as one of the other side with a negative fee; on the second posting of a correction
    it is the fill that stands instead.

    send leaves available, for another shard; give_back adds to it what that shard declined; take_in adds what
    another shard sent.
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
    transfer_id: str | None = None


class AccountPosted(Event, frozen=True, tag="AccountPosted.v1"):
    """All postings of one batch to one account, in order."""

    account: str
    postings: tuple[Posting, ...]


class AccountFeesSet(Event, frozen=True, tag="AccountFeesSet.v1"):
    """Fees agreed with the account, on one market or (``symbol`` is ``None``) on all that have none of their
    own; ``None``: there is no such agreement any more.
    """

    account: str
    symbol: str | None
    maker_fee_ppm: int | None
    taker_fee_ppm: int | None


class AccountGroupSet(Event, frozen=True, tag="AccountGroupSet.v1"):
    """The account belongs to the owner of ``group`` (``None``: it stands alone): accounts of one group do not
    trade with each other, where their orders ask for that.
    """

    account: str
    group: str | None


class AccountLimits(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What an account may do at most; what is not named is unlimited, 0 allows nothing.

    ``max_order_notional``, ``max_open_notional``, ``daily_loss``: by quote asset, in quote units;
    ``max_position``: by market, in base units; ``order_rate``: orders a second.
    """

    max_order_notional: dict[str, int] = {}
    max_open_notional: dict[str, int] = {}
    max_position: dict[str, int] = {}
    order_rate: int | None = None
    daily_loss: dict[str, int] = {}


class AccountLimitsSet(Event, frozen=True, tag="AccountLimitsSet.v1"):
    """From now on these limits hold, and none of those before."""

    account: str
    limits: AccountLimits


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


class SetAccountFees(Command, frozen=True, tag="SetAccountFees"):
    """``symbol``: one market, ``None`` for all. No fees: back to the default."""

    account: str
    symbol: str | None = None
    maker_fee_ppm: int | None = None
    taker_fee_ppm: int | None = None


class SetAccountGroup(Command, frozen=True, tag="SetAccountGroup"):
    """``group``: ``None`` takes the account out of the group it is in."""

    account: str
    group: str | None = None


class LimitsRequest(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is asked for as ``AccountLimits``; amounts are decimal strings in whole units."""

    max_order_notional: dict[str, str] = {}
    max_open_notional: dict[str, str] = {}
    max_position: dict[str, str] = {}
    order_rate: int | None = None
    daily_loss: dict[str, str] = {}


class SetAccountLimits(Command, frozen=True, tag="SetAccountLimits"):
    """Replace all limits of an account by ``limits``."""

    account: str
    limits: LimitsRequest
