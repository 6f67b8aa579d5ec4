"""What the answers are made of: steps of a history, each with who, when, why, and what changed."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from domain.account import AccountPosted, Posting, PostingKind
from streams.audit.sentences import posting_sentence, sentence
from streams.audit.units import Units, time_of
from streams.codec import RecordedEvent, event_type

Time = Annotated[str, Meta(examples=["2026-01-31T12:00:00.000001Z"], description="UTC, RFC 3339.")]
Decimal = Annotated[str, Meta(examples=["1.25"], description="A decimal number.")]
Sentence = Annotated[
    str,
    Meta(
        examples=["bob sold 0.5 BTC at 100 as taker in trade 7 for 50 USD, fee 0.1 USD; nothing left"],
        description="What happened, for people; programs read `event`.",
    ),
]
CommandId = Annotated[
    str | None,
    Meta(
        examples=["5f2c8a11-2a"],
        description="The command that caused it. `null`: no single one did, as when the clock let an order "
        "expire, or where one event has the postings of many commands, which each name their own.",
    ),
]
State = dict[str, str | None]

CLOCK = "clock"  # what postings name as their command where time alone made something happen


class Change(msgspec.Struct, frozen=True):
    """One thing that an event changed; ``null``: it had no value."""

    field: Annotated[str, Meta(examples=["remaining"])]
    before: Annotated[str | None, Meta(examples=["2"])]
    after: Annotated[str | None, Meta(examples=["1.5"])]


class PostingView(msgspec.Struct, frozen=True):
    """One change of one balance: what was available and held before it, and after it."""

    account: str
    asset: Annotated[str, Meta(examples=["USD"])]
    kind: PostingKind
    amount: Decimal
    available_before: Decimal
    available: Decimal
    held_before: Decimal
    held: Decimal
    command_id: CommandId
    sentence: Sentence
    order_id: str | None = None
    trade_id: int | None = None
    symbol: str | None = None
    transfer_id: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One event of a history: its place, who and what caused it, the state before and after it, and what
    is different. ``event`` is what is stored. ``postings``: what its command moved for the same order; where
    one command has several events, they stand with its last.
    """

    shard: int
    seq: int
    stream: str
    version: int
    occurred_at: Time
    actor: Annotated[str, Meta(examples=["alice"])]
    command_id: CommandId
    correlation_id: Annotated[str | None, Meta(examples=["rebalance-17"])]
    type: Annotated[str, Meta(examples=["OrderFilled.v1"])]
    sentence: Sentence
    before: State | None
    after: State | None
    changes: list[Change]
    postings: list[PostingView]
    event: dict[str, Any]


def step(
    recorded: RecordedEvent,
    shard: int,
    units: Units,
    *,
    before: State | None = None,
    after: State | None = None,
    postings: list[PostingView] | None = None,
) -> Step:
    return Step(
        shard=shard,
        seq=recorded.seq,
        stream=recorded.stream,
        version=recorded.version,
        occurred_at=time_of(recorded.occurred_at_us),
        actor=recorded.actor,
        command_id=recorded.causation_id or None,
        correlation_id=recorded.correlation_id or None,
        type=event_type(recorded.event),
        sentence=sentence(recorded.event, units),
        before=before,
        after=after,
        changes=differences(before, after),
        postings=postings or [],
        event=msgspec.to_builtins(recorded.event),
    )


def differences(
    before: Mapping[str, str | None] | None, after: Mapping[str, str | None] | None
) -> list[Change]:
    """Return what is not the same, in the order of the fields; ``None``: a side does not have it."""
    old, new = before or {}, after or {}
    names = [*new, *(name for name in old if name not in new)]
    return [Change(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]


# --- Postings -------------------------------------------------------------------------------------------

# What a posting of each kind does to (available, held).
EFFECTS: dict[PostingKind, tuple[int, int]] = {
    "deposit": (1, 0),
    "hold": (-1, 1),
    "release": (1, -1),
    "pay": (0, -1),
    "receive": (1, 0),
    "withdraw": (0, -1),
    "transfer_out": (-1, 0),
    "transfer_in": (1, 0),
    "credit": (1, 0),
    "debit": (-1, 0),
    "send": (-1, 0),
    "take_in": (1, 0),
    "give_back": (1, 0),
    "refund": (1, 0),
    "reclaim": (-1, 0),
}


def balance_before(posting: Posting) -> tuple[int, int]:
    """Return what was available and held before the posting."""
    to_available, to_held = EFFECTS[posting.kind]
    return posting.available - to_available * posting.amount, posting.held - to_held * posting.amount


def posting_view(posting: Posting, units: Units) -> PostingView:
    asset = posting.asset
    available, held = balance_before(posting)
    return PostingView(
        account=posting.account,
        asset=asset,
        kind=posting.kind,
        amount=units.amount(asset, posting.amount),
        available_before=units.amount(asset, available),
        available=units.amount(asset, posting.available),
        held_before=units.amount(asset, held),
        held=units.amount(asset, posting.held),
        command_id=None if posting.command_id == CLOCK else posting.command_id,
        sentence=posting_sentence(posting, units),
        order_id=posting.order_id,
        trade_id=None if posting.fill is None else posting.fill.trade_id,
        symbol=None if posting.fill is None else posting.fill.symbol,
        transfer_id=posting.transfer_id,
    )


def postings_in(events: list[RecordedEvent], command_id: str) -> list[Posting]:
    """Return the postings that one command made, among the events of its commit."""
    wanted = command_id or CLOCK
    grouped = (recorded.event for recorded in events if isinstance(recorded.event, AccountPosted))
    return [posting for group in grouped for posting in group.postings if posting.command_id == wanted]
