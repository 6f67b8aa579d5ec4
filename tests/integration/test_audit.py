"""Every way to tamper with the history is found, and named: on a real history, each test on its own copy."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
import psycopg
import pytest
from pymongo import MongoClient
from rich.console import Console

from commands.auditor import Auditor, AuditorConfig
from commands.hash_chain import CommitHeader, chain
from commands.heads import HeadFiles, SignedHead, Signer, pem
from stack.audit.findings import Findings
from stack.audit.verifying import Asked, Verification
from stack.load.demonstrating import Options, demonstrate
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings

pytestmark = pytest.mark.timeout(300)

SHARD = 0


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that has traded for some seconds; its services have ended in order, its servers run."""
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("audit"), head_interval_ms=400)
    with running_stack(settings, [service.name for service in SERVICES]) as stack:
        found = demonstrate(settings, Options(5, 7, 200), Console(quiet=True))
        assert all(found["proofs"].values()), found["differences"]
        for service in SERVICES:
            stack.stop(service.name)
        yield stack


class Store:
    """A copy of the history, and of its heads, to tamper with."""

    def __init__(self, settings: Settings, connection: psycopg.Connection) -> None:
        self.settings = settings
        self.connection = connection
        self.heads = HeadFiles(settings.heads)

    def verify(self, public_keys: Sequence[Path] = ()) -> Findings:
        wanted = Asked(public_keys=public_keys, catch_up_s_max=2)
        return Verification(self.settings, wanted, lambda *_: None).run()

    def one(self, query: str, *values: object) -> tuple[object, ...]:
        row = self.connection.execute(query.encode(), values).fetchone()
        assert row is not None
        return tuple(row)

    def run(self, query: str, *values: object) -> None:
        assert self.connection.execute(query.encode(), values).rowcount > 0

    def seq_with(self, text: str) -> tuple[int, str]:
        """Return seq and stream of an event in the middle whose state has ``text``."""
        seq, stream = self.one(
            "SELECT notification_id, originator_id FROM events WHERE convert_from(state, 'UTF8') LIKE %s"
            " ORDER BY abs(notification_id - (SELECT last_seq / 2 FROM shards)) LIMIT 1",
            f"%{text}%",
        )
        assert isinstance(seq, int)
        return seq, str(stream)


@pytest.fixture
def store(traded: Stack, tmp_path: Path) -> Iterator[Store]:
    name = f"audit_{uuid4().hex}"
    server = traded.settings.postgres_dsn
    heads = tmp_path / "heads"
    shutil.copytree(traded.settings.heads, heads)
    with psycopg.connect(server.rsplit("/", 1)[0] + "/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE oms".encode())
        own = server.rsplit("/", 1)[0] + f"/{name}"
        settings = traded.settings.model_copy(update={"postgres_dsn": own, "heads": heads})
        with psycopg.connect(own, autocommit=True) as connection:
            yield Store(settings, connection)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def says(findings: Findings, *words: str) -> bool:
    return any(all(word in difference for word in words) for difference in findings.differences)


# --- What is right is found right -------------------------------------------------------------------------


def test_an_untouched_history_is_all_well(store: Store) -> None:
    found = store.verify()
    assert found.differences == []
    assert found.all_well
    (events,) = store.one("SELECT count(*) FROM events")
    assert found.events == events
    assert found.states_compared == store.one("SELECT count(*) FROM commits")[0]


def test_the_last_commit_has_a_head_as_everything_stopped_in_order(store: Store) -> None:
    (shard,) = store.verify().shards
    assert shard["signed_up_to_seq"] == shard["last_seq"]
    assert shard["heads"] > 3


