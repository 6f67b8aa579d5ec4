"""The private feed: to each account what is its own, in the order in which it happened.

Every process follows all events in order, but keeps something only of accounts that somebody listens to. A
snapshot joins exactly: what the read models have, once they have come as far as this process when it was
asked for, and on top of it what happened since.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

import psycopg
from pymongo.errors import PyMongoError

from api.market_data.board import Board, UnknownMarketError
from api.market_data.bounds import StreamBounds
from api.market_data.channels import Sent
from api.market_data.messages import Id
from api.market_data.private_messages import AccountNews, AccountResumed, AccountSnapshot, Seqs
from api.market_data.private_store import Copy, NotNowError
from api.market_data.private_views import accounts_of, news_of, open_order, shard_balance
from domain.market import MarketRules
from domain.order import OrderPlaced, OrderRejected, TradePrevented
from projections import balances, orders
from projections.folding import Folding
from projections.projection import At
from streams.codec import RecordedEvent

LOOK_S = 0.01
CHANGES = orders.PROJECTION.event_types - {OrderPlaced, OrderRejected, TradePrevented}
"""What changes an open order, as a snapshot shows it."""


class Owner(Protocol):
    """Who is told; it must not wait."""

    def put(self, sent: Sent) -> None: ...


class PrivateSource(Protocol):
    """Where an account's past is read from; both are called in a thread."""

    def copy_of(self, account: str, shards: Sequence[int], deadline: float) -> Copy: ...

    def events_of(self, account: str, shard: int, after: int, until: int) -> list[RecordedEvent]: ...


@dataclass(eq=False)
class AccountFeed:
    """``chains``: the last message of each shard. ``floor``: from where on the ring has all of them.
    ``held``: what happened since a snapshot was begun that is not sent yet.
    """

    account: str
    chains: dict[int, int]
    floor: dict[int, int]
    ring: deque[tuple[int, Sent, AccountNews]]
    owners: dict[Owner, None] = field(default_factory=dict)
    held: list[tuple[int, RecordedEvent]] = field(default_factory=list)
    holders: int = 0
    left_at: float = 0.0


