"""An account's bundle, as a third party gets it: it verifies with nothing but Python, and no change passes.

Two kinds of forger: one who only has the bundle, and one who has the key that signs manifests as well (the
exchange itself); against the second stand the chain and its heads.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import msgspec
import psycopg
import pyarrow.parquet as pq
import pytest

from commands.heads import SignedHead, Signer, pem
from docs import verify_bundle
from stack.audit.export import DOMAIN, Export, Wanted
from stack.audit.export_files import described
from stack.audit.part import AuditError
from stack.running import running_stack
from stack.settings import Settings
from tests.integration.histories import SHARD, copy_of, write_history

pytestmark = pytest.mark.timeout(300)

ACCOUNT = "account-17"  # one that fills and cancels; account-170 and others begin the same

Line = dict[str, Any]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("bundle"))
    with running_stack(settings, servers=["postgres"]) as stack:
        write_history(stack.settings)
        yield stack.settings


def export(settings: Settings, output: Path, **more: Any) -> dict[str, Any]:
    wanted = Wanted(account=more.pop("account", ACCOUNT), output=output, exported_by="a test", **more)
    return Export(settings, wanted, lambda *_: None).run()


@pytest.fixture(scope="module")
def exported(history: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("exported") / "bundle"
    export(history, output)
    return output


class Given:
    """A bundle as somebody passes it on."""

    def __init__(self, folder: Path, settings: Settings, key: Path) -> None:
        self.folder = folder
        self.signer = Signer(settings.head_signing_key)
        self.key = key

    def lines(self, name: str) -> list[Line]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def raw(self, name: str) -> list[bytes]:
        return (self.folder / name).read_bytes().splitlines()

    def put(self, name: str, lines: list[bytes] | list[Line]) -> None:
        raw = [line if isinstance(line, bytes) else msgspec.json.encode(line) for line in lines]
        (self.folder / name).write_bytes(b"".join(line + b"\n" for line in raw))

    def sign_again(self, **changed: Any) -> None:
        """As only the exchange can: with its key, hashes and signature of the manifest made right."""
        path = self.folder / "manifest.json"
        manifest = {**json.loads(path.read_text()), **changed}
        manifest["files"] = {name: described(self.folder / name) for name in manifest["files"]}
        path.write_text(json.dumps(manifest))
        signature = self.signer.sign(DOMAIN + path.read_bytes()).hex()
        signed = json.dumps({"key_id": self.signer.key_id, "signature": signature})
        (self.folder / "manifest.sig").write_text(signed)

    def problems(self) -> list[str]:
        return verify_bundle.verify(self.folder, [self.key]).problems

    def says(self, *words: str) -> bool:
        return any(all(word in problem for word in words) for problem in self.problems())


@pytest.fixture
def given(exported: Path, history: Settings, tmp_path: Path) -> Given:
    shutil.copytree(exported, tmp_path / "given")
    key = tmp_path / "exchange.pub"
    key.write_text(pem(Signer(history.head_signing_key).public_key))
    return Given(tmp_path / "given", history, key)


# --- As it is ---------------------------------------------------------------------------------------------


def test_it_verifies_with_nothing_but_python(given: Given) -> None:
    """Without any package, and from a folder that knows nothing of us."""
    command = [sys.executable, "-I", "-S", "verify.py", ".", "--key", str(given.key), "--json"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=given.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert (told["holds"], told["problems"], told["notes"]) == (True, [], [])
    assert told["account"] == ACCOUNT
    assert told["events"] == len(given.raw("events.jsonl"))


def test_its_events_are_the_stored_bytes_of_all_streams_of_the_account(
    given: Given, history: Settings
) -> None:
    with psycopg.connect(history.postgres_dsn) as store:
        rows = store.execute(
            "SELECT state FROM events WHERE convert_from(state, 'UTF8') LIKE %s ORDER BY notification_id",
            (f'%"account":"{ACCOUNT}"%',),
        ).fetchall()
    assert given.raw("events.jsonl") == [state for (state,) in rows]
    kinds = {line["event"]["type"] for line in given.lines("events.jsonl")}
    assert {"AccountOpened.v1", "AccountPosted.v1", "OrderPlaced.v1", "OrderFilled.v1"} <= kinds


def test_of_other_accounts_nothing_can_be_read(given: Given) -> None:
    named = {
        name for path in given.folder.iterdir() for name in re.findall(rb"account-\d+", path.read_bytes())
    }
    assert named == {ACCOUNT.encode()}


def test_the_parquet_file_has_the_same_events_in_columns_with_types(given: Given) -> None:
    table = pq.read_table(given.folder / "events.parquet")
    assert [text.encode() for text in table["stored"].to_pylist()] == given.raw("events.jsonl")
    placed = [row for row in table.to_pylist() if row["type"] == "OrderPlaced.v1"]
    first = next(line for line in given.lines("events.jsonl") if line["event"]["type"] == "OrderPlaced.v1")
    assert int(placed[0]["price"]) == first["event"]["price"]
    assert placed[0]["occurred_at"].timestamp() == pytest.approx(first["occurred_at_us"] / 1e6)


def test_a_zip_file_verifies_as_well(history: Settings, given: Given, tmp_path: Path) -> None:
    export(history, tmp_path / "bundle.zip")
    assert "verify.py" in ZipFile(tmp_path / "bundle.zip").namelist()
    assert verify_bundle.verify(tmp_path / "bundle.zip", [given.key]).problems == []


def test_a_part_of_the_history_verifies_by_itself(history: Settings, given: Given, tmp_path: Path) -> None:
    (_, *middle, _) = given.lines("events.jsonl")
    first, last = middle[len(middle) // 3]["seq"], middle[2 * len(middle) // 3]["seq"]
    manifest = export(history, tmp_path / "part", begin=str(first), end=str(last))
    part = Given(tmp_path / "part", history, given.key)
    assert part.problems() == []
    seqs = [line["seq"] for line in part.lines("events.jsonl")]
    assert seqs[0] <= first < last <= seqs[-1]
    assert len(seqs) < len(given.raw("events.jsonl"))
    assert manifest["shards"][0]["signed_up_to_seq"] >= seqs[-1], "the chain goes on to a signed head"


def test_a_time_is_as_good_as_a_seq(history: Settings, given: Given, tmp_path: Path) -> None:
    export(history, tmp_path / "all", begin="2020-01-01T00:00:00Z", end="2999-01-01T00:00:00+01:00")
    assert (tmp_path / "all" / "events.jsonl").read_bytes() == (given.folder / "events.jsonl").read_bytes()
    with pytest.raises(AuditError, match="no events in this range"):
        export(history, tmp_path / "none", end="2020-01-01T00:00:00Z")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"account": "nobody"}, "'nobody' has no events"),
        ({"begin": "yesterday"}, "--from is 'yesterday'"),
        ({"end": "2026-01-01T00:00:00"}, "with its zone"),
    ],
)
def test_what_cannot_be_exported_is_told_in_words(
    history: Settings, tmp_path: Path, asked: dict[str, str], says: str
) -> None:
    with pytest.raises(AuditError, match=says):
        export(history, tmp_path / "out", **asked)
    assert list(tmp_path.iterdir()) == []


def test_a_history_that_was_tampered_with_is_not_exported(history: Settings, tmp_path: Path) -> None:
    with copy_of(history, tmp_path) as store:
        store.run("UPDATE commits SET epoch = epoch + 1 WHERE first_seq = 1")
        with pytest.raises(AuditError, match="does not verify"):
            export(store.settings, tmp_path / "out")


# --- Changed by one who only has the bundle ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["events.jsonl", "events.parquet", "chain.jsonl", "heads.jsonl"])
def test_no_file_can_be_changed_without_the_key(given: Given, name: str) -> None:
    path = given.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert given.says(f"{name} was changed")


def test_the_manifest_cannot_be_changed_without_the_key(given: Given) -> None:
    path = given.folder / "manifest.json"
    path.write_text(path.read_text().replace("a test", "nobody"))
    assert given.says("manifest.json", "its signature does not hold")


def test_another_key_is_not_taken(given: Given, tmp_path: Path) -> None:
    key = tmp_path / "stranger.pub"
    key.write_text(pem(Signer("17" * 32).public_key))
    found = verify_bundle.verify(given.folder, [key])
    assert any("none of the trusted ones" in problem for problem in found.problems)


def test_without_a_key_it_says_what_is_left_to_find_out(given: Given) -> None:
    found = verify_bundle.verify(given.folder, [])
    assert found.problems == []
    assert any("is for you to find out" in note for note in found.notes)


# --- Changed by one who has the key -----------------------------------------------------------------------

Tampering = Callable[[Given], tuple[str, ...]]


def middle(given: Given, kind: str) -> int:
    """Return the index of a line in the middle of events.jsonl."""
    lines = given.lines("events.jsonl")
    places = [number for number, line in enumerate(lines) if line["event"]["type"] == kind]
    return places[len(places) // 2]


def commit_of(given: Given, seq: int) -> int:
    lines = given.lines("chain.jsonl")
    return next(number for number, line in enumerate(lines) if seq in line["own"])


def one_byte(given: Given) -> tuple[str, ...]:
    lines, at = given.raw("events.jsonl"), middle(given, "OrderPlaced.v1")
    seq = json.loads(lines[at])["seq"]
    place = lines[at].index(b'"quantity":') + len(b'"quantity":')
    lines[at] = lines[at][:place] + b"7" + lines[at][place:]
    given.put("events.jsonl", lines)
    return (f"shard {SHARD}", f"chain.jsonl, line {commit_of(given, seq) + 1}", str(seq), "does not follow")


def one_space(given: Given) -> tuple[str, ...]:
    lines, at = given.raw("events.jsonl"), middle(given, "AccountPosted.v1")
    seq = json.loads(lines[at])["seq"]
    lines[at] = lines[at].replace(b",", b", ", 1)
    given.put("events.jsonl", lines)
    return (f"chain.jsonl, line {commit_of(given, seq) + 1}", str(seq), "does not follow")


def deleted(given: Given) -> tuple[str, ...]:
    lines, at = given.raw("events.jsonl"), middle(given, "OrderCancelled.v1")
    seq = json.loads(lines.pop(at))["seq"]
    given.put("events.jsonl", lines)
    return (f"chain.jsonl, line {commit_of(given, seq) + 1}", f"lacks the account's seq {seq}")


def hidden(given: Given) -> tuple[str, ...]:
    """The account's event becomes a hash among the others: the chain holds, its stream has a gap."""
    lines, at = given.raw("events.jsonl"), middle(given, "AccountPosted.v1")
    line = lines.pop(at)
    told = json.loads(line)
    given.put("events.jsonl", lines)
    hide(given, told["seq"], line)
    return (f"stream {told['stream']} goes from version {told['version'] - 1} to {told['version'] + 1}",)


