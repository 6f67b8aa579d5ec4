"""What goes over the private user stream, both ways: the source of docs/asyncapi-market-data.yaml."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.market_data.messages import Fault, Heartbeat, Id, Ping, Pong, Told, Welcome
from domain.event import Liquidity, Side

Seqs = Annotated[
    dict[str, int],
    Meta(description='By shard, the last `seq` of it that you have: `{"0": 1234}`.'),
]
What = Literal[
    "order_placed",
    "order_rejected",
    "order_filled",
    "order_triggered",
    "order_amended",
    "order_cancelled",
    "trade_prevented",
    "trade_busted",
    "trade_corrected",
    "balances",
    "account_status",
]
OpenStatus = Literal["pending", "waiting", "open", "partially_filled"]


# --- From the client ------------------------------------------------------------------------------------


class Authenticate(msgspec.Struct, frozen=True, tag_field="op", tag="auth"):
    """The first message, unless the handshake had a header ``Authorization: Bearer <token>``; and again
    before the token expires.
    """

    token: str
    id: Id = None


class Follow(msgspec.Struct, frozen=True, tag_field="op", tag="subscribe"):
    """Follow an account; with ``from_seq`` what happened after that comes instead of a snapshot."""

    account: str
    from_seq: Seqs | None = None
    id: Id = None


class Unfollow(msgspec.Struct, frozen=True, tag_field="op", tag="unsubscribe"):
    account: str
    id: Id = None


PrivateAsk = Authenticate | Follow | Unfollow | Ping


# --- To the client --------------------------------------------------------------------------------------


class Authenticated(Told, frozen=True, tag="authenticated"):
    subject: str
    expires_at_ms: int
    id: Id = None


class TokenExpires(Told, frozen=True, tag="token_expires"):
    """Send a new token by op ``auth``, or the connection is closed at this time."""

    expires_at_ms: int


class Balance(msgspec.Struct, frozen=True):
    """On one shard; what an account has is the sum over its shards."""

    asset: str
    available: str
    held: str


class ShardBalance(Balance, frozen=True):
    shard: int


class OpenOrder(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    order_id: str
    client_order_id: str
    symbol: str
    side: Side
    order_type: str
    time_in_force: str
    status: OpenStatus
    price: str | None = None
    trigger_price: str | None = None
    quantity: str
    filled: str
    remaining: str
    shard: int
    seq: int


class AccountSnapshot(Told, frozen=True, tag="account_snapshot"):
    """All open orders and balances as of ``seqs``: the next message of a shard names its number here as
    ``previous``.
    """

    account: str
    seqs: Seqs
    orders: list[OpenOrder]
    balances: list[ShardBalance]
    id: Id = None


class AccountNews(Told, frozen=True, kw_only=True, tag="account"):
    """One thing that happened to the account. ``seq``: its number in the shard's history; ``previous``: that
    of the message before it, of this account and shard. What does not apply is left out.

    ``price``, ``quantity``: of the order as placed or amended, of the fill, of the trade that was prevented,
    busted or corrected; what was cancelled. ``remaining``: what the order may still trade.
    """

    account: str
    shard: int
    seq: int
    previous: int = 0
    occurred_at_us: int
    what: What
    order_id: str | None = None
    client_order_id: str | None = None
    symbol: str | None = None
    side: Side | None = None
    order_type: str | None = None
    time_in_force: str | None = None
    price: str | None = None
    quantity: str | None = None
    remaining: str | None = None
    trigger_price: str | None = None
    trade_id: int | None = None
    fee: str | None = None
    liquidity: Liquidity | None = None
    reason: str | None = None
    balances: list[Balance] | None = None


class AccountResumed(Told, frozen=True, tag="account_resumed"):
    """What happened since ``from_seq``, by shard in order; it goes on from ``seqs``."""

    account: str
    seqs: Seqs
    events: list[AccountNews]
    id: Id = None


class Unfollowed(Told, frozen=True, tag="unsubscribed"):
    account: str
    id: Id = None


PrivateTold = (
    Welcome
    | Authenticated
    | TokenExpires
    | AccountSnapshot
    | AccountResumed
    | AccountNews
    | Unfollowed
    | Fault
    | Pong
    | Heartbeat
)
