"""What the APIs take and give: the structs of api.query.account_list.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime

import msgspec

from api.client.types.words import AccountStatus


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """An account: ``AccountView``, without its shards; where they differ, the strictest status."""

    account: str
    status: AccountStatus
    reason: str
    actor: str
    opened_at: datetime
    changed_at: datetime | None


class AccountsPage(msgspec.Struct, frozen=True, kw_only=True):
    """By name. ``next_cursor`` is ``null`` on the last page."""

    accounts: list[AccountRow]
    next_cursor: str | None
