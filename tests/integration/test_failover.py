"""An owner that was paused and wakes up after it was replaced can write nothing: not even inside a COPY."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from api.auth import mint_token
from commands.ownership import take_over
from stack.audit.verifying import Asked, Verification
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.settings import CHECKOUT, Settings
from stack.waiting import wait_until
from tests.staff import STAFF

pytestmark = pytest.mark.timeout(240)

SERVICES = ("order-processor", "auditor", "command-api", "read-models")
TAKE_OVER_MS_MAX = 40_000
END_MS_MAX = 30_000
ANSWER_S_MAX = 30
OWNER = "oms-shard-0"
WOKEN_COMMANDS = 20


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path / "stack", head_interval_ms=500)
    with running_stack(settings, SERVICES) as running:
        yield running


@pytest.fixture
def desk(stack: Stack) -> Iterator[httpx.Client]:
    token = mint_token(stack.settings.token_secret, "tester", **STAFF)
    url = f"http://{HOST}:{stack.settings.command_api_port}/v1"
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=ANSWER_S_MAX
    ) as client:
        yield client


@pytest.fixture
def store(stack: Stack) -> Iterator[psycopg.Connection]:
    with psycopg.connect(stack.settings.postgres_dsn, autocommit=True) as connection:
        yield connection


@contextmanager
def second_processor(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another processor of the same group, as on another machine; it waits until the first one's shards are
    given to it."""
    command = [sys.executable, "-P", "-m", "stack.service", "order-processor"]
    environment = {
        **os.environ,
        "OMS_FOLDER": str(settings.folder),
        "PYTHONPATH": str(CHECKOUT),
        "OMS_PROCESSOR_INSTANCE": "order-processor-1",
    }
    with (
        log.open("wb") as file,
        subprocess.Popen(command, stdout=file, stderr=file, env=environment, cwd=CHECKOUT) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait(END_MS_MAX / 1000)


def epoch(store: psycopg.Connection) -> int:
    row = store.execute("SELECT epoch FROM shards WHERE shard = 0").fetchone()
    assert row is not None
    return int(row[0])


def open_account(desk: httpx.Client, name: str) -> int:
    return desk.post("/accounts", json={"account": name}).status_code


def until_opened(desk: httpx.Client, name: str) -> None:
    wait_until(lambda: open_account(desk, name) in {200, 201}, TAKE_OVER_MS_MAX, f"account {name} is opened")


def freeze(pid: int) -> Any:
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    return processes


def wake(processes: list[psutil.Process]) -> None:
    for process in processes:
        process.send_signal(signal.SIGCONT)


def epochs_of_commits(store: psycopg.Connection) -> list[int]:
    rows = store.execute("SELECT epoch FROM commits ORDER BY last_seq").fetchall()
    return [epoch for (epoch,) in rows]


def all_well(stack: Stack) -> list[str]:
    return Verification(stack.settings, Asked(catch_up_s_max=30), lambda *_: None).run().differences


def test_a_paused_and_woken_owner_finds_itself_replaced_and_writes_nothing(
    stack: Stack, desk: httpx.Client, store: psycopg.Connection, tmp_path: Path
) -> None:
    until_opened(desk, "before")
    first_epoch = epoch(store)
    paused = freeze(stack.pid("order-processor"))
    with second_processor(stack.settings, tmp_path / "second.log"):
        wait_until(lambda: epoch(store) > first_epoch, TAKE_OVER_MS_MAX, "the second takes over")
        until_opened(desk, "by-the-second")
        second_epoch = epoch(store)
        wake(paused)
        for number in range(WOKEN_COMMANDS):
            until_opened(desk, f"after-{number}")
    epochs = epochs_of_commits(store)
    assert epochs == sorted(epochs)
    assert epochs.count(first_epoch) == 1, "what it wrote before the pause"
    assert max(epochs) >= second_epoch
    assert all_well(stack) == []


def test_an_owner_paused_inside_its_copy_is_replaced_and_leaves_no_trace(
    stack: Stack, desk: httpx.Client, store: psycopg.Connection, tmp_path: Path
) -> None:
    until_opened(desk, "before")
    first_epoch, old = epoch(store), stack.pid("order-processor")
    with psycopg.connect(stack.settings.postgres_dsn) as holder:
        holder.execute("LOCK TABLE events_0 IN SHARE ROW EXCLUSIVE MODE")
        pending = desk.post("/accounts", json={"account": "stuck"}, timeout=ANSWER_S_MAX)
        assert pending.status_code == httpx.codes.ACCEPTED
        wait_until(lambda: inside_copy(store), END_MS_MAX, "the owner's COPY waits")
        paused = freeze(old)
        with second_processor(stack.settings, tmp_path / "second.log"):
            wait_until(lambda: epoch(store) > first_epoch, TAKE_OVER_MS_MAX, "the second takes over")
            holder.rollback()
            until_opened(desk, "stuck")
            second_epoch = epoch(store)
            wake(paused)
            wait_until(lambda: stack.pid("order-processor") != old, END_MS_MAX, "the woken one ends")
            until_opened(desk, "after")
    opened = store.execute(
        "SELECT count(*) FROM events WHERE topic = 'AccountOpened.v1'"
        " AND convert_from(state, 'UTF8') LIKE '%\"stuck\"%'"
    ).fetchone()
    assert opened == (1,)
    assert first_epoch < second_epoch
    assert epochs_of_commits(store).count(first_epoch) == 1, "what the old one had begun is gone"
    assert all_well(stack) == []


def inside_copy(store: psycopg.Connection) -> bool:
    found = store.execute(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND query LIKE '%%COPY %%'"
        " AND wait_event_type = 'Lock'",
        (OWNER,),
    ).fetchone()
    return found is not None


def test_a_successor_does_not_wait_for_a_copy_whose_rest_never_comes(stack: Stack) -> None:
    """The client stands still half way through its data: the server would wait for it for ever."""
    stack.stop("order-processor")
    owner = take_over(stack.settings.postgres_dsn, 0)
    with pytest.raises(psycopg.OperationalError):
        replaced_inside_copy(stack.settings.postgres_dsn, owner.connection)
    last = take_over(stack.settings.postgres_dsn, 0)
    assert last.epoch == owner.epoch + 2
    last.connection.close()


def replaced_inside_copy(dsn: str, connection: psycopg.Connection) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY events_0 FROM STDIN (FORMAT BINARY)") as copy:
        copy.write(b"PGCOPY\n\xff\r\n\x00" + bytes(8))
        take_over(dsn, 0).connection.close()
        copy.write(b"\xff\xff")
