"""The query API's routes about money: an account's transfers, and the venue's books."""

from typing import Annotated

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath, FromQuery
from msgspec import Meta

from api.permissions import may_read
from api.query.controllers import (
    PAGE_DEFAULT,
    AfterHeader,
    AfterQuery,
    AskedBy,
    Limit,
    Read,
    Reader,
    not_found,
)
from api.query.cursors import Cursor
from api.query.decimals import Decimal, Time, time_given, time_of
from domain.numbers import format_units
from projections import ledger, transfers
from projections.projection import Document


class TransferView(msgspec.Struct, frozen=True):
    """An account's side of a deposit, withdrawal, transfer or adjustment. ``status``: requested (a withdrawal
    whose funds are held), completed or cancelled; sent (in transit to ``counter_shard``) or returned.
    """

    transfer_id: str
    client_transfer_id: str
    account: str
    kind: str
    direction: Annotated[str, Meta(description="in or out, of this account")]
    asset: str
    amount: Decimal
    status: str
    counter_account: str | None
    destination: str | None
    reference: str | None
    reason: str | None
    approver: str | None
    begun_at: Time
    ended_at: Time | None
    counter_shard: Annotated[int | None, Meta(description="Of counter_account, if another one")] = None


class TransfersPage(msgspec.Struct, frozen=True):
    """Newest first. ``next_cursor`` is ``null`` on the last page."""

    account: str
    transfers: list[TransferView]
    next_cursor: str | None


class LineView(msgspec.Struct, frozen=True):
    """``amount`` is positive for what the venue has, negative for what it owes."""

    ledger_account: str
    amount: Decimal


class AssetBooksView(msgspec.Struct, frozen=True):
    """``sum`` is zero if the books balance. While trades are coming in, one side of a trade may be visible
    before the other, and the sum is off by that for a moment.
    """

    asset: str
    lines: list[LineView]
    sum: Decimal
    balanced: bool


class TrialBalanceView(msgspec.Struct, frozen=True):
    assets: list[AssetBooksView]
    balanced: bool


class EntryView(msgspec.Struct, frozen=True):
    """``amount`` more in ``debit``, and as much less in ``credit``."""

    debit: str
    credit: str
    asset: str
    amount: Decimal
    booked_at: Time


class EntriesView(msgspec.Struct, frozen=True):
    transfer_id: str
    entries: list[EntryView]


class Transfers(Controller):
    """What moved on an account other than by trading."""

    path = "/v1/accounts/{account:str}/transfers"
    tags = ("accounts",)

    @get("/", operation_id="listTransfers", summary="The account's transfers, newest first")
    async def of_account(
        self,
        request: AskedBy,
        reader: Read,
        account: FromPath[str],
        limit: Limit = PAGE_DEFAULT,
        cursor: Cursor = None,
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[TransfersPage]:
        may_read(request, account)
        reader, before = reader.at_cursor("transfers", cursor)

        def read() -> TransfersPage:
            found = transfers.of_account(reader.database, account, before, limit + 1)
            page = found[:limit]
            next_cursor = reader.cursor("transfers", page[-1]["page_key"]) if len(found) > limit else None
            return TransfersPage(account, [transfer_view(each, reader) for each in page], next_cursor)

        return await reader.answer("transfers", (after, read_after), read)


class Ledger(Controller):
    """The venue's books by double entry."""

    path = "/v1/ledger"
    tags = ("ledger",)

    @get("/trial-balance", operation_id="getTrialBalance", summary="All books of each asset, and their sum")
    async def trial_balance(
        self, reader: Read, after: AfterQuery = None, read_after: AfterHeader = None
    ) -> Response[TrialBalanceView]:
        await reader.freshness.reach("balances", after or read_after)

        def read() -> TrialBalanceView:
            books = ledger.read_trial_balance(reader.database)
            assets = [_books_view(asset, lines, reader.scale(asset)) for asset, lines in books.items()]
            return TrialBalanceView(assets, all(asset.balanced for asset in assets))

        return await reader.answer("ledger", (after, read_after), read)

    @get("/entries", operation_id="listEntries", summary="The entries of one transfer, oldest first")
    async def entries(
        self,
        reader: Read,
        transfer_id: FromQuery[str],
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[EntriesView]:
        def read() -> EntriesView:
            sides = transfers.by_id(reader.database, transfer_id)
            if not sides:
                raise not_found("transfer", transfer_id)
            booked = [_entry_view(entry, reader) for side in sides for entry in ledger.entries(side)]
            return EntriesView(transfer_id, booked)

        return await reader.answer("transfers", (after, read_after), read)


def transfer_view(transfer: Document, reader: Reader) -> TransferView:
    same = {name: transfer[name] for name in TransferView.__struct_fields__ if name in transfer}
    amount = format_units(int(transfer["amount"]), reader.scale(transfer["asset"]))
    times = {
        "begun_at": time_of(transfer["begun_at_us"]),
        "ended_at": time_given(transfer["ended_at_us"]),
    }
    return TransferView(**(same | times | {"amount": amount}))


def _books_view(asset: str, lines: dict[str, int], scale: int) -> AssetBooksView:
    total = sum(lines.values())
    shown = [LineView(name, format_units(amount, scale)) for name, amount in lines.items()]
    return AssetBooksView(asset, shown, format_units(total, scale), total == 0)


def _entry_view(entry: ledger.Entry, reader: Reader) -> EntryView:
    amount = format_units(entry.amount, reader.scale(entry.asset))
    return EntryView(entry.debit, entry.credit, entry.asset, amount, time_of(entry.booked_at_us))


CONTROLLERS = [Transfers, Ledger]
