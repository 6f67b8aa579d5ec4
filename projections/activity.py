"""Activity: what happened to an account, and who did it. Two read models, since its orders are told by market
and its money by account: ``order_activity`` and ``activity``.

A document holds all that happened to one account (and, of orders, on one market) within a window of 1,000
events of the shard: many entries a write under load, and no document that grows without end. Nothing is ever
taken out of one; once the shard is past its window it does not change any more.

An entry is one JSON text: for a database, a text is a third of the work of a document with as many fields.
``what`` happened, ``at_us``, ``seq``, ``n`` (which of the event's entries, from 0), ``actor``, and whatever
else the event says, in its own names and units; amounts that add up are strings, what is empty is left out.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, islice
from typing import Any, NamedTuple

import msgspec
from pymongo.database import Database

from domain.account import (
    AccountFeesSet,
    AccountGroupSet,
    AccountLimitsSet,
    AccountOpened,
    AccountPosted,
    FundsDeposited,
)
from domain.control import AccountStatusChanged
from domain.event import Event
from domain.order import (
    OrderAmended,
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
)
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from domain.shard_transfer import FundsReceived, FundsSent, TransferCompleted, TransferReturned
from domain.trade import TradeBusted, TradeCorrected
from domain.transfer import (
    BalanceAdjusted,
    FundsTransferred,
    WithdrawalCancelled,
    WithdrawalCompleted,
    WithdrawalRequested,
)
from projections.projection import At, Document, Projection

WINDOW_EVENTS = 1_000
DOCUMENTS_PER_READ = 50
Entry = dict[str, Any]

ON_REQUEST = frozenset(
    {
        "requested",
        "replaced",
        "disconnected",
        "kill_switch",
        "market_closed",
        "account_restricted",
        "rules_changed",
    }
)
"""Ends of an order or a list that somebody asked for. Any other follows from time, or from what another
trader did, whose name is nobody else's business."""


class Side(NamedTuple):
    """What an event says of one account: ``entries``, of ``symbol`` if it is of a market; ``with_actor``: who
    did it may be told.
    """

    account: str
    symbol: str | None
    entries: Sequence[Entry]
    with_actor: bool


# --- What events say ----------------------------------------------------------------------------------------

# By event: what it is called, whether its actor may be told, and which of its fields tell the rest.
Told = tuple[str, bool, tuple[str, ...]]

ORDERS: dict[type[Event], Told] = {
    OrderPlaced: (
        "order_placed",
        True,
        (
            "order_id",
            "client_order_id",
            "side",
            "order_type",
            "time_in_force",
            "price",
            "quantity",
            "list_id",
        ),
    ),
    OrderRejected: ("order_rejected", True, ("order_id", "client_order_id", "code", "detail", "list_id")),
    OrderFilled: (
        "order_filled",
        False,
        ("order_id", "side", "liquidity", "trade_id", "price", "quantity", "fee", "remaining"),
    ),
    OrderTriggered: ("order_triggered", False, ("order_id", "side", "trigger_price", "price", "quantity")),
    # One that follows what another order fills is amended by whoever fills that.
    OrderAmended: ("order_amended", False, ("order_id", "side", "price", "quantity", "remaining")),
    OrderCancelled: ("order_cancelled", True, ("order_id", "side", "price", "remaining", "reason")),
    OrderListPlaced: ("order_list_placed", True, ("list_id", "client_list_id", "kind")),
    OrderListRejected: ("order_list_rejected", True, ("list_id", "client_list_id", "kind", "code", "detail")),
    OrderListEnded: ("order_list_ended", True, ("list_id", "reason")),
}

TRADES: dict[type[Event], Told] = {
    TradeBusted: ("trade_busted", True, ("trade_id", "price", "quantity", "reason")),
    TradeCorrected: ("trade_corrected", True, ("trade_id", "old_price", "price", "quantity", "reason")),
}

MONEY: dict[type[Event], Told] = {
    AccountOpened: ("account_opened", True, ()),
    AccountStatusChanged: ("status_changed", True, ("status", "reason")),
    AccountLimitsSet: ("limits_set", True, ("limits",)),
    AccountFeesSet: ("fees_set", True, ("symbol", "maker_fee_ppm", "taker_fee_ppm")),
    AccountGroupSet: ("group_set", True, ("group",)),
    FundsDeposited: ("deposited", True, ("transfer_id", "client_transfer_id", "asset", "amount")),
    WithdrawalRequested: (
        "withdrawal_requested",
        True,
        ("transfer_id", "client_transfer_id", "asset", "amount", "destination"),
    ),
    WithdrawalCompleted: ("withdrawal_completed", True, ("transfer_id", "asset", "amount", "reference")),
    WithdrawalCancelled: ("withdrawal_cancelled", True, ("transfer_id", "asset", "amount", "reason")),
    FundsTransferred: (
        "transferred_out",
        True,
        ("transfer_id", "client_transfer_id", "asset", "amount", "to_account"),
    ),
    # What was declined there is no account's business there: nothing happened to it.
    FundsSent: (
        "sent_to_shard",
        True,
        ("transfer_id", "client_transfer_id", "asset", "amount", "to_shard", "to_account"),
    ),
    TransferCompleted: ("sending_completed", False, ("transfer_id", "asset", "amount", "to_shard")),
    TransferReturned: (
        "sending_returned",
        False,
        ("transfer_id", "asset", "amount", "to_shard", "code", "detail"),
    ),
    FundsReceived: ("received_from_shard", False, ("transfer_id", "asset", "amount", "from_shard")),
    BalanceAdjusted: (
        "adjusted",
        True,
        ("transfer_id", "client_transfer_id", "asset", "side", "amount", "reason", "approver"),
    ),
}