class PrivateFeed:
    """``take`` is given each shard's events in order; all but reading stores happens in the loop's thread."""

    def __init__(self, limits: StreamBounds, store: PrivateSource, board: Board) -> None:
        self.heads: dict[int, int] = {}
        self.store = store
        self._bounds = limits
        self._board = board
        self._feeds: dict[str, AccountFeed] = {}
        self._reading = asyncio.Semaphore(limits.reads_at_once_max)

    # --- What happens ----------------------------------------------------------------------------------

    def began(self, stands: Mapping[int, int]) -> None:
        """From these on events are given."""
        self.heads.update(stands)

    def take(self, shard: int, events: Sequence[RecordedEvent]) -> None:
        feeds = self._feeds
        if feeds:
            for recorded in events:
                for account in accounts_of(recorded.event):
                    feed = feeds.get(account)
                    if feed is not None:
                        self._tell(feed, shard, recorded)
        self.heads[shard] = events[-1].seq

    def _tell(self, feed: AccountFeed, shard: int, recorded: RecordedEvent) -> None:
        if feed.holders:
            feed.held.append((shard, recorded))
        previous = feed.chains.get(shard, 0)
        news = news_of(feed.account, shard, recorded, self, previous)
        sent = Sent(news, previous, recorded.seq)
        feed.chains[shard] = recorded.seq
        if len(feed.ring) >= self._bounds.private_ring_messages_max:
            oldest_shard, oldest, _ = feed.ring.popleft()
            feed.floor[oldest_shard] = oldest.seq
        feed.ring.append((shard, sent, news))
        for owner in feed.owners:
            owner.put(sent)

    def tick(self, now: float) -> None:
        """Let go of accounts that nobody came back to."""
        idle_s = self._bounds.channel_idle_ms_max / 1000
        for account, feed in list(self._feeds.items()):
            if not feed.owners and not feed.holders and now - feed.left_at > idle_s:
                del self._feeds[account]

    # --- Units -----------------------------------------------------------------------------------------

    def rules(self, symbol: str) -> MarketRules:
        return self._board.market(symbol).rules

    def scale(self, asset: str) -> int:
        """Every asset that anybody has is traded on some market, or was."""
        for market in self._board.markets.values():
            if market.rules.base_asset == asset:
                return market.rules.base_scale
            if market.rules.quote_asset == asset:
                return market.rules.quote_scale
        raise UnknownMarketError(f"no market trades {asset}")

    # --- Who listens -----------------------------------------------------------------------------------

    async def follow(self, account: str, from_seq: Seqs | None, owner: Owner, asked: Id) -> None:
        """Send what was missed, or a snapshot, and from then on everything new. Raises ``NotNowError``."""
        feed = self._feeds.get(account)
        if feed is None:
            feed = self._feeds[account] = AccountFeed(
                account, dict(self.heads), dict(self.heads), deque(), left_at=monotonic()
            )
        feed.holders += 1
        try:
            resumed = None if from_seq is None else await self._missed(feed, from_seq)
            if resumed is None:
                await self._snapshot(feed, owner, asked)
            else:
                owner.put(Sent(AccountResumed(account, _named(feed.chains), resumed, asked)))
            feed.owners[owner] = None
        finally:
            feed.holders -= 1
            feed.left_at = monotonic()
            if not feed.holders:
                feed.held.clear()

    def leave(self, account: str, owner: Owner) -> None:
        feed = self._feeds.get(account)
        if feed is not None:
            feed.owners.pop(owner, None)
            feed.left_at = monotonic()

    # --- After a gap -----------------------------------------------------------------------------------

    async def _missed(self, feed: AccountFeed, from_seq: Seqs) -> list[AccountNews] | None:
        """Return what happened since, from memory or from the store; ``None``: that is too long ago."""
        missed: list[AccountNews] = []
        covered: dict[int, int] = {}
        for shard, head in dict(self.heads).items():
            seq, floor = from_seq.get(str(shard)), feed.floor.get(shard, 0)
            if seq is None or seq > head or floor - seq > self._bounds.resume_events_max:
                return None
            covered[shard] = max(seq, floor)
            if seq < floor:
                missed += await self._from_store(feed.account, shard, seq, floor)
        # The ring begins where the store was left; but it has moved on meanwhile, perhaps too far.
        if any(feed.floor.get(shard, 0) > seq for shard, seq in covered.items()):
            return None
        return missed + [news for shard, _, news in feed.ring if news.seq > covered.get(shard, 0)]

    async def _from_store(self, account: str, shard: int, after: int, until: int) -> list[AccountNews]:
        async with self._reading:
            found = await asyncio.to_thread(self.store.events_of, account, shard, after, until)
        return [news_of(account, shard, recorded, self) for recorded in found]

    # --- From the beginning ------------------------------------------------------------------------------

    async def _snapshot(self, feed: AccountFeed, owner: Owner, asked: Id) -> None:
        deadline = monotonic() + self._bounds.snapshot_ms_max / 1000
        try:
            async with self._reading:
                copy = await asyncio.to_thread(self.store.copy_of, feed.account, list(self.heads), deadline)
        except (psycopg.OperationalError, PyMongoError) as error:
            raise NotNowError(f"a store does not answer: {type(error).__name__}") from None
        while any(self.heads.get(shard, 0) < seq for shard, seq in copy.until.items()):
            if monotonic() > deadline:
                raise NotNowError("events that the read models have did not come in time; ask again")
            await asyncio.sleep(LOOK_S)
        owner.put(Sent(self._snapshot_of(feed, copy, asked)))

    def _snapshot_of(self, feed: AccountFeed, copy: Copy, asked: Id) -> AccountSnapshot:
        own_orders, own_balances = Folding(orders.PROJECTION), Folding(balances.PROJECTION)
        own_orders.put(copy.orders)
        own_balances.put(copy.balances)
        for shard, recorded in feed.held:
            at = At(shard, recorded.seq, recorded.occurred_at_us)
            _fold(own_orders, own_balances, recorded, at)
        return AccountSnapshot(
            feed.account,
            _named(feed.chains),
            [
                open_order(document, self)
                for document in own_orders.documents.values()
                if document["status"] not in orders.ENDED
            ],
            [shard_balance(document, self) for document in own_balances.documents.values()],
            asked,
        )


def _fold(own_orders: Folding, own_balances: Folding, recorded: RecordedEvent, at: At) -> None:
    """Of an order that ended before the read models were asked nothing is known, and nothing needed."""
    event = recorded.event
    kind = type(event)
    if kind in balances.PROJECTION.event_types:
        own_balances.fold(event, at)
    elif kind is OrderPlaced or (kind in CHANGES and getattr(event, "order_id", "") in own_orders.documents):
        own_orders.fold(event, at)


def _named(seqs: Mapping[int, int]) -> Seqs:
    return {str(shard): seq for shard, seq in sorted(seqs.items())}
