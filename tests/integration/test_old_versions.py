"""Events as an earlier release stored them, through the projector's two ways in: a slice, and the store."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from projections import store
from projections.registry import PROJECTIONS
from stack.running import Stack
from streams.projector import Bounds, Projector, Record
from streams.topics import ACCOUNTS
from streams.upcasting import UPCASTERS, UnknownEventError
from tests.unit.projections.trading import Venue, opened, place, slices

BALANCES = PROJECTIONS["balances"]


@pytest.fixture
def database(servers: Stack) -> Iterator[Database[Any]]:
    name = f"old-{uuid4().hex[:8]}"
    client: MongoClient[Any] = MongoClient(servers.settings.mongo_url)
    store.prepare(client[name], [BALANCES])
    yield client[name]
    client.drop_database(name)
    client.close()


@pytest.fixture
def states(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """A history in which every posting is of an older version, which had another name for it."""

    def posting(old: dict[str, Any]) -> dict[str, Any]:
        return old | {"type": "Posting.v1", "available": old["free"]}

    monkeypatch.setitem(UPCASTERS, "Posting.v0", posting)
    venue = opened(Venue(partitions=1), "ann", "bob")
    venue.batch(place("ann", "bid", "buy", "2", "100"), place("bob", "hit", "sell", "1", "100"))
    return [
        state.replace(b"Posting.v1", b"Posting.v0").replace(b'"available":', b'"free":')
        for state in venue.states
    ]


def pieces(states: list[bytes]) -> list[Record]:
    return [
        Record(to.partition, 0, value) for to, value in slices(states, lambda: 2, 1) if to.topic == ACCOUNTS
    ]


def projector(database: Database[Any], states: list[bytes]) -> Projector:
    def read(_shard: int, after: int, until: int) -> Iterator[bytes]:
        return iter(states[after:until])

    return Projector(database, ACCOUNTS, 1, [BALANCES], read, Bounds())


@pytest.mark.parametrize("first", [0, -1])
def test_both_ways_in_read_old_versions(database: Database[Any], states: list[bytes], first: int) -> None:
    """With the last slice alone, all before it comes from the store."""
    assert projector(database, states).process(pieces(states)[first:]) == []
    found = database["balances"].find_one({"account": "ann", "asset": "BTC"})
    assert found is not None
    assert found["available"] == str(10**8 * 10**8 + 10**8)


@pytest.mark.parametrize("first", [0, -1])
def test_what_a_later_release_wrote_stops_both(
    database: Database[Any], states: list[bytes], first: int
) -> None:
    late = [state.replace(b"AccountOpened.v1", b"AccountOpened.v7") for state in states]
    record = pieces(states)[first]
    record = record._replace(value=record.value.replace(b"AccountOpened.v1", b"AccountOpened.v7"))
    feeding = projector(database, late)
    with pytest.raises(UnknownEventError, match=r"AccountOpened\.v7"):
        feeding.process([record])
    assert feeding.dead == []
    assert database["balances"].find_one({}) is None
