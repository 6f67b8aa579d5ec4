"""What the APIs take and give: the structs of api.query.activity.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime

import msgspec


class ActivityView(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened. ``actor``: who did it, where that is the account's business: who the other
    side of a trade was, is not. ``details``: whatever else there is to say of such a thing, amounts and
    prices as decimals; of ``limits_set`` the new limits, in minor units, as JSON.
    """

    what: str
    at: datetime
    actor: str | None
    symbol: str | None
    order_id: str | None
    list_id: str | None
    trade_id: int | None
    transfer_id: str | None
    details: dict[str, str]
    shard: int
    seq: int


class ActivityPage(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``next_cursor`` asks for the page after this one; ``null``: this was the last."""

    account: str
    activity: list[ActivityView]
    next_cursor: str | None
