"""`./oms audit ...` looks into the history: one object for programs, words for people, a record of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stack.cli import COMMANDS
from stack.cli.__main__ import run
from stack.running import Stack
from streams.audit import access
from tests.integration.audit_story import BID, told
from tests.integration.desk import PARTITIONS, Desk

AUDIT = next(command for command in COMMANDS if command.name == "audit")


@pytest.fixture(scope="module")
def desk(servers: Stack) -> Iterator[Desk]:
    with told(servers) as desk:
        yield desk


@pytest.fixture(autouse=True)
def environment(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMS_FOLDER", str(tmp_path))
    monkeypatch.setenv("OMS_POSTGRES_DSN", desk.dsn)
    monkeypatch.setenv("OMS_IDS_EXPECTED", "1000")
    monkeypatch.setenv("OMS_TOPIC_PARTITIONS", str(PARTITIONS))


def audit(capsys: pytest.CaptureFixture[str], *arguments: str, exit_code: int = 0) -> str:
    try:
        code: Any = run(AUDIT, list(arguments))
    except SystemExit as end:  # typer's way to end a command
        code = end.code
    captured = capsys.readouterr()
    assert code == exit_code, captured
    return captured.out if exit_code == 0 else captured.out + captured.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("order", BID),
        ("order", "bid", "--account", "alice", "--as-of", "v2"),
        ("account", "alice"),
        ("account", "alice", "--as-of", "2030-01-01T00:00:00Z"),
        ("market", "BTC-USD", "--no-trades"),
        ("market", "BTC-USD", "--as-of", "5"),
        ("book", "BTC-USD", "--level", "3"),
        ("trade", "BTC-USD", "1"),
        ("command", "dan-hit"),
        ("stream", BID),
        ("search", "rebalance-17"),
        ("accesses",),
    ],
)
def test_a_look_prints_one_object_or_words_and_is_on_record(
    capsys: pytest.CaptureFixture[str], desk: Desk, arguments: tuple[str, ...]
) -> None:
    printed = audit(capsys, *arguments, "--json")
    assert printed.count("\n") == 1
    assert isinstance(json.loads(printed), dict)
    words = audit(capsys, *arguments)
    assert words.strip()
    with psycopg.connect(desk.dsn) as store:
        looks = access.last(store, 2)
    assert [look.via for look in looks] == ["cli", "cli"]
    assert looks[0].what == looks[1].what
    assert looks[0].what.startswith(arguments[0])


def test_an_order_reads_as_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.strip() for line in audit(capsys, "order", "bid", "--account", "alice").splitlines()]
    assert "alice placed a limit order to buy 2 BTC at 100, GTC; 2 of it rests in the book" in lines
    assert "alice's order was cancelled as its owner asked; 1 BTC will not trade" in lines
    assert any("filled 0 → 0.5" in line for line in lines)


def test_a_command_is_drawn_as_a_tree(capsys: pytest.CaptureFixture[str]) -> None:
    printed = audit(capsys, "command", "dan-hit")
    assert "└─ dan placed a market order to sell 1.5 BTC at market, IOC" in printed
    assert "      └─ bob's trigger at 99 fired: its order to sell 1 BTC became a market order" in printed
    assert "carol" in printed.split("Money it moved:")[1]


def test_a_state_of_the_past_says_whether_it_is_proven(capsys: pytest.CaptureFixture[str]) -> None:
    assert "Proven: the replayed state has the hash" in audit(capsys, "book", "BTC-USD")
    placed = audit(capsys, "order", "bid", "--account", "alice", "--as-of", "v1")
    assert "Not proven: seq" in placed
    assert "In the book it shows 2; 0 orders with 0 trade before it" in placed


@pytest.mark.parametrize(
    ("arguments", "code", "told_why"),
    [
        (("order", "bid"), 1, "needs its account beside it"),
        (("trade", "BTC-USD", "77"), 1, "there is no trade 77"),
        (("account", "nobody"), 1, "there is no account 'nobody'"),
        (("book", "BTC-USD", "--as-of", "noon"), 2, "it is a version such as v3"),
        (("account", "alice", "--cursor", "x"), 1, "is no cursor"),
    ],
)
def test_what_is_not_there_is_told_in_words(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, told_why: str
) -> None:
    assert told_why in " ".join(audit(capsys, *arguments, exit_code=code).replace("│", " ").split())


def test_a_record_with_a_gap_is_told_by_the_exit_code(capsys: pytest.CaptureFixture[str], desk: Desk) -> None:
    audit(capsys, "account", "alice")
    with psycopg.connect(desk.dsn, autocommit=True) as store:
        store.execute("ALTER TABLE audit_access DISABLE TRIGGER audit_access_append_only")
        store.execute("DELETE FROM audit_access WHERE id = 1")
        try:
            assert "access 1 is missing" in audit(capsys, "accesses", exit_code=1)
        finally:
            store.execute("DELETE FROM audit_access")
            store.execute("ALTER TABLE audit_access ENABLE TRIGGER audit_access_append_only")
