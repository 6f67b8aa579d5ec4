"""The auditor's time machine on a history that a real processor wrote: told as it happened, led back to the
people, replayed to every point; and no look without its record.
"""

import json
import random
import sys
from collections.abc import Iterator
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from litestar.testing import TestClient

from api.auth import Role, mint_token
from api.query.app import QueryConfig, create_app
from api.query.audit.desk import AuditConfig
from commands import snapshots
from commands.paging import pages_of
from commands.shard_snapshot import Stand
from commands.time_machine import HistoryDiffersError, TimeMachine
from domain.exchange import Exchange, replay
from domain.ids import order_id
from stack.running import Stack
from streams.audit import access, index
from streams.audit.store import Store
from streams.codec import RecordedEvent
from tests.integration.audit_story import BID, told
from tests.integration.desk import PARTITIONS, Desk
from tests.unit.domain.dump import dump

SECRET = "not a secret, but as long as one ought to be"
IDS_EXPECTED = 1_000


@pytest.fixture(scope="module")
def desk(servers: Stack) -> Iterator[Desk]:
    with told(servers) as desk:
        yield desk


@pytest.fixture(scope="module")
def api(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient[Any]]:
    folder: Path = tmp_path_factory.mktemp("no-stack")
    audit = AuditConfig(desk.dsn, (sys.executable, "-m", "stack.audit.machine"))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("FOLDER", folder), ("POSTGRES_DSN", desk.dsn), ("IDS_EXPECTED", IDS_EXPECTED)):
            patch.setenv(f"OMS_{name}", str(value))
        patch.setenv("OMS_TOPIC_PARTITIONS", str(PARTITIONS))
        config = QueryConfig("mongodb://127.0.0.1:1/", "none", SECRET, audit=audit)
        with TestClient(create_app(config)) as client:
            yield client