def test_the_command_prints_one_object_and_its_code_tells(traded: Stack) -> None:
    command = [sys.executable, "-P", "-m", "stack.cli", "audit", "verify", "--json"]
    environment = {
        **os.environ,
        "OMS_FOLDER": str(traded.settings.folder),
        "PYTHONPATH": str(CHECKOUT),
    }
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    proofs = ("chain_ok", "state_hash_equal", "read_models_equal", "money_conserved")
    assert [told[proof] for proof in proofs] == [True] * len(proofs)
    assert told["differences"] == []
    assert told["events_per_second"] > 0


# --- Tampering with events --------------------------------------------------------------------------------


def test_a_changed_byte_of_an_event_is_found(store: Store) -> None:
    seq, stream = store.seq_with('"type":"FundsDeposited.v1"')
    (state,) = store.one("SELECT state FROM events WHERE notification_id = %s", seq)
    assert isinstance(state, bytes)
    at = state.index(b'"amount":') + len(b'"amount":')
    changed = state[:at] + (b"2" if state[at : at + 1] != b"2" else b"3") + state[at + 1 :]
    store.run("UPDATE events SET state = %s WHERE notification_id = %s", changed, seq)
    found = store.verify()
    (first, last) = store.one(
        "SELECT first_seq, last_seq FROM commits WHERE first_seq <= %s AND last_seq >= %s", seq, seq
    )
    assert not found.holds("chain_ok")
    assert not found.holds("state_hash_equal")
    assert not found.holds("money_conserved")
    where = f"seq {first}:" if first == last else f"seq {first} to {last}"
    assert says(found, where, "does not follow")
    assert says(found, stream)


def test_an_event_that_is_no_event_any_more_is_named(store: Store) -> None:
    seq, stream = store.seq_with('"type":"OrderFilled.v1"')
    store.run("UPDATE events SET state = 'gone'::bytea WHERE notification_id = %s", seq)
    found = store.verify()
    assert says(found, f"seq {seq}, stream {stream}", "no event any more")
    assert not found.holds("money_conserved"), "where not all can be replayed, nobody can tell"


def test_a_deleted_event_is_missing(store: Store) -> None:
    seq, _ = store.seq_with('"type":"OrderCancelled.v1"')
    store.run("DELETE FROM events WHERE notification_id = %s", seq)
    assert says(store.verify(), "missing", f"seq {seq}")


def test_two_swapped_events_are_both_named(store: Store) -> None:
    seq, _ = store.seq_with('"type":"OrderPlaced.v1"')
    other = seq + 1
    for before, after in ((seq, -1), (other, seq), (-1, other)):
        store.run("UPDATE events SET notification_id = %s WHERE notification_id = %s", after, before)
    found = store.verify()
    assert says(found, f"seq {seq},", f"says that it is seq {other}", "swapped")
    assert says(found, f"seq {other},", f"says that it is seq {seq}", "swapped")


@pytest.mark.parametrize("where", ["before all", "after all"])
def test_an_inserted_event_belongs_to_nothing(store: Store, where: str) -> None:
    (last,) = store.one("SELECT last_seq FROM shards")
    assert isinstance(last, int)
    seq = 0 if where == "before all" else last + 1
    store.run(
        "INSERT INTO events SELECT shard, %s, gen_random_uuid(), 1, topic, state FROM events"
        " WHERE notification_id = 1",
        seq,
    )
    found = store.verify()
    assert not found.holds("chain_ok")
    assert says(found, f"seq {seq}", "inserted")


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [
        ("topic", "'OrderCancelled.v1'", "type"),
        ("originator_version", "77", "version"),
        ("originator_id", "gen_random_uuid()", "stream"),
    ],
)
def test_what_stands_beside_an_event_must_be_what_it_says(
    store: Store, column: str, value: str, word: str
) -> None:
    seq, _ = store.seq_with('"type":"OrderPlaced.v1"')
    store.run(f"UPDATE events SET {column} = {value} WHERE notification_id = %s", seq)  # noqa: S608 - ours
    assert says(store.verify(), f"seq {seq},", f"the event's {word} is")


# --- Tampering with commits -------------------------------------------------------------------------------

