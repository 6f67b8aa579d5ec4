"""What the risk engine remembers of an account: balances, positions, limits and status, folded from the
account's own events. Of one shard; an account that trades on several has one on each.

Of a market it keeps what its profit of the day follows from exactly, whatever the cost basis: the quantity
that the day began with, and the cash that went in and out since.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from domain.account import (
    AccountLimits,
    AccountLimitsSet,
    AccountOpened,
    AccountPosted,
    Fill,
    Posting,
)
from domain.control import AccountStatusChanged
from domain.event import Event
from domain.positions import day_of, traded
from projections.projection import At, Document

RiskEvent = AccountOpened | AccountPosted | AccountLimitsSet | AccountStatusChanged
EVENT_TYPES: frozenset[type[Event]] = frozenset(
    {AccountOpened, AccountPosted, AccountLimitsSet, AccountStatusChanged}
)


@dataclass(slots=True)
class Holding:
    """Of one asset, in minor units. ``withdrawing``: of what is held, what no order holds."""

    available: int = 0
    held: int = 0
    withdrawing: int = 0

    @property
    def total(self) -> int:
        return self.available + self.held

    @property
    def on_orders(self) -> int:
        return max(0, self.held - self.withdrawing)


@dataclass(slots=True)
class Traded:
    """What trading on one market left: ``quantity`` in base units (negative when short), the rest in quote
    units. ``cost`` and ``realised`` by average cost, as ``domain.positions``. On the UTC day ``day``, that of
    the last fill: ``begun_with`` is the quantity before its first fill, ``flow`` what its sales brought less
    what its purchases cost and the fees, ``net`` what it realised less fees.
    """

    quantity: int = 0
    cost: int = 0
    realised: int = 0
    fees: int = 0
    day: int = 0
    begun_with: int = 0
    flow: int = 0
    net: int = 0

    def fill(self, fill: Fill, day: int) -> None:
        if day > self.day:
            self.day, self.begun_with, self.flow, self.net = day, self.quantity, 0, 0
        self.quantity, self.cost, gain = traded(self.quantity, self.cost, fill)
        self.realised += gain
        self.fees += fill.fee
        self.net += gain - fill.fee
        self.flow += (fill.notional if fill.side == "sell" else -fill.notional) - fill.fee

    def on(self, day: int) -> tuple[int, int, int]:
        """Return what it began ``day`` with, its cash flow of that day, and what it realised less fees."""
        return (self.begun_with, self.flow, self.net) if day == self.day else (self.quantity, 0, 0)


@dataclass(slots=True)
class AccountState:
    """``seq``: the last event of the shard that is in here, which happened at ``occurred_at_us``."""

    shard: int
    account: str
    seq: int = 0
    occurred_at_us: int = 0
    status: str = "active"
    limits: AccountLimits = field(default_factory=AccountLimits)
    holdings: dict[str, Holding] = field(default_factory=dict)
    positions: dict[str, Traded] = field(default_factory=dict)

    @property
    def event_id(self) -> str:
        return f"{self.shard}-{self.seq}"

    def take(self, event: Event, at: At) -> bool:
        """Take an event in. Return whether it was new."""
        if at.seq <= self.seq:
            return False
        if isinstance(event, AccountPosted):
            for posting in event.postings:
                self._post(posting, day_of(at.occurred_at_us))
        elif isinstance(event, AccountLimitsSet):
            self.limits = event.limits
        elif isinstance(event, AccountStatusChanged):
            self.status = event.status
        self.seq, self.occurred_at_us = at.seq, at.occurred_at_us
        return True

    def _post(self, posting: Posting, day: int) -> None:
        holding = self.holdings.get(posting.asset)
        if holding is None:
            holding = self.holdings[posting.asset] = Holding()
        holding.available, holding.held = posting.available, posting.held
        if posting.order_id is None and posting.transfer_id is not None:
            holding.withdrawing += _WITHDRAWS.get(posting.kind, 0) * posting.amount
        if (fill := posting.fill) is not None:
            position = self.positions.get(fill.symbol)
            if position is None:
                position = self.positions[fill.symbol] = Traded()
            position.fill(fill, day)


_WITHDRAWS: Mapping[str, int] = {"hold": 1, "release": -1, "withdraw": -1}


# --- As a document ----------------------------------------------------------------------------------------


def document_id(shard: int, account: str) -> str:
    return f"{shard}|{account}"


def to_document(state: AccountState) -> Document:
    """Return the state with its amounts as text: sums outgrow the database's integers."""
    return {
        "_id": document_id(state.shard, state.account),
        "shard": state.shard,
        "account": state.account,
        "seq": state.seq,
        "occurred_at_us": state.occurred_at_us,
        "status": state.status,
        "limits": msgspec.json.encode(state.limits).decode(),
        "holdings": {asset: _texts(holding) for asset, holding in state.holdings.items()},
        # A symbol may have a dot in it, which a field's name may not
        "positions": [[symbol, *_texts(position)] for symbol, position in state.positions.items()],
    }


def from_document(document: Mapping[str, Any]) -> AccountState:
    return AccountState(
        document["shard"],
        document["account"],
        document["seq"],
        document["occurred_at_us"],
        document["status"],
        msgspec.json.decode(document["limits"], type=AccountLimits),
        {asset: Holding(*map(int, texts)) for asset, texts in document["holdings"].items()},
        {symbol: Traded(*map(int, texts)) for symbol, *texts in document["positions"]},
    )


def _texts(numbers: Holding | Traded) -> list[str]:
    return [str(getattr(numbers, name)) for name in type(numbers).__slots__]
