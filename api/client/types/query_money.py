"""What the APIs take and give: the structs of api.query.money.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """An account's side of a deposit, withdrawal, transfer or adjustment. ``status``: requested (a withdrawal
    whose funds are held), completed or cancelled; sent (in transit to ``counter_shard``) or returned.
    """

    transfer_id: str
    client_transfer_id: str
    account: str
    kind: str
    direction: str
    asset: str
    amount: Decimal
    status: str
    counter_account: str | None
    destination: str | None
    reference: str | None
    reason: str | None
    approver: str | None
    begun_at: datetime
    ended_at: datetime | None
    counter_shard: int | None = None


class TransfersPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` is ``null`` on the last page."""

    account: str
    transfers: list[TransferView]
    next_cursor: str | None


class LineView(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` is positive for what the venue has, negative for what it owes."""

    ledger_account: str
    amount: Decimal


class AssetBooksView(msgspec.Struct, frozen=True, kw_only=True):
    """``sum`` is zero if the books balance. While trades are coming in, one side of a trade may be visible
    before the other, and the sum is off by that for a moment.
    """

    asset: str
    lines: list[LineView]
    sum: Decimal
    balanced: bool


class TrialBalanceView(msgspec.Struct, frozen=True, kw_only=True):
    assets: list[AssetBooksView]
    balanced: bool


class EntryView(msgspec.Struct, frozen=True, kw_only=True):
    """``amount`` more in ``debit``, and as much less in ``credit``."""

    debit: str
    credit: str
    asset: str
    amount: Decimal
    booked_at: datetime


class EntriesView(msgspec.Struct, frozen=True, kw_only=True):
    transfer_id: str
    entries: list[EntryView]