MIDDLE = "(SELECT max(last_seq) FROM commits WHERE last_seq <= (SELECT last_seq / 2 FROM shards))"


@pytest.mark.parametrize(
    "change",
    [
        "occurred_at_us = occurred_at_us + 1",
        "next_offset = next_offset + 1",
        "epoch = epoch + 1",
        "state_hash = '\\x0123456789abcdef'",
    ],
)
def test_a_changed_header_is_found(store: Store, change: str) -> None:
    (seq,) = store.one(f"SELECT {MIDDLE}")
    store.run(f"UPDATE commits SET {change} WHERE last_seq = {MIDDLE}")  # noqa: S608 - ours
    found = store.verify()
    assert says(found, f"{seq}:", "does not follow")
    assert found.holds("read_models_equal")


def test_a_changed_hash_is_told_from_changed_events(store: Store) -> None:
    (seq,) = store.one(f"SELECT {MIDDLE}")
    store.run(f"UPDATE commits SET chain_hash = sha256('x') WHERE last_seq = {MIDDLE}")  # noqa: S608 - ours
    found = store.verify()
    assert says(found, f"{seq}: its hash in table commits was changed")
    assert found.holds("state_hash_equal")


def test_a_removed_commit_leaves_its_events_without_one(store: Store) -> None:
    first, seq = store.one(f"SELECT first_seq, last_seq FROM commits WHERE last_seq = {MIDDLE}")  # noqa: S608 - ours
    store.run("DELETE FROM commits WHERE last_seq = %s", seq)
    found = store.verify()
    assert says(found, f"should begin at {first}", "removed")
    assert says(found, f"seq {seq},", "belongs to no commit")


def test_a_cut_off_end_is_found_by_the_signed_heads_alone(store: Store) -> None:
    (last,) = store.one("SELECT last_seq FROM shards")
    (cut,) = store.one(f"SELECT {MIDDLE}")
    store.run("DELETE FROM events WHERE notification_id > %s", cut)
    store.run("DELETE FROM commits WHERE last_seq > %s", cut)
    store.run(
        "UPDATE shards SET last_seq = commits.last_seq, chain_hash = commits.chain_hash,"
        " next_offset = commits.next_offset FROM commits WHERE commits.last_seq = %s",
        cut,
    )
    found = store.verify()
    assert found.holds("state_hash_equal"), "all that is left fits together"
    assert says(found, "cut off", f"knows seq {last}", f"ends at seq {cut}")
    assert not found.holds("read_models_equal"), "they still speak of what was cut off"


def test_a_history_written_anew_from_somewhere_on_contradicts_the_heads(store: Store) -> None:
    """As one would who has the database and this code: change the last commits and link them anew."""
    rows = store.connection.execute(
        f"SELECT first_seq, last_seq, next_offset, epoch, occurred_at_us, state_hash FROM commits"  # noqa: S608
        f" WHERE last_seq > {MIDDLE} ORDER BY last_seq".encode()
    ).fetchall()
    (previous,) = store.one(f"SELECT chain_hash FROM commits WHERE last_seq = {MIDDLE}")  # noqa: S608 - ours
    assert isinstance(previous, bytes)
    for first, last, offset, epoch, at, state_hash in rows:
        states = store.connection.execute(
            "SELECT state FROM events WHERE notification_id BETWEEN %s AND %s ORDER BY notification_id",
            (first, last),
        ).fetchall()
        number = int.from_bytes(state_hash, "big")
        header = CommitHeader(SHARD, epoch, first, last, offset, at + 1, number)
        previous = chain(previous, header, [state for (state,) in states])
        store.run(
            "UPDATE commits SET occurred_at_us = %s, chain_hash = %s WHERE last_seq = %s",
            at + 1,
            previous,
            last,
        )
    store.run("UPDATE shards SET chain_hash = %s", previous)
    found = store.verify()
    assert not says(found, "does not follow")
    assert says(found, "the head signed", "what is stored up to there was changed")


