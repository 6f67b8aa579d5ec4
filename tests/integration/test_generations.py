"""Which generation is live: one document, replaced as a whole, by whoever is first."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from api.problems import Problem
from api.query import cursors
from projections import builds, generations, orders, progress
from projections.builds import BusyError
from projections.generations import Generation, live_view
from projections.progress import Mark
from projections.projection import Document
from stack.running import Stack

KEPT_US = 600_000_000
SECOND, THIRD = Generation("orders", 2), Generation("orders", 3)
KEY = "01700000000000000-00000000-0000-8000-8000-000000000000"


@pytest.fixture
def database(servers: Stack) -> Iterator[Database[Document]]:
    with MongoClient[Any](servers.settings.mongo_url) as client:
        name = f"generations-{uuid4().hex[:8]}"
        yield client[name]
        client.drop_database(name)


def test_at_first_each_projection_is_what_its_name_says(database: Database[Document]) -> None:
    assert live_view(database)["orders"].name == "orders"
    assert generations.read(database).of("books") == Generation("books", 1)


def test_after_a_swap_the_reading_functions_read_the_next_one(database: Database[Document]) -> None:
    database["orders"].insert_one({"_id": "x", "of": 1})
    database["orders_2"].insert_one({"_id": "x", "of": 2})
    progress.write(database, [Mark("orders_2", "executions", 0, 0, 7, 1)])
    before = live_view(database)
    assert generations.swap(database, SECOND, KEPT_US)
    after = live_view(database)
    assert orders.by_id(after, "x") == {"_id": "x", "of": 2}
    assert [mark.seq for mark in progress.read(after, "orders")] == [7]
    assert orders.by_id(before, "x") == {"_id": "x", "of": 1}, "a query that began before stays where it is"
    assert orders.by_id(after.at(Generation("orders")), "x") == {"_id": "x", "of": 1}
    assert after["progress"].name == "progress"


def test_of_many_swaps_at_once_each_is_made_once_and_none_goes_back(database: Database[Document]) -> None:
    names = ("orders", "books", "trades", "balances")
    wanted = [Generation(name, number) for name in names for number in (2, 3)] * 2
    with ThreadPoolExecutor(8) as many:
        made = list(many.map(lambda each: generations.swap(database, each, KEPT_US), wanted))
    live = generations.read(database)
    assert [live.of(name).number for name in names] == [3, 3, 3, 3]
    assert len(live.kept) == sum(made)
    assert len({each.generation for each in live.kept}) == sum(made)


def test_a_live_generation_is_never_dropped(database: Database[Document]) -> None:
    database["orders_2"].insert_one({"_id": "x"})
    generations.swap(database, SECOND, KEPT_US)
    assert generations.drop(database, [SECOND]) == []
    assert database["orders_2"].count_documents({}) == 1


def test_an_old_one_is_dropped_with_its_marks_a_minute_after_nobody_may_ask(
    database: Database[Document],
) -> None:
    database["orders"].insert_one({"_id": "x"})
    progress.write(database, [Mark("orders", "executions", 0, 0, 7, 1)])
    generations.swap(database, SECOND, kept_us=0)
    assert generations.read(database).kept_at("orders", generations.now_us()) == []
    assert generations.drop_expired(database, "orders") == []
    generations.swap(database, THIRD, kept_us=-generations.DROPPED_LATER_US)
    assert generations.drop_expired(database, "books") == []
    assert generations.drop_expired(database, "orders") == [SECOND]
    assert [kept.generation for kept in generations.read(database).kept] == [Generation("orders")]


def test_a_cursor_leads_on_where_it_was_given_out(database: Database[Document]) -> None:
    cursor = cursors.write(live_view(database), "orders", KEY)
    assert cursor == f"1.{KEY}"
    generations.swap(database, SECOND, KEPT_US)
    view, page_key = cursors.read(live_view(database), "orders", cursor)
    assert (view["orders"].name, page_key) == ("orders", KEY)
    assert cursors.write(view, "orders", KEY) == cursor, "the next page too"
    old, _ = cursors.read(live_view(database), "orders", KEY)
    assert old["orders"].name == "orders", "from before there were generations"
    now, _ = cursors.read(live_view(database), "orders", f"2.{KEY}")
    assert now["orders"].name == "orders_2"


@pytest.mark.parametrize("number", [1, 3])
def test_a_cursor_of_what_is_not_kept_has_expired(database: Database[Document], number: int) -> None:
    generations.swap(database, SECOND, kept_us=0)
    with pytest.raises(Problem) as told:
        cursors.read(live_view(database), "orders", f"{number}.{KEY}")
    assert told.value.status_code == 410
    assert f"generation {number} of orders" in told.value.detail


def test_a_build_is_taken_over_from_an_owner_that_is_gone(database: Database[Document]) -> None:
    first, _ = builds.take(database, "orders", "code")
    first.read["0"] = 100
    first.owner = f"{first.owner.rpartition(':')[0]}:{2**22 + 1}"  # a process that cannot be
    database["generations"].replace_one({"_id": first.id}, first.document())
    second, outdated = builds.take(database, "orders", "code")
    assert (second.generation, second.read_up_to(0), outdated) == (2, 100, None)
    assert not builds.save(database, first), "it is no longer the first owner's"
    assert builds.save(database, second)


def test_a_build_of_another_machine_is_left_alone_while_it_is_heard_of(database: Database[Document]) -> None:
    build, _ = builds.take(database, "orders", "code")
    build.owner = "elsewhere:1"
    database["generations"].replace_one({"_id": build.id}, build.document())
    with pytest.raises(BusyError, match="by elsewhere:1"):
        builds.take(database, "orders", "code")
    build.heartbeat_us -= builds.LEASE_US + 1_000_000
    database["generations"].replace_one({"_id": build.id}, build.document())
    assert builds.take(database, "orders", "code")[0].generation == 2


def test_a_build_with_failed_events_or_of_other_code_is_begun_anew(database: Database[Document]) -> None:
    first, _ = builds.take(database, "orders", "code")
    second, outdated = builds.take(database, "orders", "other code")
    assert (second.generation, outdated) == (3, first.target)
    second.failed = 1
    builds.save(database, second)
    third, outdated = builds.take(database, "orders", "other code")
    assert (third.generation, third.failed, outdated) == (4, 0, second.target)
