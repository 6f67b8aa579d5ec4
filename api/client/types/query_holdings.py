"""What the APIs take and give: the structs of api.query.holdings.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from api.client.types.query_money import TransferView


class AccountPosition(msgspec.Struct, frozen=True, kw_only=True):
    """What trading left an account with: ``PositionView``, with whose it is."""

    account: str
    symbol: str
    quantity: Decimal
    average_cost: Decimal | None
    cost: Decimal
    realised_pnl: Decimal
    fees: Decimal
    net_realised_pnl: Decimal
    fills_count: int
    updated_at: datetime


class PositionsPage(msgspec.Struct, frozen=True, kw_only=True):
    """By account and market. ``next_cursor`` is ``null`` on the last page."""

    positions: list[AccountPosition]
    next_cursor: str | None


class AccountBalance(msgspec.Struct, frozen=True, kw_only=True):
    """What an account has of an asset, over all shards: ``total`` is available plus held."""

    account: str
    asset: str
    available: Decimal
    held: Decimal
    total: Decimal


class BalancesPage(msgspec.Struct, frozen=True, kw_only=True):
    """By account and asset. ``next_cursor`` is ``null`` on the last page."""

    balances: list[AccountBalance]
    next_cursor: str | None


class AllTransfersPage(msgspec.Struct, frozen=True, kw_only=True):
    """By account, and each account's oldest first. ``next_cursor`` is ``null`` on the last page."""

    transfers: list[TransferView]
    next_cursor: str | None
