"""Positions, balances and transfers of all accounts that one may see, by account."""

from collections.abc import Iterator
from itertools import groupby

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromQuery

from api.permissions import readable
from api.query import listing
from api.query.controllers import AskedBy, Read, Reader
from api.query.decimals import Decimal, Price, SymbolName, Time
from api.query.exports import Item, Listing, walk
from api.query.listing import AccountsQuery, Asks, SymbolQuery
from api.query.money import TransferView, transfer_view
from api.query.times import From, Span, To, span_of
from projections import balances, positions, transfers
from projections.by_account import Pair
from projections.projection import Document

Accounts = list[str] | None
Last = tuple[str, str] | None


class AccountPosition(msgspec.Struct, frozen=True):
    """What trading left an account with: ``PositionView``, with whose it is."""

    account: str
    symbol: SymbolName
    quantity: Decimal
    average_cost: Price | None
    cost: Decimal
    realised_pnl: Decimal
    fees: Decimal
    net_realised_pnl: Decimal
    fills_count: int
    updated_at: Time


class PositionsPage(msgspec.Struct, frozen=True):
    """By account and market. ``next_cursor`` is ``null`` on the last page."""

    positions: list[AccountPosition]
    next_cursor: str | None


class AccountBalance(msgspec.Struct, frozen=True):
    """What an account has of an asset, over all shards: ``total`` is available plus held."""

    account: str
    asset: str
    available: Decimal
    held: Decimal
    total: Decimal


class BalancesPage(msgspec.Struct, frozen=True):
    """By account and asset. ``next_cursor`` is ``null`` on the last page."""

    balances: list[AccountBalance]
    next_cursor: str | None


class AllTransfersPage(msgspec.Struct, frozen=True):
    """By account, and each account's oldest first. ``next_cursor`` is ``null`` on the last page."""

    transfers: list[TransferView]
    next_cursor: str | None


class Holdings(Controller):
    """What accounts have, and what moved other than by trading."""

    path = "/v1"
    tags = ("holdings",)

    @get("/positions", operation_id="searchPositions", summary="Positions of all accounts that you may see")
    async def positions(
        self,
        request: AskedBy,
        reader: Read,
        asked: Asks,
        account: AccountsQuery = None,
        symbol: SymbolQuery = None,
    ) -> Response[PositionsPage]:
        found = _positions(reader, readable(request, account), symbol)
        return await listing.answer(reader, found, asked, PositionsPage)

    @get("/balances", operation_id="searchBalances", summary="Balances of all accounts that you may see")
    async def balances(
        self,
        request: AskedBy,
        reader: Read,
        asked: Asks,
        account: AccountsQuery = None,
        asset: FromQuery[str | None] = None,
    ) -> Response[BalancesPage]:
        found = _balances(reader, readable(request, account), asset)
        return await listing.answer(reader, found, asked, BalancesPage)

    @get("/transfers", operation_id="searchTransfers", summary="Transfers of all accounts that you may see")
    async def transfers(
        self,
        request: AskedBy,
        reader: Read,
        asked: Asks,
        account: AccountsQuery = None,
        since: From = None,
        until: To = None,
    ) -> Response[AllTransfersPage]:
        found = _transfers(reader, readable(request, account), span_of(since, until))
        return await listing.answer(reader, found, asked, AllTransfersPage)


def _positions(reader: Reader, accounts: Accounts, symbol: str | None) -> Listing:
    def read(last: Pair | None, most: int) -> list[Document]:
        return positions.scan(
            reader.database, accounts=accounts, symbol=symbol, last=last, documents_max=most
        )

    def items(last: Last, some: int) -> Iterator[Item]:
        for found in walk(read, lambda each: Pair(each["account"], each["symbol"]), _pair(last), some):
            yield Item((found["account"], found["symbol"]), found)

    return Listing(
        name="positions",
        projections=("positions",),
        scope=(accounts, symbol),
        keys=(str, str),
        items=items,
        views=lambda found: [_account_position(reader, each) for each in found],
        row=AccountPosition,
    )


def _account_position(reader: Reader, position: Document) -> AccountPosition:
    view = reader.position_view(position)
    return AccountPosition(position["account"], *msgspec.structs.astuple(view))


def _balances(reader: Reader, accounts: Accounts, asset: str | None) -> Listing:
    def read(last: Pair | None, most: int) -> list[Document]:
        return balances.scan(reader.database, accounts=accounts, asset=asset, last=last, documents_max=most)

    def items(last: Last, some: int) -> Iterator[Item]:
        """An account's balances of one asset, one for each shard, follow each other."""
        found = walk(read, lambda each: Pair(each["account"], each["asset"]), _pair(last), some)
        for (account, name), of_shards in groupby(found, lambda each: (each["account"], each["asset"])):
            yield Item((account, name), list(of_shards))

    return Listing(
        name="balances",
        projections=("balances",),
        scope=(accounts, asset),
        keys=(str, str),
        items=items,
        views=lambda found: [_account_balance(reader, each) for each in found],
        row=AccountBalance,
    )


def _account_balance(reader: Reader, of_shards: list[Document]) -> AccountBalance:
    (view,) = reader.balance_views(of_shards)
    return AccountBalance(of_shards[0]["account"], *msgspec.structs.astuple(view))


def _transfers(reader: Reader, accounts: Accounts, span: Span) -> Listing:
    def read(last: Pair | None, most: int) -> list[Document]:
        return transfers.scan(
            reader.database,
            accounts=accounts,
            first_us=span.first_us,
            until_us=span.until_us,
            last=last,
            documents_max=most,
        )

    def items(last: Last, some: int) -> Iterator[Item]:
        for found in walk(read, lambda each: Pair(each["account"], each["page_key"]), _pair(last), some):
            yield Item((found["account"], found["page_key"]), found)

    return Listing(
        name="transfers",
        projections=("transfers",),
        scope=(accounts, span),
        keys=(str, str),
        items=items,
        views=lambda found: [transfer_view(each, reader) for each in found],
        row=TransferView,
    )


def _pair(last: Last) -> Pair | None:
    return None if last is None else Pair(*last)
