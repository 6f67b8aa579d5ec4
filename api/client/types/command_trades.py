"""What the APIs take and give: the structs of api.command.trades.

Written by docs/client_source.py from it: do not edit.
"""

import msgspec

from api.client.amounts import Amount


class BustTradeRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``order_id``: the order of either side of the trade."""

    order_id: str
    reason: str


class CorrectTradeRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """``order_id``: the order of either side of the trade; ``price``: what it should have been made at."""

    order_id: str
    price: Amount
    reason: str