def a_hidden_order(given: Given) -> tuple[str, ...]:
    """All events of an order become hashes: the account's postings still name it."""
    order = given.lines("events.jsonl")[middle(given, "OrderPlaced.v1")]["stream"]
    kept = []
    for line in given.raw("events.jsonl"):
        if json.loads(line)["stream"] == order:
            hide(given, json.loads(line)["seq"], line)
        else:
            kept.append(line)
    given.put("events.jsonl", kept)
    return (f"the order {order}", "left out")


def hide(given: Given, seq: int, line: bytes) -> None:
    commits = given.lines("chain.jsonl")
    commit = commits[commit_of(given, seq)]
    before = sum(each not in commit["own"] for each in range(commit["first_seq"], seq))
    siblings = bytes.fromhex(commit["siblings"])
    at = 32 * before
    commit["siblings"] = (siblings[:at] + sha256(line).digest() + siblings[at:]).hex()
    commit["own"].remove(seq)
    given.put("chain.jsonl", commits)


def swapped(given: Given) -> tuple[str, ...]:
    lines, at = given.raw("events.jsonl"), middle(given, "OrderPlaced.v1")
    seq = json.loads(lines[at])["seq"]
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    given.put("events.jsonl", lines)
    return (f"line {at + 2}", f"seq {seq}", "has no place")