ADDS_UP = frozenset({"amount", "fee"})


def _entry(event: Any, what: str, names: Sequence[str]) -> Entry:
    entry: Entry = {"what": what}
    for name in names:
        value = getattr(event, name)
        if value is not None and value != "":
            entry[name] = str(value) if name in ADDS_UP else value
    return entry


def _order_side(event: Any) -> Iterator[Side]:
    what, with_actor, names = ORDERS[type(event)]
    asked_for = with_actor and getattr(event, "reason", "requested") in ON_REQUEST
    yield Side(event.account, event.symbol, (_entry(event, what, names),), asked_for)


def _trade_sides(event: TradeBusted | TradeCorrected) -> Iterator[Side]:
    """One for each account: it may have traded with itself."""
    what, with_actor, names = TRADES[type(event)]
    entry = _entry(event, what, names)
    yield Side(event.buyer, event.symbol, (entry | {"order_id": event.buy_order_id},), with_actor)
    if event.seller != event.buyer:
        yield Side(event.seller, event.symbol, (entry | {"order_id": event.sell_order_id},), with_actor)


def _money_side(event: Any) -> Iterator[Side]:
    what, with_actor, names = MONEY[type(event)]
    yield Side(event.account, None, (_entry(event, what, names),), with_actor)


def _received(event: AccountPosted) -> Iterator[Side]:
    """What came from another account: that transfer is told where the sender is."""
    names = ("transfer_id", "asset", "amount")
    entries = [
        _entry(posting, "transferred_in", names)
        for posting in event.postings
        if posting.kind == "transfer_in"
    ]
    if entries:
        yield Side(event.account, None, entries, with_actor=False)


SIDES: dict[type[Event], Callable[[Any], Iterator[Side]]] = {
    **dict.fromkeys(ORDERS, _order_side),
    **dict.fromkeys(TRADES, _trade_sides),
    **dict.fromkeys(MONEY, _money_side),
    AccountPosted: _received,
}


# --- Folding ------------------------------------------------------------------------------------------------


def parts(event: Event, shard: int) -> Iterable[tuple[str, Side]]:
    for side in SIDES[type(event)](event):
        yield f"{shard}|{side.account}" + (f"|{side.symbol}" if side.symbol else ""), side


def fold(document: Document | None, side: Side, at: At) -> Document:
    """Add to the entries in place: a busy account's document would be copied once for each of them."""
    found = document or {
        "account": side.account,
        "symbol": side.symbol,
        "window": at.seq // WINDOW_EVENTS,
        "first_at_us": at.occurred_at_us,
        "entries": [],
    }
    actor: Entry = {"actor": at.actor} if side.with_actor and at.actor else {}
    for number, entry in enumerate(side.entries):
        where = {"at_us": at.occurred_at_us, "seq": at.seq, "n": number}
        found["entries"].append(msgspec.json.encode(where | actor | entry).decode())
    return found


_INDEXES = (("account", "shard", "window"),)

PROJECTION = Projection(
    "activity",
    frozenset({*MONEY, AccountPosted}),
    parts,
    fold,
    indexes=_INDEXES,
    window_events=WINDOW_EVENTS,
    relaxed=frozenset({*MONEY, AccountPosted}),
)

OF_ORDERS = Projection(
    "order_activity",
    frozenset({*ORDERS, *TRADES}),
    parts,
    fold,
    indexes=_INDEXES,
    window_events=WINDOW_EVENTS,
    relaxed=frozenset({*ORDERS, *TRADES}),
)


# --- Reading ------------------------------------------------------------------------------------------------


class Key(NamedTuple):
    """What entries are listed by: time, then their place in history."""

    at_us: int
    shard: int
    seq: int
    n: int


def key_of(entry: Entry) -> Key:
    return Key(entry["at_us"], entry["shard"], entry["seq"], entry["n"])


def of_account(
    database: Database[Document], account: str, shards: Iterable[int], before: Key | None, entries_max: int
) -> list[Entry]:
    """Return what happened to the account on these shards, newest first, from just before ``before`` on; each
    entry with its ``shard``, and its ``symbol`` if it is of a market.
    """
    of_shards = [_of_shard(database, account, shard, before) for shard in shards]
    newest_first = merge(*of_shards, key=key_of, reverse=True)
    return list(islice(newest_first, entries_max))


def _of_shard(database: Database[Document], account: str, shard: int, before: Key | None) -> Iterator[Entry]:
    """Yield a shard's entries, newest first. Of one shard, all of a window is older than all of the next."""
    cursors = [_documents(database, name, account, shard, before) for name in ("activity", "order_activity")]
    newest_first = merge(*cursors, key=lambda document: int(document["window"]), reverse=True)
    for _, window in groupby(newest_first, key=lambda document: document["window"]):
        entries = [entry for document in window for entry in entries_of(document)]
        entries.sort(key=key_of, reverse=True)
        yield from (entry for entry in entries if before is None or key_of(entry) < before)


def _documents(
    database: Database[Document], name: str, account: str, shard: int, before: Key | None
) -> Iterator[Document]:
    wanted: dict[str, Any] = {"account": account, "shard": shard}
    if before is not None and before.shard == shard:
        wanted["window"] = {"$lte": before.seq // WINDOW_EVENTS}
    elif before is not None:
        wanted["first_at_us"] = {"$lte": before.at_us}
    yield from database[name].find(wanted).sort("window", -1).batch_size(DOCUMENTS_PER_READ)


def entries_of(document: Document) -> Iterator[Entry]:
    """Yield a document's entries, oldest first."""
    more: Entry = {"shard": document["shard"]}
    if document["symbol"] is not None:
        more["symbol"] = document["symbol"]
    for text in document["entries"]:
        yield {**more, **msgspec.json.decode(text)}
