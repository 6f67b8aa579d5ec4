"""Listings in the real store: where markets are, and claims that keep a symbol to one shard."""

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from commands import schema
from stack.running import Stack
from streams.listings import ClaimedError, ListingStore, claims_of
from tests.integration.databases import own_database

SCALES = {"BTC": 8, "USD": 10}


@pytest.fixture
def dsn(servers: Stack) -> Iterator[str]:
    with own_database(servers.settings.postgres_dsn, shards=2) as own:
        yield own


@pytest.fixture
def store(dsn: str) -> ListingStore:
    return ListingStore(dsn)


def listed(dsn: str, shard: int, symbol: str, seq: int) -> None:
    """Store a listing, and another event of the same market, as a processor does."""
    base, _, quote = symbol.partition("-")
    rules = (
        f'{{"symbol":"{symbol}","base_asset":"{base}","quote_asset":"{quote}","base_scale":8,"quote_scale":10,'
        '"price_scale":2,"tick":1,"lot":1,"min_quantity":1,"max_quantity":9,"min_notional":0,'
        '"maker_fee_ppm":0,"taker_fee_ppm":0}'
    )
    events = {
        "MarketListed.v1": f'{{"type":"MarketListed.v1","rules":{rules}}}',
        "MarkPriceSet.v1": f'{{"type":"MarkPriceSet.v1","symbol":"{symbol}","price":1}}',
    }
    with psycopg.connect(dsn, autocommit=True) as connection:
        for offset, (kind, event) in enumerate(events.items()):
            state = (
                f'{{"seq":{seq + offset},"event_id":"{shard}-{seq}","stream":"s","version":{offset + 1},'
                f'"occurred_at_us":1,"actor":"op","causation_id":"","event":{event}}}'
            )
            connection.execute(
                "INSERT INTO events VALUES (%s, %s, gen_random_uuid(), %s, %s, %s)",
                (shard, seq + offset, offset + 1, kind, state.encode()),
            )


async def test_every_market_is_found_on_its_shard(dsn: str, store: ListingStore) -> None:
    listed(dsn, 0, "BTC-USD", 1)
    listed(dsn, 1, "ETH-USD", 1)
    found = await store.read()
    assert {(shard, rules.symbol) for shard, rules in found} == {(0, "BTC-USD"), (1, "ETH-USD")}


def test_listings_are_found_without_looking_at_every_event(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(
            "EXPLAIN SELECT shard, state FROM events WHERE starts_with(topic, 'MarketListed.')"
        ).fetchall()
    text = " ".join(line for (line,) in plan)
    assert "Index" in text, text


async def test_of_two_shards_one_gets_the_symbol(store: ListingStore) -> None:
    both = [claims_of("BTC-USD", shard, SCALES) for shard in (0, 1)]
    ends = await asyncio.gather(*(store.claim(claims) for claims in both), return_exceptions=True)
    (refused,) = [end for end in ends if end is not None]
    assert isinstance(refused, ClaimedError)
    assert (refused.held.kind, refused.held.name) == ("market", "BTC-USD")
    assert refused.held.value != refused.asked.value


async def test_an_asset_has_one_scale_on_all_shards_and_nothing_is_half_claimed(store: ListingStore) -> None:
    await store.claim(claims_of("BTC-USD", 0, SCALES))
    with pytest.raises(ClaimedError, match="asset USD"):
        await store.claim(claims_of("ETH-USD", 1, {"ETH": 8, "USD": 8}))
    await store.claim(claims_of("ETH-USD", 0, {"ETH": 9, "USD": 10}))


async def test_what_was_refused_is_free_again_unless_others_claim_it_too(store: ListingStore) -> None:
    claims, elsewhere = claims_of("BTC-USD", 0, SCALES), claims_of("BTC-USD", 1, SCALES)
    await store.claim(claims)
    await store.claim(claims)
    await store.release(claims)
    with pytest.raises(ClaimedError):
        await store.claim(elsewhere)
    await store.release(claims)
    await store.claim(elsewhere)


def test_a_store_of_an_earlier_release_gets_what_is_missing(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP INDEX events_listings")
        connection.execute("DROP TABLE listing_claims")
        listed(dsn, 1, "OLD-USD", 1)
        schema.create(connection, 2)
    ((shard, rules),) = asyncio.run(ListingStore(dsn).read())
    assert (shard, rules.symbol) == (1, "OLD-USD")
