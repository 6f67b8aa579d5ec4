"""What the APIs take and give: the structs of api.query.trade_views.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec


class TradeChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """``corrected_price``: what the trade counts at; ``null``: it was busted."""

    corrected_price: Decimal | None
    reason: str
    changed_at: datetime
