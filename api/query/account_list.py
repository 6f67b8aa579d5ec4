"""The accounts that one may see, by name."""

from collections.abc import Iterator

import msgspec
from litestar import Controller, Response, get

from api.permissions import readable
from api.query import listing
from api.query.controllers import SHARDS_MAX, AskedBy, Read, Reader
from api.query.decimals import Time
from api.query.exports import Item, Listing, walk
from api.query.listing import AccountsQuery, Asks
from api.query.views import account_view
from domain.control import AccountStatus
from projections import accounts


class AccountRow(msgspec.Struct, frozen=True):
    """An account: ``AccountView``, without its shards; where they differ, the strictest status."""

    account: str
    status: AccountStatus
    reason: str
    actor: str
    opened_at: Time
    changed_at: Time | None


class AccountsPage(msgspec.Struct, frozen=True):
    """By name. ``next_cursor`` is ``null`` on the last page."""

    accounts: list[AccountRow]
    next_cursor: str | None


class AccountList(Controller):
    """All accounts."""

    path = "/v1/accounts"
    tags = ("accounts",)

    @get("/", operation_id="searchAccounts", summary="All accounts that you may see, and what each may do")
    async def all_accounts(
        self, request: AskedBy, reader: Read, asked: Asks, account: AccountsQuery = None
    ) -> Response[AccountsPage]:
        found = _accounts(reader, readable(request, account))
        return await listing.answer(reader, found, asked, AccountsPage)


def _accounts(reader: Reader, wanted: list[str] | None) -> Listing:
    def read(last: str | None, most: int) -> list[str]:
        return accounts.names(reader.database, wanted, last, most)

    def items(last: tuple[str] | None, some: int) -> Iterator[Item]:
        """An account's names, one for each shard, follow each other."""
        before = None if last is None else last[0]
        for name in walk(read, lambda each: each, before, some):
            if name != before:
                yield Item((name,), name)
            before = name

    return Listing(
        name="accounts",
        projections=("accounts",),
        scope=(wanted,),
        keys=(str,),
        items=items,
        views=lambda found: _rows(reader, found),
        row=AccountRow,
    )


def _rows(reader: Reader, names: list[str]) -> list[AccountRow]:
    found = accounts.by_names(reader.database, names, SHARDS_MAX)
    return [AccountRow(*msgspec.structs.astuple(account_view(*found[name]))[:-1]) for name in names]