# --- Tampering with heads ---------------------------------------------------------------------------------


def rewrite(store: Store, lines: list[bytes]) -> None:
    store.heads.path(SHARD).write_bytes(b"".join(line + b"\n" for line in lines))


def test_a_forged_head_is_found(store: Store) -> None:
    lines = list(store.heads.lines(SHARD))
    rewrite(store, [*lines[:-1], lines[-1].replace(b'"last_seq":', b'"last_seq":1')])
    found = store.verify()
    assert says(found, f"line {len(lines)} of shard-0.jsonl", "its signature does not hold")


def test_a_head_of_another_key_counts_only_if_that_key_is_trusted(store: Store, tmp_path: Path) -> None:
    lines = list(store.heads.lines(SHARD))
    stranger = Signer("17" * 32)
    head = msgspec.json.decode(lines[-1], type=SignedHead).head
    rewrite(store, [*lines[:-1], stranger.line(msgspec.structs.replace(head, key_id=stranger.key_id))])
    store.heads.publish_key(stranger)
    assert says(store.verify(), f"the key {stranger.key_id}", "none of the trusted ones")
    key = tmp_path / "retired.pem"
    key.write_text(pem(stranger.public_key))
    assert store.verify(public_keys=(key,)).all_well


def test_a_removed_head_leaves_a_gap(store: Store) -> None:
    lines = list(store.heads.lines(SHARD))
    rewrite(store, [*lines[:1], *lines[2:]])
    assert says(store.verify(), "line 2", "does not follow the line before")


def test_without_any_head_it_is_not_well(store: Store) -> None:
    store.heads.path(SHARD).unlink()
    assert says(store.verify(), "no head is in", "cannot be told")


# --- Tampering with read models ---------------------------------------------------------------------------


def test_a_changed_document_and_one_from_nowhere_are_named(store: Store) -> None:
    with MongoClient[dict[str, object]](store.settings.mongo_url) as mongo:
        balances = mongo[store.settings.mongo_database]["balances"]
        balance = balances.find_one({})
        assert balance is not None
        balances.replace_one({"_id": balance["_id"]}, {**balance, "available": "1"})
        far = 10**12
        balances.insert_one({"_id": "rich", "shard": SHARD, "seq": far, "available": str(far)})
        try:
            found = store.verify()
        finally:
            balances.replace_one({"_id": balance["_id"]}, balance)
            balances.delete_one({"_id": "rich"})
    assert set(found.counts) == {"read_models_equal"}
    assert says(found, f"balances {balance['_id']}", "available is '1'")
    assert says(found, "balances rich: no event speaks of it")


# --- The auditor ------------------------------------------------------------------------------------------


def test_the_auditor_signs_what_is_new_and_never_what_contradicts_its_last_head(store: Store) -> None:
    files = HeadFiles(store.settings.heads)
    signer = Signer(store.settings.head_signing_key)
    auditor = Auditor(AuditorConfig(store.settings.postgres_dsn, 0, 1, 0), files, signer)
    before = list(files.lines(SHARD))
    auditor.look(store.connection, at_once=True)
    assert list(files.lines(SHARD)) == before, "nothing is new"

    (cut,) = store.one(f"SELECT {MIDDLE}")
    store.run("DELETE FROM commits WHERE last_seq > %s", cut)
    auditor.look(store.connection, at_once=True)
    assert list(files.lines(SHARD)) == before, "a history that lost its end gets no head"


def test_a_half_written_line_is_removed_before_the_next_head(store: Store) -> None:
    path = store.heads.path(SHARD)
    before = path.read_bytes()
    path.write_bytes(before + b'{"head":{"kind":"he')
    assert store.heads.last(SHARD) + b"\n" == before.splitlines(keepends=True)[-1]
    assert path.read_bytes() == before