def a_cut_end(given: Given) -> tuple[str, ...]:
    given.put("chain.jsonl", given.raw("chain.jsonl")[:-1])
    last = given.lines("chain.jsonl")[-1]["last_seq"]
    return (f"shard {SHARD}", f"ends at seq {last}", "its end was cut")


def a_removed_commit(given: Given) -> tuple[str, ...]:
    lines = given.raw("chain.jsonl")
    expected = json.loads(lines.pop(20))["first_seq"]
    given.put("chain.jsonl", lines)
    return ("chain.jsonl, line 21", f"should begin at seq {expected}", "removed")


def a_changed_header(given: Given) -> tuple[str, ...]:
    lines = given.lines("chain.jsonl")
    lines[20]["occurred_at_us"] += 1
    given.put("chain.jsonl", lines)
    return (
        f"seq {lines[20]['first_seq']} to {lines[20]['last_seq']}",
        "chain.jsonl, line 21",
        "does not follow",
    )


def a_forged_head(given: Given) -> tuple[str, ...]:
    stranger, lines = Signer("17" * 32), given.raw("heads.jsonl")
    head = msgspec.json.decode(lines[0], type=SignedHead).head
    forged = stranger.line(head)  # it names the right key, which has not signed it
    given.put("heads.jsonl", [forged, *lines[1:]])
    return ("heads.jsonl, line 1", "its signature does not hold")


