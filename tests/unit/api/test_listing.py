"""Listing where there are several shards: what is claimed, and what is freed again."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import cast

import pytest

from api.command.directory import Directory
from api.command.gateway import Answer, Gateway, UnavailableError
from api.command.listing import Lister
from api.command.routing import Router
from api.problems import Problem
from commands.messages import AnyCommand, Outcome
from domain.market import ListMarket, MarketRules
from streams.listings import Claim, ClaimedError

COMMAND = ListMarket(
    command_id="list",
    actor="op",
    symbol="BTC-USD",
    base_asset="BTC",
    quote_asset="USD",
    base_scale=8,
    quote_scale=10,
    tick_size="0.01",
    lot_size="1",
    min_quantity="1",
    max_quantity="9",
    min_notional="0",
    maker_fee_ppm=0,
    taker_fee_ppm=0,
)
CLAIMS = {("market", "BTC-USD"): 1, ("asset", "BTC"): 8, ("asset", "USD"): 10}


class Store:
    """Claims as the store holds them."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], int] = {}
        self.away = False

    async def read(self) -> list[tuple[int, MarketRules]]:
        return []

    async def claim(self, claims: Sequence[Claim]) -> None:
        if self.away:
            raise OSError("away")
        for claim in claims:
            value = self.held.setdefault((claim.kind, claim.name), claim.value)
            if value != claim.value:
                raise ClaimedError(claim, claim._replace(value=value))

    async def release(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            del self.held[claim.kind, claim.name]


class Shard:
    """Answers a listing with ``outcome``; ``None``: not in time."""

    def __init__(self) -> None:
        self.outcome: Outcome | None = Outcome("list", "listed")
        self.sent_to: list[int] = []

    async def send(self, commands: Sequence[AnyCommand], shard: int, *, ack: bool = False) -> Answer:  # noqa: ARG002 - as the gateway's
        self.sent_to.append(shard)
        answer = Answer(len(commands))
        answer.outcomes = [self.outcome]
        return answer


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def shard() -> Shard:
    return Shard()


@pytest.fixture
def directory(store: Store) -> Directory:
    return Directory(2, store)


@pytest.fixture
def lister(store: Store, shard: Shard, directory: Directory) -> Lister:
    return Lister(Router(cast("Gateway", shard), directory, lambda: "id"), store)


async def test_what_is_listed_stays_claimed_and_is_known_at_once(
    lister: Lister, store: Store, shard: Shard, directory: Directory
) -> None:
    answer = await lister.send(COMMAND, 1)
    assert (answer.status_code, [done.shard for done in answer.content.shards]) == (HTTPStatus.CREATED, [1])
    assert (shard.sent_to, store.held) == ([1], CLAIMS)
    assert (directory.home("BTC-USD"), directory.scale("USD")) == (1, 10)


async def test_listing_it_again_goes_where_it_is(lister: Lister, shard: Shard) -> None:
    await lister.send(COMMAND, 1)
    await lister.send(COMMAND, None)
    assert shard.sent_to == [1, 1]
    with pytest.raises(Problem, match="BTC-USD is on shard 1") as raised:
        await lister.send(COMMAND, 0)
    assert raised.value.status_code == HTTPStatus.CONFLICT
    assert shard.sent_to == [1, 1], "the other shard never hears of it"


async def test_what_was_refused_is_free_again(lister: Lister, store: Store, shard: Shard) -> None:
    shard.outcome = Outcome("list", "refused", code="market_rules_invalid")
    with pytest.raises(Problem):
        await lister.send(COMMAND, 1)
    assert store.held == {}


async def test_what_may_yet_be_listed_stays_claimed(lister: Lister, store: Store, shard: Shard) -> None:
    shard.outcome = None
    answer = await lister.send(COMMAND, 1)
    assert (answer.status_code, store.held) == (HTTPStatus.ACCEPTED, CLAIMS)
    with pytest.raises(Problem, match="BTC-USD is on shard 1"):
        await lister.send(COMMAND, 0)


async def test_with_the_store_away_nothing_is_listed(lister: Lister, store: Store, shard: Shard) -> None:
    store.away = True
    with pytest.raises(UnavailableError, match="event store"):
        await lister.send(COMMAND, 1)
    assert shard.sent_to == []


async def test_with_one_shard_nothing_is_claimed(store: Store, shard: Shard) -> None:
    alone = Lister(Router(cast("Gateway", shard), Directory(1, store), lambda: "id"), store)
    answer = await alone.send(COMMAND, None)
    assert (answer.status_code, shard.sent_to, store.held) == (HTTPStatus.CREATED, [0], {})
