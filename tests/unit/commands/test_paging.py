"""A shard as pages of bytes, and back: it remembers the same."""

import ast
import inspect
from collections.abc import Iterator
from itertools import islice

import pytest

from commands import paging
from commands.paging import SnapshotError, pages_of, shard_from
from commands.shard import Shard
from tests.unit.commands.test_batch import FUNDED, decided, order
from tests.unit.domain.dump import dump

KEPT = {"number", "partitions", "exchange", "known", "versions", "places", "last_seq", "now_us"}
DERIVED = {
    "snapshot_seq": "where it was restored from",
    "_account_streams": "the names of its accounts, asked for once",
}


@pytest.fixture
def shard() -> Shard:
    fresh = Shard(0, partitions=4, ids_expected=1_000)
    orders = [order(str(number), "alice", "buy", "1", f"{90 + number}") for number in range(5)]
    decided(fresh, [*FUNDED, *orders, order("6", "bob", "sell", "1.5", "94")])
    fresh.now_us = 17
    return fresh


def remembers(shard: Shard) -> dict[str, object]:
    return {name: getattr(shard, name) for name in KEPT - {"exchange", "known"}} | {
        "exchange": dump(shard.exchange),
        "known": shard.known.to_bytes(),
    }


def test_a_shard_comes_back_from_its_pages(shard: Shard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "ORDERS_PER_PAGE", 2)
    monkeypatch.setattr(paging, "FILTER_BYTES_PER_PAGE", 1_000)
    pages = list(pages_of(shard))
    copy = shard_from(iter(pages), 4, 1_000)
    assert remembers(copy) == remembers(shard)
    assert len(shard.exchange.orders) == 5
    assert len(pages) == 1 + 3 + 2, "the head, the orders, the filter"


def test_an_empty_shard_comes_back_empty() -> None:
    empty = Shard(3, partitions=4, ids_expected=1_000)
    assert remembers(shard_from(pages_of(empty), 4, 1_000)) == remembers(empty)


def test_both_go_on_the_same(shard: Shard) -> None:
    copy = shard_from(pages_of(shard), 4, 1_000)
    more = [order("7", "bob", "sell", "2", "91"), order("0", "alice", "buy", "1", "90")]
    ours, theirs = (decided(each, more) for each in (shard, copy))
    assert ours == theirs
    assert remembers(copy) == remembers(shard)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_missing_pages_are_noticed(shard: Shard, count: int) -> None:
    with pytest.raises(SnapshotError, match="missing"):
        shard_from(islice(pages_of(shard), count), 4, 1_000)


def test_all_that_a_shard_remembers_is_kept_or_follows_from_what_is() -> None:
    """Whoever adds to it and comes here by this test: keep it in ``paging``, or say what it follows from."""
    assert set(attributes()) == KEPT | set(DERIVED)


def attributes() -> Iterator[str]:
    (body,) = ast.parse(inspect.getsource(Shard)).body
    for node in ast.walk(body):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
