"""A projection is built anew beside the live one, and takes its place: under load, and whoever is killed on
the way, nobody reads anything wrong, and what was built equals the fold of all events."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path
from threading import Event, Thread
from typing import Any

import msgspec
import psycopg
import pytest
from confluent_kafka import Producer
from litestar.testing import TestClient

from api.query.app import QueryConfig, create_app
from commands import schema
from projections import builds, generations, orders, progress
from projections.builds import BusyError
from projections.generations import Generation, LiveView
from projections.registry import PROJECTIONS
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from streams.attending import AttendanceBounds
from streams.codec import decode_slice, event_type
from streams.compare import differences, heads, wait_until_visible
from streams.progress import Place
from streams.rebuilding import Rebuild, RebuildBounds
from tests.integration.test_query_api import ANALYST, SECRET
from tests.integration.test_read_models import END_S_MAX, SHARDS, VISIBLE_S_MAX, Exchange

pytestmark = pytest.mark.timeout(600)
REBUILT_S_MAX = 120.0
"""All projections one event at a time, beside workers, on a machine that is busy with other tests."""

KEPT_MS = AttendanceBounds.kept_ms
SMALL = {"events_per_page_max": 100, "events_per_write_max": 20}

REBUILDER = """
import json, sys
from contextlib import closing
import psycopg
from pymongo import MongoClient
from streams.rebuilding import Rebuild, RebuildBounds
given = json.loads(sys.argv[1])
database = MongoClient(given["mongo_url"])[given["mongo_database"]]
with psycopg.connect(given["postgres_dsn"], autocommit=True) as store:
    bounds = RebuildBounds(**given["bounds"])
    with closing(Rebuild(database, store, given["names"], given["partitions"], bounds)) as rebuild:
        print("began", flush=True)
        sys.exit(0 if rebuild.run() else 3)
"""


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack for each test: its workers read the topics, whose names are fixed, from the beginning, and
    would first fold all that the tests before have left there.
    """
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("rebuilding"))
    with running_stack(settings, servers=("postgres", "kafka", "mongo")) as running:
        running.prepare()
        with psycopg.connect(settings.postgres_dsn, autocommit=True) as connection:
            schema.create(connection, SHARDS)
        yield running