@pytest.mark.parametrize(
    "tampering",
    [
        one_byte,
        one_space,
        deleted,
        hidden,
        a_hidden_order,
        swapped,
        a_cut_end,
        a_removed_commit,
        a_changed_header,
        a_forged_head,
    ],
)
def test_even_with_the_key_the_chain_names_the_place(given: Given, tampering: Tampering) -> None:
    words = tampering(given)
    given.sign_again()
    assert given.says(*words), given.problems()


def test_a_chain_written_anew_contradicts_the_signed_heads(given: Given) -> None:
    """One changed event, and every hash after it made right: the heads signed something else."""
    one_byte(given)
    commits = given.lines("chain.jsonl")
    events = {json.loads(line)["seq"]: line for line in given.raw("events.jsonl")}
    previous = b""
    for commit in commits:
        previous = rehash(commit, events, previous)
    given.put("chain.jsonl", commits)
    shards = json.loads((given.folder / "manifest.json").read_text())["shards"]
    given.sign_again(shards=[{**shards[0], "chain_hash": previous.hex()}])
    problems = given.problems()
    assert problems
    assert all("history was written anew" in problem for problem in problems), problems


def rehash(commit: Line, events: dict[int, bytes], previous: bytes) -> bytes:
    """Give the commit the hash that its events have now."""
    order = ("shard", "epoch", "first_seq", "last_seq", "next_offset", "occurred_at_us")
    numbers = [*(commit[name] for name in order), int(commit["state_hash"], 16)]
    digest = sha256(previous + verify_bundle.HEADER.pack(*numbers))
    siblings = iter(range(0, len(commit["siblings"]), 64))
    for seq in range(commit["first_seq"], commit["last_seq"] + 1):
        if seq in commit["own"]:
            digest.update(sha256(events[seq]).digest())
        else:
            at = next(siblings)
            digest.update(bytes.fromhex(commit["siblings"][at : at + 64]))
    commit["hash"] = digest.hexdigest()
    return digest.digest()
