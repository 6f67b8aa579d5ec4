"""Whoever has the database changes, deletes, swaps or cuts: verification fails and names the place.

On copies of a store without a running stack, as an auditor would who was given a backup.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from commands.heads import SignedHead, Signer
from stack.audit.findings import Findings
from stack.running import running_stack
from stack.settings import CHECKOUT, Settings
from tests.integration.histories import SHARD, Copy, copy_of, write_history

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("tampering"))
    with running_stack(settings, servers=["postgres"]) as stack:
        write_history(stack.settings)
        yield stack.settings


@pytest.fixture
def store(history: Settings, tmp_path: Path) -> Iterator[Copy]:
    with copy_of(history, tmp_path) as copy:
        yield copy


def says(findings: Findings, *words: str) -> bool:
    assert not findings.all_well
    return any(all(word in difference for word in words) for difference in findings.differences)


def event_of(store: Copy, kind: str) -> tuple[int, bytes, str]:
    """Return seq, stored bytes and the name of the commit of an event in the middle."""
    seq, state, first, last = store.one(
        "SELECT notification_id, state, first_seq, last_seq FROM events"
        " JOIN commits ON notification_id BETWEEN first_seq AND last_seq"
        " CROSS JOIN (SELECT last_seq / 2 AS middle FROM shards) AS half"
        " WHERE topic = %s ORDER BY abs(notification_id - middle), notification_id LIMIT 1",
        kind,
    )
    assert isinstance(seq, int)
    assert isinstance(state, bytes)
    return seq, state, f"seq {first} to {last}"


def put(store: Copy, seq: int, state: bytes) -> None:
    store.run("UPDATE events SET state = %s WHERE notification_id = %s", state, seq)


def with_another_digit(state: bytes, field: bytes) -> bytes:
    """Return the event with one byte changed, the first digit of ``field``."""
    at = state.index(field) + len(field)
    return state[:at] + (b"2" if state[at : at + 1] != b"2" else b"3") + state[at + 1 :]


# --- Untouched --------------------------------------------------------------------------------------------


def command(store: Copy, *more: str) -> subprocess.CompletedProcess[str]:
    """Run ``./oms audit verify --copy`` in a folder that never had a stack."""
    (key,) = store.settings.heads.glob("*.pub")
    options = ["--copy", store.settings.postgres_dsn, "--heads", str(store.settings.heads)]
    return subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "stack.cli",
            "audit",
            "verify",
            *options,
            "--public-key",
            str(key),
            *more,
        ],
        check=False,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "OMS_FOLDER": str(store.settings.heads.parent / "none"),
            "PYTHONPATH": str(CHECKOUT),
        },
    )


def test_a_copy_is_verified_without_a_stack_and_the_exit_code_tells(store: Copy) -> None:
    done = command(store, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["events"] == store.one("SELECT count(*) FROM events")[0]
    assert [told[proof] for proof in ("chain_ok", "state_hash_equal", "money_conserved")] == [True] * 3
    assert told["read_models_equal"] is None, "nobody asked for them"

    seq, state, where = event_of(store, "OrderPlaced.v1")
    put(store, seq, with_another_digit(state, b'"quantity":'))
    done = command(store, "--json")
    assert done.returncode == 1
    assert any(where in difference for difference in json.loads(done.stdout)["differences"])


# --- Events -----------------------------------------------------------------------------------------------


def test_one_changed_digit_names_the_commit_and_the_first_wrong_state(store: Copy) -> None:
    seq, state, where = event_of(store, "OrderFilled.v1")
    put(store, seq, with_another_digit(state, b'"fee":'))
    found = store.verify()
    assert says(found, f"shard {SHARD}", where, "does not follow")
    assert not found.holds("chain_ok")


def test_a_space_that_changes_no_meaning_is_found_and_its_event_named(store: Copy) -> None:
    seq, state, where = event_of(store, "OrderPlaced.v1")
    put(store, seq, state.replace(b",", b", ", 1))
    found = store.verify()
    assert says(found, where, "does not follow", f"not as the processor writes them: seq {seq}")
    assert found.holds("state_hash_equal"), "it means the same"


def test_a_deleted_event_is_missing_by_its_seq(store: Copy) -> None:
    seq, _, where = event_of(store, "OrderCancelled.v1")
    store.run("DELETE FROM events WHERE notification_id = %s", seq)
    assert says(store.verify(), where, f"missing: seq {seq}")


def test_two_swapped_contents_are_both_named(store: Copy) -> None:
    """The rows stay, what is in them changes places: stream, version and seq then tell."""
    seq, state, _ = event_of(store, "OrderPlaced.v1")
    other, another, _ = event_of(store, "OrderCancelled.v1")
    put(store, seq, another)
    put(store, other, state)
    found = store.verify()
    assert says(found, f"seq {seq},", f"says that it is seq {other}", "swapped")
    assert says(found, f"seq {other},", f"says that it is seq {seq}", "swapped")


# --- The end ----------------------------------------------------------------------------------------------

CUT = "(SELECT max(last_seq) FROM commits WHERE last_seq <= (SELECT last_seq / 2 FROM shards))"


def cut(store: Copy) -> int:
    (seq,) = store.one(f"SELECT {CUT}")
    assert isinstance(seq, int)
    store.run("DELETE FROM events WHERE notification_id > %s", seq)
    store.run("DELETE FROM commits WHERE last_seq > %s", seq)
    return seq


def test_a_cut_end_contradicts_the_shards_row(store: Copy) -> None:
    (last,) = store.one("SELECT last_seq FROM shards")
    seq = cut(store)
    found = store.verify()
    assert says(found, f"the shard's row says that it ends at seq {last}", f"commits end at {seq}")
    assert says(found, "the end was cut off")


def test_a_cut_end_with_the_shards_row_adapted_contradicts_the_signed_heads(store: Copy) -> None:
    (last,) = store.one("SELECT last_seq FROM shards")
    seq = cut(store)
    store.run(
        "UPDATE shards SET last_seq = commits.last_seq, chain_hash = commits.chain_hash FROM commits"
        " WHERE commits.last_seq = %s",
        seq,
    )
    found = store.verify()
    assert says(found, "the end was cut off", f"knows seq {last}", f"ends at seq {seq}")
    assert found.holds("state_hash_equal"), "all that is left fits together"


def test_a_lost_last_event_is_missing_even_if_nothing_else_was_touched(store: Copy) -> None:
    (last,) = store.one("SELECT last_seq FROM shards")
    store.run("DELETE FROM events WHERE notification_id = %s", last)
    assert says(store.verify(), f"missing: seq {last}")


# --- Commits and heads ------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["occurred_at_us", "next_offset", "epoch"])
def test_a_changed_header_names_its_commit(store: Copy, column: str) -> None:
    seq, _, where = event_of(store, "OrderPlaced.v1")
    store.run(f"UPDATE commits SET {column} = {column} + 1 WHERE {seq} BETWEEN first_seq AND last_seq")  # noqa: S608 - ours
    assert says(store.verify(), f"shard {SHARD}", where, "does not follow")


def test_a_head_that_a_stranger_signed_is_named_by_its_line(store: Copy) -> None:
    lines = list(store.heads.lines(SHARD))
    stranger = Signer("17" * 32)
    head = msgspec.json.decode(lines[-1], type=SignedHead).head
    forged = stranger.line(msgspec.structs.replace(head, last_seq=head.last_seq - 1, key_id=stranger.key_id))
    store.heads.path(SHARD).write_bytes(b"\n".join([*lines[:-1], forged]) + b"\n")
    assert says(store.verify(), f"line {len(lines)} of shard-{SHARD}.jsonl", "none of the trusted ones")


def test_a_head_under_the_right_key_with_another_hash_contradicts_the_store(store: Copy) -> None:
    """As if somebody had the key as well: what the other heads and the store say still differs."""
    lines = list(store.heads.lines(SHARD))
    head = msgspec.json.decode(lines[-1], type=SignedHead).head
    forged = Signer(store.settings.head_signing_key).line(msgspec.structs.replace(head, chain_hash="ab" * 32))
    store.heads.path(SHARD).write_bytes(b"\n".join([*lines[:-1], forged]) + b"\n")
    assert says(store.verify(), "the head signed", f"at seq {head.last_seq}", "was changed")
