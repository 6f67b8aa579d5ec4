"""The directory: which shard a market is on, read where the listings are, and not too often."""

import asyncio
from http import HTTPStatus

import psycopg
import pytest

from api.command.directory import DEFAULT_SHARD, Directory
from api.command.gateway import UnavailableError
from api.problems import Problem
from domain.market import MarketRules


def rules(symbol: str, quote_scale: int = 8) -> MarketRules:
    base, _, quote = symbol.partition("-")
    return MarketRules(symbol, base, quote, 8, quote_scale, 2, 1, 1, 1, 1_000, 0, 0, 0)


class Store:
    """What is listed by symbol; ``away``: it does not answer."""

    def __init__(self, **listed: int) -> None:
        self.listed = {f"{base}-USD": shard for base, shard in listed.items()}
        self.reads = 0
        self.away = False

    async def read(self) -> list[tuple[int, MarketRules]]:
        self.reads += 1
        await asyncio.sleep(0)
        if self.away:
            raise psycopg.OperationalError("away")
        return [(shard, rules(symbol)) for symbol, shard in self.listed.items()]


async def test_a_market_is_where_the_store_says() -> None:
    directory = Directory(2, Store(BTC=0, ETH=1))
    await directory.learn(["BTC-USD", "ETH-USD"])
    assert [directory.shard_of(symbol) for symbol in ("BTC-USD", "ETH-USD")] == [0, 1]
    assert (directory.scale("ETH"), directory.trades("ETH", 1), directory.trades("ETH", 0)) == (
        8,
        True,
        False,
    )


async def test_what_is_known_is_not_read_again() -> None:
    store = Store(ETH=1)
    directory = Directory(2, store, reread_ms_min=0)
    for _ in range(3):
        await directory.learn(["ETH-USD"])
    assert store.reads == 1


async def test_a_symbol_nobody_lists_goes_to_the_first_shard_and_is_looked_for_at_a_bounded_rate() -> None:
    store = Store()
    directory = Directory(2, store, reread_ms_min=50)
    for _ in range(10):
        await directory.learn(["NONE-USD"])
    assert (directory.shard_of("NONE-USD"), store.reads) == (DEFAULT_SHARD, 1)
    store.listed["NONE-USD"] = 1  # by another replica
    await asyncio.sleep(0.06)
    await directory.learn(["NONE-USD"])
    assert (directory.shard_of("NONE-USD"), store.reads) == (1, 2)


async def test_all_who_ask_at_once_share_one_look() -> None:
    store = Store(ETH=1)
    directory = Directory(2, store)
    await asyncio.gather(*(directory.learn(["ETH-USD"]) for _ in range(20)))
    assert (store.reads, directory.shard_of("ETH-USD")) == (1, 1)


async def test_with_the_store_away_what_is_known_goes_on_and_the_rest_is_told_at_once() -> None:
    store = Store(ETH=1)
    directory = Directory(2, store, reread_ms_min=20)
    await directory.learn(["ETH-USD"])
    store.away = True
    await directory.learn(["ETH-USD"])
    await asyncio.sleep(0.03)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="the event store does not answer"):
            await directory.learn(["SOL-USD"])
    assert store.reads == 2, "who does not answer is not asked by every request"


async def test_with_one_shard_nothing_is_ever_read() -> None:
    store = Store(ETH=1)
    directory = Directory(1, store)
    await directory.learn(["ETH-USD"])
    await directory.read_again()
    assert (store.reads, directory.several, directory.shard_of("ETH-USD")) == (0, False, 0)


@pytest.mark.parametrize(("shards", "there_are"), [(1, "there is only shard 0"), (2, "shards 0 to 1")])
def test_an_id_names_a_shard_that_there_is(shards: int, there_are: str) -> None:
    directory = Directory(shards, Store())
    own, foreign = (f"{shard:04x}cb25-98c6-8dc4-83bc-10ea9616066b" for shard in (shards - 1, shards))
    assert directory.shard_of_id("order_id", own) == shards - 1
    with pytest.raises(Problem, match=there_are) as raised:
        directory.shard_of_id("order_id", foreign)
    assert raised.value.status_code == HTTPStatus.BAD_REQUEST
