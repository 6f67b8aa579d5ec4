"""What the APIs take and give: the structs of api.query.list_views.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from typing import Literal

import msgspec

from api.client.types.query_order_views import RejectionView
from api.client.types.words import LegRole, ListEnd, ListKind


class LegView(msgspec.Struct, frozen=True, kw_only=True):
    """One order of the list. A ``pending`` leg follows what the ``working`` one fills."""

    order_id: str
    client_order_id: str
    role: LegRole


class OrderListView(msgspec.Struct, frozen=True, kw_only=True):
    """A list is ``executing`` as long as any of its orders is open. What became of each order, the order
    says; ``end_reason``: whether the owner ``requested`` the end.
    """

    list_id: str
    account: str
    client_list_id: str
    symbol: str
    kind: ListKind
    status: Literal["executing", "all_done", "rejected"]
    end_reason: ListEnd | None = None
    legs: list[LegView]
    rejection: RejectionView | None = None
    created_at: datetime
    updated_at: datetime
    shard: int
    seq: int
