"""Snapshot: all of an exchange's state as plain values, to be written down. Made and read in ``snapshots``.

Fields have the names of what they are taken from, and dictionaries keep their order: it shows in the
sentences of some rejections, and in which order orders are cancelled. What follows from other state is not in
it: books and what waits follow from the orders, digests from everything.
"""

from hashlib import blake2b

import msgspec

from domain.account import AccountLimits
from domain.event import Side, TriggerSource
from domain.market import MarketRules
from domain.order import Trigger


class Kept(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One thing's state. Written without the names of its fields: there may be millions."""


class OrderSnapshot(Kept, frozen=True):
    order_id: str
    account: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    price: int | None
    quantity: int
    remaining: int
    budget: int
    held: int
    display: int
    shown: int
    maker_fee_ppm: int
    taker_fee_ppm: int
    self_trade: str
    trigger: Trigger | None
    expires_at_us: int
    session: str
    post_only: bool
    list_id: str
    priority: int


class LegSnapshot(Kept, frozen=True):
    order_id: str
    wanted: int
    given: int
    trigger: Trigger | None


class OrderListSnapshot(Kept, frozen=True):
    list_id: str
    account: str
    symbol: str
    kind: str
    filled: int
    decided: bool
    exiting: bool
    legs: list[LegSnapshot]


class BalanceSnapshot(Kept, frozen=True):
    asset: str
    available: int
    held: int


class PositionSnapshot(Kept, frozen=True):
    symbol: str
    quantity: int
    cost: int
    day: int
    net: int


class ExposureSnapshot(Kept, frozen=True):
    notional: dict[str, int]
    quantity: list[tuple[str, Side, int]]
    day: int
    net: dict[str, int]


class AccountSnapshot(Kept, frozen=True):
    account: str
    status: str
    group: str | None
    fees: dict[str, tuple[int, int]]
    limits: AccountLimits | None
    second: int
    orders_in_second: int
    balances: list[BalanceSnapshot]
    positions: list[PositionSnapshot]
    exposure: ExposureSnapshot | None


class ChangedTradeSnapshot(Kept, frozen=True):
    trade_id: int
    price: int
    buyer_fee: int
    seller_fee: int


class MarketSnapshot(Kept, frozen=True):
    """``last_priority``: of its book. ``trailing``: the ids of the trailing orders that wait there, in the
    order in which they follow a price.
    """

    rules: MarketRules
    status: str
    last_trade_id: int
    last_price: int | None
    mark_price: int | None
    last_priority: int
    changed_trades: list[ChangedTradeSnapshot]
    trailing: dict[TriggerSource, list[str]]


class WithdrawalSnapshot(Kept, frozen=True):
    transfer_id: str
    account: str
    asset: str
    amount: int


class TransitSnapshot(Kept, frozen=True):
    transfer_id: str
    account: str
    to_shard: int
    to_account: str
    asset: str
    amount: int


class ExchangeSnapshot(Kept, frozen=True):
    """``version``: of the state hash, and so of what the state is; a snapshot of another one says nothing.
    ``cleared``: shard, asset, amount.
    """

    version: int
    state_hash: int
    now_us: int
    venue_status: str
    scales: dict[str, int]
    outside: dict[str, int]
    adjustments: dict[str, int]
    accounts: list[AccountSnapshot]
    markets: list[MarketSnapshot]
    orders: list[OrderSnapshot]
    lists: list[OrderListSnapshot]
    withdrawals: list[WithdrawalSnapshot]
    moved: list[str]
    touched: list[str]
    in_transit: list[TransitSnapshot]
    cleared: list[tuple[int, str, int]]


def layout_of(kind: type[msgspec.Struct]) -> bytes:
    """Return a digest of how a snapshot of ``kind`` is written: of the names and types of all fields, and so
    of everything that is kept. Another release may keep other things.
    """
    schema = msgspec.json.encode(msgspec.json.schema(kind), order="deterministic")
    return blake2b(schema, digest_size=16).digest()