class Market(Exchange):
    """An exchange whose history happens little by little: stored, then published."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        super().__init__(stack, folder)
        self.todo = self.pieces(20)
        self.kept = list(zip(self.venue.events, self.venue.states, strict=True))
        self.stored = 0
        self.published: dict[Place, int] = {}
        self.producer = Producer({"bootstrap.servers": self.settings.kafka_bootstrap})

    def happen(self, share: float = 1.0, pause_s: float = 0.0) -> None:
        """Let this share of what has not happened yet happen."""
        count = round(len(self.todo) * share)
        now, self.todo = self.todo[:count], self.todo[count:]
        with psycopg.connect(self.settings.postgres_dsn, autocommit=True) as connection:
            for place, value in now:
                last = decode_slice(value).last
                self.store_until(connection, last)
                self.published[Place(*place, self.shard)] = last
                self.producer.produce(place.topic, value, partition=place.partition)
                self.producer.poll(0)
                time.sleep(pause_s)
        assert self.producer.flush(END_S_MAX) == 0

    def store_until(self, connection: psycopg.Connection, seq: int) -> None:
        columns = "shard, notification_id, originator_id, originator_version, topic, state"
        with connection.cursor() as cursor, cursor.copy(f"COPY events ({columns}) FROM STDIN") as copy:
            for event, state in self.kept[self.stored : seq]:
                kind = event_type(event.event)
                copy.write_row((self.shard, event.seq, event.stream, event.version, kind, state))
        self.stored = max(self.stored, seq)

    @contextmanager
    def happening(self) -> Iterator[None]:
        """Let the rest happen beside the block."""
        load = Thread(target=self.happen, args=(1.0, 0.01))
        load.start()
        try:
            yield
        finally:
            load.join()

    @contextmanager
    def rebuilder(self, *names: str, **bounds: Any) -> Iterator[subprocess.Popen[str]]:
        """Rebuild in a process of its own."""
        given = {
            "mongo_url": self.settings.mongo_url,
            "mongo_database": self.name,
            "postgres_dsn": self.settings.postgres_dsn,
            "names": names,
            "partitions": self.settings.topic_partitions,
            "bounds": {**SMALL, **bounds},
        }
        command = [sys.executable, "-c", REBUILDER, json.dumps(given)]
        with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "began\n"
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def live(self, name: str) -> int:
        return generations.read(self.database).of(name).number

    def check_generation(self, *wanted: Generation) -> None:
        view = LiveView(self.database, generations.read(self.database))
        for generation in wanted:
            view = view.at(generation)
        goal = heads(self.venue.events, self.settings.topic_partitions, self.shard)
        wait_until_visible(view, goal, VISIBLE_S_MAX)
        assert differences(view, self.venue.events, shard=self.shard) == []


@pytest.fixture
def market(stack: Stack, tmp_path: Path) -> Iterator[Market]:
    made = Market(stack, tmp_path)
    yield made
    made.database.client.close()


def no_sooner(process: subprocess.Popen[str], goal: Any, what: str) -> None:
    """Wait for ``goal()`` while the process runs."""
    deadline = time.monotonic() + REBUILT_S_MAX
    while not goal():
        assert process.poll() is None, f"ended before {what}"
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


class Poller(Thread):
    """Asks the query API again and again, and writes down every answer that contradicts an earlier one."""

    def __init__(self, market: Market) -> None:
        super().__init__(daemon=True)
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self.market = market
        self.wrong: list[str] = []
        self.answers = 0
        self.seqs: dict[str, int] = {}
        self.statuses: dict[str, str] = {}
        self.listed: dict[str, set[str]] = {}
        self.walked: set[str] = set()
        self.over = Event()

    def run(self) -> None:
        config = QueryConfig(self.market.settings.mongo_url, self.market.name, SECRET)
        accounts = [f"acc{self.market.shard}-{number}" for number in range(5)]
        with TestClient(create_app(config)) as api:
            while not self.over.is_set():
                for account in accounts:
                    self.walk(api, account)
                    self.balances(api, account)
                self.market_data(api)

    def get(self, api: Any, path: str, **params: Any) -> Any:
        answer = api.get(path, headers=ANALYST, params=params)
        self.answers += 1
        if answer.status_code != HTTPStatus.OK:
            self.wrong.append(f"{path}: {answer.text}")
            return None
        projection = path.rsplit("/", 1)[-1]
        for shard, _, seq in (each.partition(":") for each in answer.headers.get("OMS-Seq", "").split(",")):
            self.forwards(
                f"OMS-Seq of {projection} {params.get('cursor', '').split('.')[0]} {shard}", int(seq or 0)
            )
        return answer.json()

    def forwards(self, what: str, seq: int) -> None:
        if seq < self.seqs.get(what, 0):
            self.wrong.append(f"{what} went back from {self.seqs[what]} to {seq}")
        self.seqs[what] = max(seq, self.seqs.get(what, 0))

    def walk(self, api: Any, account: str) -> None:
        """Go through all pages; who was listed once is listed for ever, none twice, each at least as new."""
        found: list[str] = []
        cursor = None
        while cursor is not None or not found:
            page = self.get(
                api, f"/v1/accounts/{account}/orders", limit=9, **({"cursor": cursor} if cursor else {})
            )
            if page is None or not page["orders"]:
                break
            for order in page["orders"]:
                found.append(order["order_id"])
                self.order(order)
            cursor = page["next_cursor"]
            self.walked.add((cursor or "").split(".")[0])
        if len(found) != len(set(found)):
            self.wrong.append(f"{account}: an order is listed twice")
        if missing := self.listed.get(account, set()) - set(found):
            self.wrong.append(f"{account}: {missing} are no longer listed")
        self.listed[account] = set(found)

    def order(self, order: Any) -> None:
        name, status = order["order_id"], order["status"]
        self.forwards(f"order {name}", order["seq"])
        before = self.statuses.get(name)
        if before in {"filled", "cancelled", "rejected"} and status != before:
            self.wrong.append(f"order {name} was {before} and is {status}")
        self.statuses[name] = status

    def balances(self, api: Any, account: str) -> None:
        self.get(api, f"/v1/accounts/{account}/balances")
        self.get(api, f"/v1/accounts/{account}/positions")

    def market_data(self, api: Any) -> None:
        for symbol in (f"B{self.market.shard}-USD", f"E{self.market.shard}-USD"):
            book = self.get(api, f"/v1/markets/{symbol}/book")
            trades = self.get(api, f"/v1/markets/{symbol}/trades")
            if book is not None and trades is not None:
                self.forwards(f"book of {symbol}", book["seq"])
                self.forwards(
                    f"trades of {symbol}", max((each["trade_id"] for each in trades["trades"]), default=0)
                )


@contextmanager
def polling(market: Market) -> Iterator[Poller]:
    poller = Poller(market)
    poller.start()
    try:
        yield poller
        time.sleep(0.5)
    finally:
        poller.over.set()
        poller.join()


def cursor_of(market: Market, account: str) -> str:
    config = QueryConfig(market.settings.mongo_url, market.name, SECRET)
    with TestClient(create_app(config)) as api:
        page = api.get(f"/v1/accounts/{account}/orders", headers=ANALYST, params={"limit": 1}).json()
    return str(page["next_cursor"])


def follow(market: Market, account: str, cursor: str) -> Any:
    config = QueryConfig(market.settings.mongo_url, market.name, SECRET)
    with TestClient(create_app(config)) as api:
        return api.get(f"/v1/accounts/{account}/orders", headers=ANALYST, params={"cursor": cursor})


def test_under_load_everything_is_swapped_and_no_answer_is_wrong(market: Market) -> None:
    market.happen(0.4)
    with ExitStack() as running:
        running.enter_context(market.worker())
        wait_until_visible(market.database, market.published, VISIBLE_S_MAX)
        poller = running.enter_context(polling(market))
        with market.happening():
            time.sleep(0.3)
            cursor = cursor_of(market, f"acc{market.shard}-0")
            for _ in range(2):
                with market.rebuilder(*PROJECTIONS) as rebuild:
                    assert rebuild.wait(REBUILT_S_MAX * 2) == 0
        market.check_generation()
        assert follow(market, f"acc{market.shard}-0", cursor).status_code == HTTPStatus.OK
        assert cursor.startswith("1.")
        for number in (1, 2):
            market.check_generation(*(Generation(name, number) for name in PROJECTIONS))
    assert {market.live(name) for name in PROJECTIONS} == {3}
    assert poller.wrong == []
    assert poller.answers > 100
    assert {"1", "3"} <= poller.walked
    assert builds.all_builds(market.database) == []


def test_killed_on_the_way_it_goes_on_where_it_was(market: Market) -> None:
    market.happen()
    with market.worker():
        market.check()
        read = [0]
        for _ in range(4):
            with market.rebuilder("orders", "positions", events_per_page_max=20, swap_s_max=60) as it:
                no_sooner(it, lambda: so_far(market) > read[-1] + 40, "it folds on")
                it.kill()
            read.append(so_far(market))
        with market.rebuilder("orders", "positions") as it:
            assert it.wait(REBUILT_S_MAX) == 0
        market.check_generation()
    assert 0 < read[1] < read[2] < read[3] < read[4] < len(market.venue.events)
    assert (market.live("orders"), market.live("positions")) == (2, 2)


def so_far(market: Market) -> int:
    found = [each.read_up_to(market.shard) for each in builds.all_builds(market.database)]
    return min(found, default=0)


def test_the_workers_are_killed_around_the_swap(market: Market) -> None:
    market.happen(0.5)
    with market.worker():
        wait_until_visible(market.database, market.published, VISIBLE_S_MAX)
    with polling(market) as poller:
        with market.happening(), market.rebuilder("orders", "balances", "books") as rebuild:
            while rebuild.poll() is None:
                with market.worker() as worker:
                    time.sleep(market.chance.uniform(0.0, 0.5))
                    worker.kill()
            assert rebuild.returncode == 0
        with market.worker():
            market.check_generation()
            market.check_generation(Generation("orders", 1))
    assert poller.wrong == []
    assert [market.live(name) for name in ("orders", "balances", "books", "trades")] == [2, 2, 2, 1]


def test_without_workers_it_waits_and_they_swap_when_they_come(market: Market) -> None:
    market.happen(0.5)
    with market.worker():
        wait_until_visible(market.database, market.published, VISIBLE_S_MAX)
    with market.rebuilder("orders", swap_s_max=0.5) as rebuild:
        assert rebuild.wait(REBUILT_S_MAX) == 3
    assert market.live("orders") == 1
    market.happen()
    with market.worker():
        market.check_generation(Generation("orders", 1))
        market.check_generation()
        assert market.live("orders") == 2


def test_two_workers_that_share_the_partitions_swap_once_both_feed_it(market: Market) -> None:
    market.happen(0.3)
    with (
        market.worker(),
        market.worker(),
        polling(market) as poller,
        market.happening(),
        market.rebuilder("orders", "positions") as rebuild,
    ):
        assert rebuild.wait(REBUILT_S_MAX) == 0
    with market.worker():
        market.check_generation()
    assert poller.wrong == []


def test_an_old_generation_outlives_its_cursors_and_is_dropped_then(market: Market) -> None:
    market.happen()
    with market.worker():
        market.check()
        account = f"acc{market.shard}-0"
        cursor = cursor_of(market, account)
        with market.rebuilder("orders") as rebuild:
            assert rebuild.wait(REBUILT_S_MAX) == 0
        assert follow(market, account, cursor).status_code == HTTPStatus.OK
        let_pass(market, KEPT_MS)
        expired = follow(market, account, cursor)
        assert (expired.status_code, expired.json()["code"]) == (HTTPStatus.GONE, "cursor_expired")
        assert "first page" in expired.json()["remedy"]
        assert market.database["orders"].count_documents({}) > 0, "a query may still be reading it"
        let_pass(market, generations.DROPPED_LATER_US // 1_000)
        soon(lambda: "orders" not in market.database.list_collection_names(), "it is dropped")
        market.check_generation()
    assert generations.read(market.database).kept == ()
    assert progress.read(market.database, "orders") == []


def let_pass(market: Market, ms: int) -> None:
    """As if the old generations had been replaced so much earlier."""
    document = market.database["generations"].find_one({"_id": "live"})
    assert document is not None
    for kept in document["kept"]:
        kept["until_us"] -= ms * 1_000
    market.database["generations"].replace_one({"_id": "live"}, document)


def test_what_ended_long_ago_is_archived_live_and_in_a_rebuild(market: Market) -> None:
    """The history here happened years ago: all that has ended goes, what is open stays."""
    market.happen()
    with market.worker():
        market.check()
        with market.rebuilder("orders", "trades") as rebuild:
            assert rebuild.wait(REBUILT_S_MAX) == 0
    ended = {"status": {"$in": sorted(orders.ENDED)}}
    live, kept = market.database["orders_2"], market.database["orders"]
    open_count = live.count_documents({}) - live.count_documents(ended)
    with market.worker(attendance={"ended_kept_ms": 86_400_000, "archive_every_ms": 100}):
        soon(lambda: live.count_documents({}) == kept.count_documents({}) == open_count, "what ended is gone")
        market.check_generation()
        with market.rebuilder("orders") as rebuild:
            assert rebuild.wait(REBUILT_S_MAX) == 0
        assert market.database["orders_3"].count_documents({}) == open_count > 0
    market.check_generation()
    an_open_one = market.database["orders_3"].find_one({"shard": market.shard})
    assert an_open_one is not None
    assert an_open_one["status"] not in orders.ENDED
    assert market.database["orders_3"].delete_one({"_id": an_open_one["_id"]}).deleted_count == 1
    assert differences(market.database, market.venue.events, shard=market.shard) == [
        f"orders {an_open_one['_id']}: missing"
    ]


def soon(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + REBUILT_S_MAX
    while not happened():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def rebuild_here(market: Market, store: psycopg.Connection, *names: str) -> Rebuild:
    partitions = market.settings.topic_partitions
    return Rebuild(market.database, store, names, partitions, RebuildBounds(swap_s_max=0.1))


def test_two_at_once_are_refused_and_what_one_leaves_another_takes_up(market: Market) -> None:
    market.happen(0.2)
    with (
        market.rebuilder("orders", swap_s_max=60),
        psycopg.connect(market.settings.postgres_dsn) as store,
        pytest.raises(BusyError, match=r"orders is being rebuilt already, as generation 2, by \S+:\d+"),
    ):
        rebuild_here(market, store, "positions", "orders")
    with psycopg.connect(market.settings.postgres_dsn, autocommit=True) as store:
        first = rebuild_here(market, store, "orders", "positions")
        first.close()
    assert {(build.projection, build.generation) for build in builds.all_builds(market.database)} == {
        ("orders", 2),
        ("positions", 2),
    }


def test_what_other_code_has_begun_is_begun_anew(market: Market) -> None:
    market.happen(0.5)
    with psycopg.connect(market.settings.postgres_dsn, autocommit=True) as store:
        first = rebuild_here(market, store, "orders")
        first.run()
        first.targets[0].build.digest = "that of another release"
        first.close()
        assert market.database["orders_2"].count_documents({}) > 0
        second = rebuild_here(market, store, "orders")
        second.close()
    assert second.targets[0].build.target == Generation("orders", 3)
    assert market.database["orders_2"].count_documents({}) == 0


def test_the_command_says_what_it_did_and_which_names_there_are(market: Market) -> None:
    market.happen()
    unknown = oms(market, "rebuild", "order")
    assert unknown.returncode == 1
    assert "no projection 'order'" in unknown.stderr
    assert "order_lists" in unknown.stderr
    with market.worker():
        market.check()
        done = oms(market, "rebuild", "orders", "--json")
        assert done.returncode == 0, done.stderr
        found = msgspec.json.decode(done.stdout)
        assert found.keys() == {
            "projection",
            "generation",
            "events",
            "events_per_second",
            "seconds",
            "swapped",
        }
        assert (found["projection"], found["generation"], found["swapped"]) == ("orders", 2, True)
        assert "events/s" in done.stderr


def oms(market: Market, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "stack.cli", "projections", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "OMS_FOLDER": str(market.settings.folder),
            "OMS_MONGO_DATABASE": market.name,
        },
    )
