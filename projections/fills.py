"""Fills: each account's own side of every trade it was in, as it was made. What the venue has made of a trade
since, ``trade_changes`` says.

A document holds an account's fills of a stretch of ``SEQS_PER_DOCUMENT`` events of its shard (fewer fills
than that), so that an active account's fills cost a hundred times fewer writes; an account's stretches on a
shard follow each other in time. Prices in price units, quantities in base units; ``notional`` and ``fee``
in quote units, as strings.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import NamedTuple

from pymongo.database import Database

from domain.account import AccountPosted, Posting
from projections.projection import At, Document, Projection

SEQS_PER_DOCUMENT = 1_000
DOCUMENTS_PER_QUERY = 20
MADE = frozenset({"pay", "receive"})  # the postings of a trade that is made; others take one back


class AccountFills(NamedTuple):
    """An account's fills of one batch."""

    account: str
    postings: list[Posting]


def parts(event: AccountPosted, at: At) -> Iterable[tuple[str, AccountFills]]:
    postings = [each for each in event.postings if each.fill is not None and each.kind in MADE]
    if postings:
        stretch = at.seq // SEQS_PER_DOCUMENT
        yield f"{at.shard}|{stretch}|{event.account}", AccountFills(event.account, postings)


def fold(document: Document | None, part: AccountFills, at: At) -> Document:
    stretch = document or _begun(part.account, at)
    stretch["fills"] += [_fill(posting, at) for posting in part.postings]
    return stretch


def _begun(account: str, at: At) -> Document:
    key = f"{at.occurred_at_us:017d}-{at.shard:03d}-{at.seq // SEQS_PER_DOCUMENT:015d}"
    return {"account": account, "page_key": key, "fills": []}


def _fill(posting: Posting, at: At) -> Document:
    fill = posting.fill
    if fill is None:
        message = f"the posting for order {posting.order_id} has no fill"
        raise ValueError(message)
    return {
        "symbol": fill.symbol,
        "trade_id": fill.trade_id,
        "order_id": posting.order_id,
        "side": fill.side,
        "liquidity": fill.liquidity,
        "price": fill.price,
        "quantity": fill.quantity,
        "notional": str(fill.notional),
        "fee": str(fill.fee),
        "filled_at_us": at.occurred_at_us,
        "seq": at.seq,
    }


PROJECTION = Projection(
    "fills",
    frozenset({AccountPosted}),
    parts,
    fold,
    indexes=(("account", "page_key"),),
    by_seq=True,
    relaxed=frozenset({AccountPosted}),
)


class Position(NamedTuple):
    """Where a fill stands among its account's, on all shards; ``nth`` tells those of one event apart."""

    filled_at_us: int
    shard: int
    seq: int
    nth: int


class Placed(NamedTuple):
    """A fill, and where it stands."""

    position: Position
    fill: Document


def newest_first(
    database: Database[Document],
    account: str,
    shards: Sequence[int],
    until_us: int,
    last: Position | None = None,
) -> Iterator[Placed]:
    """Yield the account's fills that were made before ``until_us``, newest first, from just after ``last``
    on. On a shard they are in order as they are stored; ``shards``: those that the account is on.
    """
    until_us = until_us if last is None else min(until_us, last.filled_at_us + 1)
    streams = [_of_shard(database, account, shard, until_us, last) for shard in shards]
    return merge(*streams, key=lambda placed: placed.position, reverse=True)


def _of_shard(
    database: Database[Document], account: str, shard: int, until_us: int, last: Position | None
) -> Iterator[Placed]:
    for stretch in _stretches(database, account, shard, f"{until_us:017d}"):
        for nth in range(len(stretch["fills"]) - 1, -1, -1):
            fill = stretch["fills"][nth]
            position = Position(fill["filled_at_us"], shard, fill["seq"], nth)
            if position.filled_at_us < until_us and (last is None or position < last):
                yield Placed(position, fill)


def _stretches(database: Database[Document], account: str, shard: int, before: str) -> Iterator[Document]:
    """Yield the documents whose page key is less than ``before``, highest first."""
    while True:
        wanted = {"account": account, "shard": shard, "page_key": {"$lt": before}}
        found = list(database["fills"].find(wanted).sort("page_key", -1).limit(DOCUMENTS_PER_QUERY))
        yield from found
        if len(found) < DOCUMENTS_PER_QUERY:
            return
        before = found[-1]["page_key"]