@pytest.fixture(scope="module")
def store(desk: Desk) -> Iterator[psycopg.Connection]:
    with psycopg.connect(desk.dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def events(desk: Desk) -> list[RecordedEvent]:
    return desk.stored()


def token(*roles: Role, subject: str = "eve") -> dict[str, str]:
    return {"Authorization": f"Bearer {mint_token(SECRET, subject, list(roles))}"}


AUDITOR = token("auditor")


def get(api: TestClient[Any], path: str, **params: Any) -> Any:
    answer = api.get(f"/v1/audit/{path}", headers=AUDITOR, params=params)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


def problem(api: TestClient[Any], path: str, **params: Any) -> tuple[int, str]:
    answer = api.get(f"/v1/audit/{path}", headers=AUDITOR, params=params)
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


# --- Histories ------------------------------------------------------------------------------------------


def test_an_order_tells_its_whole_life(api: TestClient[Any]) -> None:
    history = get(api, f"orders/{BID}")
    seen = [(step["version"], step["type"], step["actor"], step["command_id"]) for step in history["steps"]]
    assert seen == [
        (1, "OrderPlaced.v1", "desk-7", "alice-bid"),
        (2, "OrderFilled.v1", "bob", "bob-hit"),
        (3, "OrderAmended.v1", "desk-8", "AmendOrder-bid"),
        (4, "OrderCancelled.v1", "alice", "CancelOrder-bid"),
    ]
    placed, filled, amended, cancelled = history["steps"]
    assert (placed["before"], placed["correlation_id"]) == (None, "rebalance-17")
    assert placed["after"] == filled["before"]
    assert {"field": "filled", "before": "0", "after": "0.5"} in filled["changes"]
    assert {"field": "quantity", "before": "2", "after": "1.5"} in amended["changes"]
    assert {"field": "status", "before": "partially_filled", "after": "cancelled"} in cancelled["changes"]
    assert filled["sentence"] == (
        "alice bought 0.5 BTC at 100 as maker in trade 1 for 50 USD, fee 0.05 USD; 1.5 left"
    )
    assert history["state"] == cancelled["after"]
    assert history["next_cursor"] is None


def test_each_step_has_the_postings_of_its_command_and_balances_lead_on(api: TestClient[Any]) -> None:
    steps = get(api, f"orders/{BID}")["steps"]
    kinds = [[posting["kind"] for posting in step["postings"]] for step in steps]
    assert kinds == [["hold"], ["pay", "release", "receive"], ["release"], ["release"]]
    dollars = [each for step in steps for each in step["postings"] if each["asset"] == "USD"]
    for before, after in pairwise(dollars):
        assert (before["available"], before["held"]) == (after["available_before"], after["held_before"])
    assert (dollars[-1]["available"], dollars[-1]["held"]) == ("9949.95", "0")


def test_an_order_is_found_by_its_clients_own_id(api: TestClient[Any]) -> None:
    assert get(api, "orders/bid", account="alice") == get(api, f"orders/{BID}")
    assert problem(api, "orders/bid", account="bob") == (404, "not_found")
    assert problem(api, "orders/bid") == (404, "not_found")


def test_a_rejected_order_says_why(api: TestClient[Any]) -> None:
    (step,) = get(api, "orders/odd", account="dan")["steps"]
    assert step["type"] == "OrderRejected.v1"
    assert "invalid_price" in step["sentence"]


@pytest.mark.parametrize("limit", [1, 3])
def test_pages_are_the_whole_history_cut(api: TestClient[Any], limit: int) -> None:
    for path in (f"orders/{BID}", "accounts/alice", "accounts/dan", "markets/BTC-USD"):
        whole = get(api, path)
        steps: list[Any] = []
        page: dict[str, Any] = {"next_cursor": None}
        while not steps or page["next_cursor"]:
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
            page = get(api, path, limit=limit, **cursor)
            assert len(page["steps"]) <= limit
            steps += page["steps"]
        assert steps == whole["steps"]


def test_an_account_tells_every_posting_and_every_change_of_what_it_may(api: TestClient[Any]) -> None:
    history = get(api, "accounts/dan")
    assert [step["type"] for step in history["steps"]][:2] == ["AccountOpened.v1", "AccountPosted.v1"]
    status = history["steps"][-1]
    assert status["sentence"] == "risk made account dan suspended: look into it"
    assert {"field": "status", "before": "active", "after": "suspended"} in status["changes"]
    assert history["terms"]["status"] == "suspended"
    known: dict[str, tuple[str, str]] = {}
    for posting in [each for step in history["steps"] for each in step["postings"]]:
        before = posting["available_before"], posting["held_before"]
        assert known.get(posting["asset"], ("0", "0")) == before
        known[posting["asset"]] = posting["available"], posting["held"]
    assert known["BTC"] == ("9998.5", "0")


def test_a_market_tells_its_rules_trades_and_busts(api: TestClient[Any]) -> None:
    types = [step["type"] for step in get(api, "markets/BTC-USD")["steps"]]
    assert types == ["MarketListed.v1", *["OrderFilled.v1"] * 4, "TradeBusted.v1"]
    without = [step["type"] for step in get(api, "markets/BTC-USD", trades=False)["steps"]]
    assert without == ["MarketListed.v1", "TradeBusted.v1"]


# --- Causes ---------------------------------------------------------------------------------------------


def test_a_market_order_is_a_tree_down_to_the_third_party_its_stop_filled(api: TestClient[Any]) -> None:
    tree = get(api, "commands/dan-hit")
    shape = [(node["depth"], node["what"].partition(".")[0], node["account"]) for node in tree["nodes"]]
    assert shape == [
        (0, "OrderPlaced", "dan"),
        (1, "trade", None),
        (2, "OrderFilled", "dan"),
        (2, "OrderFilled", "alice"),
        (1, "trade", None),
        (2, "OrderFilled", "dan"),
        (2, "OrderFilled", "carol"),
        (2, "OrderTriggered", "bob"),
        (3, "trade", None),
        (4, "OrderFilled", "bob"),
        (4, "OrderFilled", "carol"),
    ]
    assert set(tree["accounts"]) == {"dan", "alice", "carol", "bob", "fees"}
    assert {posting["account"] for posting in tree["postings"]} == set(tree["accounts"])
    assert (tree["actor"], tree["correlation_id"]) == ("dan", "rebalance-17")


def test_no_command_and_a_refused_one_have_no_tree(api: TestClient[Any]) -> None:
    assert problem(api, "commands/never-sent") == (404, "not_found")


def test_a_trade_leads_back_to_both_orders_and_all_people_behind_them(api: TestClient[Any]) -> None:
    trade = get(api, "trades/BTC-USD/1")
    taker, maker = trade["sides"]
    assert (taker["account"], taker["liquidity"], taker["people"]) == ("bob", "taker", ["bob"])
    assert (maker["account"], maker["order_id"], maker["people"]) == ("alice", BID, ["desk-7"])
    assert maker["acts"][0]["command_id"] == "alice-bid"
    assert (trade["caused_by"], trade["command_id"], trade["status"]) == ("bob", "bob-hit", "busted")
    assert trade["changes"][0]["actor"] == "ops"
    assert "fat finger" in trade["changes"][0]["sentence"]
    assert problem(api, "trades/BTC-USD/99") == (404, "not_found")


def test_a_triggered_order_says_whose_command_triggered_it(api: TestClient[Any]) -> None:
    stopped = get(api, "trades/BTC-USD/4")["sides"][0]
    assert (stopped["account"], stopped["client_order_id"]) == ("bob", "stop")
    assert [(act["what"], act["actor"]) for act in stopped["acts"]] == [
        ("placed", "bob"),
        ("triggered", "dan"),
    ]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        (BID, [("order", BID)]),
        ("bid", [("order", BID)]),
        ("alice", [("account", "alice")]),
        ("BTC-USD", [("market", "BTC-USD")]),
        ("BTC-USD/1", [("trade", "BTC-USD/1")]),
        ("dan-hit", [("command", "dan-hit")]),
        ("rebalance-17", [("correlation", "rebalance-17")] * 2),
        ("nothing", []),
    ],
)
def test_the_search_says_what_an_id_stands_for(
    api: TestClient[Any], q: str, found: list[tuple[str, str]]
) -> None:
    assert [(each["kind"], each["id"]) for each in get(api, "search", q=q)["found"]] == found


def test_a_client_id_that_several_accounts_used_finds_all_their_orders(api: TestClient[Any]) -> None:
    ids = [each["id"] for each in get(api, "search", q="hit")["found"]]
    assert ids == [order_id(0, "bob", "hit"), order_id(0, "dan", "hit")]


# --- Time travel ------------------------------------------------------------------------------------------


def exchange_at(events: list[RecordedEvent], seq: int) -> Exchange:
    exchange = Exchange()
    for recorded in events[:seq]:
        replay(exchange, recorded.event, recorded.occurred_at_us)
    return exchange


def every_seq(events: list[RecordedEvent]) -> list[int]:
    """Forwards, as a slider goes; then to and fro."""
    forwards = list(range(len(events) + 1))
    chance = random.Random(7)  # noqa: S311 - to be repeatable
    return [*forwards, *chance.sample(forwards, len(forwards))]


def test_the_state_at_every_seq_is_that_of_an_exchange_replayed_to_it(
    store: psycopg.Connection, events: list[RecordedEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.time_machine.KEEP_EVERY_EVENTS", 5)
    machine = TimeMachine(store, PARTITIONS, IDS_EXPECTED)
    ends = {last for (last,) in store.execute("SELECT last_seq FROM commits").fetchall()}
    for seq in every_seq(events):
        stop = machine.go(0, seq)
        assert dump(stop.exchange) == dump(exchange_at(events, seq)), f"at seq {seq}"
        assert stop.proven == (seq in ends), stop.proof


def test_a_replay_begins_at_the_newest_snapshot_before_the_point(
    desk: Desk, store: psycopg.Connection, events: list[RecordedEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.time_machine.KEEP_EVERY_EVENTS", 5)
    row = store.execute("SELECT last_seq, chain_hash, state_hash FROM commits ORDER BY 1 DESC").fetchone()
    assert row is not None
    stand = Stand(0, row[0], row[1], int.from_bytes(row[2], "big"))
    snapshots.write(store, stand, pages_of(desk.processor._shard))
    read: list[int] = []

    def reading(_: object, __: int, after: int, until: int) -> Iterator[RecordedEvent]:
        read.append(after)
        return iter(events[after:until])

    monkeypatch.setattr("commands.time_machine.read_events", reading)
    stop = TimeMachine(store, PARTITIONS, IDS_EXPECTED).go(0, len(events))
    assert (read, stop.proven) == ([len(events)], True)
    assert dump(stop.exchange) == dump(exchange_at(events, len(events)))
    store.execute("DELETE FROM snapshots")


def test_a_history_that_was_changed_is_not_passed_off_as_what_was(
    store: psycopg.Connection, events: list[RecordedEvent]
) -> None:
    with store.transaction(force_rollback=True):
        change = "UPDATE commits SET state_hash = '\\x0000000000000000' WHERE last_seq = %s"
        store.execute(change, (len(events),))
        with pytest.raises(HistoryDiffersError, match="another state than the processor had"):
            TimeMachine(store, PARTITIONS, IDS_EXPECTED).go(0, len(events))


def test_an_order_at_each_of_its_versions(api: TestClient[Any]) -> None:
    then = [get(api, f"orders/{BID}/as-of", version=version) for version in (1, 2, 3, 4)]
    assert [each["state"]["remaining"] for each in then] == ["2", "1.5", "1", "0"]
    assert [None if each["open"] is None else each["open"]["remaining"] for each in then] == [
        "2",
        "1.5",
        "1",
        None,
    ]
    assert then[0]["open"]["queue"] == {"orders_ahead": 0, "quantity_ahead": "0", "shown": "2"}
    assert problem(api, f"orders/{BID}/as-of", version=5) == (404, "not_found")


def test_an_account_as_of_a_time_has_what_it_had_then(
    api: TestClient[Any], events: list[RecordedEvent]
) -> None:
    filled = get(api, f"orders/{BID}")["steps"][1]
    (shard,) = get(api, "accounts/alice/as-of", time=filled["occurred_at"])["shards"]
    assert shard["as_of"]["proven"] is True
    assert shard["account"]["balances"] == [
        {"asset": "BTC", "available": "0.5", "held": "0"},
        {"asset": "USD", "available": "9799.65", "held": "150.3"},
    ]
    (open_order,) = shard["account"]["open_orders"]
    assert (open_order["order_id"], open_order["remaining"]) == (BID, "1.5")
    (before_all,) = get(api, "accounts/alice/as-of", time="2020-01-01T00:00:00Z")["shards"]
    assert (before_all["as_of"]["seq"], before_all["account"]) == (0, None)


def test_a_book_as_of_a_seq_has_its_whole_depth_by_price_and_by_order(
    api: TestClient[Any], events: list[RecordedEvent]
) -> None:
    high = get(api, "orders/stop", account="bob")["steps"][0]["seq"]
    two = get(api, "markets/BTC-USD/book/as-of", seq=high)["book"]
    prices = [(level["price"], level["quantity"], level["orders_count"]) for level in two["bids"]]
    assert prices == [("100", "1", 1), ("90", "5", 1)]
    three = get(api, "markets/BTC-USD/book/as-of", seq=high, level=3)["book"]
    names = [[order["account"] for order in level["orders"]] for level in three["bids"]]
    assert names == [["alice"], ["carol"]]
    now = get(api, "markets/BTC-USD/book/as-of")
    assert now["as_of"]["seq"] == len(events)
    assert [level["quantity"] for level in now["book"]["bids"]] == ["3.5"]


def test_a_market_as_of_before_it_traded(api: TestClient[Any]) -> None:
    then = get(api, "markets/BTC-USD/as-of", version=1)
    assert (then["market"]["last_price"], then["market"]["last_trade_id"]) == (None, 0)
    now = get(api, "markets/BTC-USD/as-of")["market"]
    assert (now["last_price"], now["last_trade_id"], now["changed_trades"]) == ("90", 4, [1])


def test_points_that_say_nothing_are_refused_in_words(api: TestClient[Any]) -> None:
    path = "markets/BTC-USD/as-of"
    assert problem(api, path, seq=1, version=1) == (400, "invalid_request")
    assert problem(api, path, time="yesterday") == (400, "invalid_request")
    assert problem(api, path, seq=10**9) == (404, "not_found")


# --- The index and the record of accesses -----------------------------------------------------------------


def test_an_index_of_another_history_is_made_anew(store: psycopg.Connection) -> None:
    Store(store).reach_the_end()
    before = store.execute("SELECT * FROM audit_index ORDER BY shard, seq, key").fetchall()
    store.execute("UPDATE audit_index_ends SET chain_hash = 'another'")
    store.execute("UPDATE audit_index SET key = 0")
    assert index.advance(store, 0).behind == 0
    assert store.execute("SELECT * FROM audit_index ORDER BY shard, seq, key").fetchall() == before


def test_an_index_that_is_made_in_small_steps_is_the_same(store: psycopg.Connection) -> None:
    Store(store).reach_the_end()
    before = store.execute("SELECT * FROM audit_index ORDER BY shard, seq, key").fetchall()
    store.execute("TRUNCATE audit_index, audit_index_ends")
    while index.advance(store, 0, 1).behind:
        pass
    assert store.execute("SELECT * FROM audit_index ORDER BY shard, seq, key").fetchall() == before


def test_every_look_is_on_record_before_it_is_answered(
    api: TestClient[Any], store: psycopg.Connection
) -> None:
    get(api, f"orders/{BID}", limit=2)
    problem(api, "trades/BTC-USD/98")
    missed, seen = access.last(store, 2, "eve")
    assert (seen.what, seen.which, seen.items) == ("order", f"/v1/audit/orders/{BID}?limit=2", 2)
    assert (missed.what, missed.items) == ("trade", 0)
    assert get(api, "accesses", limit=1)["accesses"][0]["which"] == missed.which
    assert access.first_broken(access.read(store)) is None


def test_the_record_takes_new_rows_only(store: psycopg.Connection) -> None:
    for change in ("UPDATE audit_access SET who = 'x'", "DELETE FROM audit_access", "TRUNCATE audit_access"):
        with pytest.raises(psycopg.errors.RaiseException, match="new rows only"):
            store.execute(change)


def test_what_cannot_be_recorded_is_not_shown(api: TestClient[Any], store: psycopg.Connection) -> None:
    store.execute("ALTER TABLE audit_access RENAME TO away")
    try:
        assert problem(api, f"orders/{BID}") == (503, "access_not_recorded")
    finally:
        store.execute("ALTER TABLE away RENAME TO audit_access")


@pytest.mark.parametrize("role", ["trader", "analyst", "operator", "risk", "admin"])
def test_only_auditors_may_look(api: TestClient[Any], store: psycopg.Connection, role: Role) -> None:
    before = access.last(store, 1)
    answer = api.get(f"/v1/audit/orders/{BID}", headers=token(role))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    assert "steps" not in json.dumps(answer.json())
    assert access.last(store, 1) == before
