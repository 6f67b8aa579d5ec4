"""The servers, brought up for real."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
import pymongo
import pytest
import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from stack.ports import is_free
from stack.running import Stack, StackError, running_stack
from stack.servers.local import SERVERS
from stack.settings import CHECKOUT, PASSWORD_FILE, SETTINGS_FILE, Settings
from stack.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

LIGHT = ("postgres", "redis")


def keep_in_postgres(settings: Settings, word: str) -> None:
    with psycopg.connect(settings.postgres_dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
        connection.execute("INSERT INTO kept VALUES (%s)", [word])


def kept_in_postgres(settings: Settings, word: str) -> bool:
    with psycopg.connect(settings.postgres_dsn) as connection:
        return connection.execute("SELECT 1 FROM kept WHERE word = %s", [word]).fetchone() is not None


def keep_in_kafka(settings: Settings, word: str) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap})
    admin.create_topics([NewTopic(word, 1)])[word].result(timeout=20)
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap, "acks": "all"})
    producer.produce(word, word.encode())
    assert producer.flush(20) == 0


def kept_in_kafka(settings: Settings, word: str) -> bool:
    options = {
        "bootstrap.servers": settings.kafka_bootstrap,
        "group.id": word,
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(options)
    try:
        consumer.subscribe([word])
        message = consumer.poll(20)
        return bool(message and message.value() == word.encode())
    finally:
        consumer.close()


def keep_in_redis(settings: Settings, word: str) -> None:
    with redis.Redis.from_url(settings.redis_url) as client:
        client.set(word, "1")


def kept_in_redis(settings: Settings, word: str) -> bool:
    with redis.Redis.from_url(settings.redis_url) as client:
        return bool(client.get(word) == b"1")


def keep_in_mongo(settings: Settings, word: str) -> None:
    with pymongo.MongoClient[dict[str, object]](settings.mongo_url) as client:
        client["oms"]["kept"].insert_one({"_id": word, "seq": 1})


def kept_in_mongo(settings: Settings, word: str) -> bool:
    with pymongo.MongoClient[dict[str, object]](settings.mongo_url) as client:
        return client["oms"]["kept"].find_one({"_id": word}) == {"_id": word, "seq": 1}


KEEP: dict[str, tuple[Callable[[Settings, str], None], Callable[[Settings, str], bool]]] = {
    "postgres": (keep_in_postgres, kept_in_postgres),
    "kafka": (keep_in_kafka, kept_in_kafka),
    "redis": (keep_in_redis, kept_in_redis),
    "mongo": (keep_in_mongo, kept_in_mongo),
}


@pytest.fixture
def word() -> str:
    return f"word-{uuid4().hex}"


def test_every_server_is_tried_below() -> None:
    assert set(KEEP) == set(SERVERS)


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_answers_in_its_protocol(servers: Stack, name: str, word: str) -> None:
    keep, kept = KEEP[name]
    keep(servers.settings, word)
    assert kept(servers.settings, word)


# Redis holds nothing that must survive a crash, and is not asked to.
@pytest.mark.parametrize("name", ["postgres", "kafka", "mongo"])
def test_a_killed_server_comes_back_with_its_data(servers: Stack, name: str, word: str) -> None:
    keep, kept = KEEP[name]
    keep(servers.settings, word)
    killed = servers.pid(name)

    servers.kill(name)
    servers.wait_until_ready(name)

    assert servers.pid(name) not in {0, killed}
    assert kept(servers.settings, word)


def test_a_killed_cache_comes_back_empty_handed_but_answering(servers: Stack, word: str) -> None:
    killed = servers.pid("redis")
    servers.kill("redis")
    servers.wait_until_ready("redis")
    assert servers.pid("redis") not in {0, killed}
    keep_in_redis(servers.settings, word)
    assert kept_in_redis(servers.settings, word)


def test_a_commit_is_on_the_disk_before_it_is_acknowledged(servers: Stack) -> None:
    with psycopg.connect(servers.settings.postgres_dsn) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
        version = connection.execute("SHOW server_version_num").fetchone()
    assert version is not None
    assert int(version[0]) // 10_000 >= 18


def test_the_database_asks_for_its_password(servers: Stack) -> None:
    wrong = servers.settings.postgres_dsn.replace(servers.settings.postgres_password, "guess")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


@pytest.mark.parametrize("name", [PASSWORD_FILE, SETTINGS_FILE])
def test_only_the_owner_can_read_the_password(servers: Stack, name: str) -> None:
    assert stat.S_IMODE((servers.settings.folder / name).stat().st_mode) == 0o600


def test_the_servers_listen_on_this_machine_alone(servers: Stack) -> None:
    ports = {server.port(servers.settings) for server in SERVERS.values()}
    ports.add(servers.settings.kafka_controller_port)
    listening = [c.laddr for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr]
    ours = [address for address in listening if address.port in ports]
    assert {address.port for address in ours} == ports
    assert {address.ip.removeprefix("::ffff:") for address in ours} == {"127.0.0.1"}


def test_a_mistyped_topic_is_not_created(servers: Stack, word: str) -> None:
    client = AdminClient({"bootstrap.servers": servers.settings.kafka_bootstrap})
    client.list_topics(word, timeout=10)
    assert word not in client.list_topics(timeout=10).topics


def test_a_stopped_stack_finds_its_data_again(free_settings: Settings, word: str) -> None:
    with running_stack(free_settings) as stack:
        for keep, _ in KEEP.values():
            keep(free_settings, word)
        pids = [stack.pid(name) for name in SERVERS]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not stack.status()

    with running_stack(free_settings):
        for name, (_, kept) in KEEP.items():
            assert kept(free_settings, word), name


def test_two_stacks_side_by_side_share_nothing(servers: Stack, free_settings: Settings, word: str) -> None:
    keep_in_postgres(servers.settings, "theirs")
    keep_in_redis(servers.settings, word)
    with running_stack(free_settings, servers=LIGHT):
        keep_in_postgres(free_settings, word)
        assert not kept_in_postgres(servers.settings, word)
        assert not kept_in_redis(free_settings, word)
    assert kept_in_redis(servers.settings, word)


def test_one_server_stops_and_starts_alone(free_settings: Settings) -> None:
    with running_stack(free_settings, servers=LIGHT) as stack:
        postgres = stack.pid("postgres")
        stack.stop("redis")
        assert stack.pid("redis") == 0
        assert [program.name for program in stack.status() if not program.running] == ["redis"]
        stack.start("redis")
        assert stack.pid("redis") != 0
        assert stack.pid("postgres") == postgres


def test_up_twice_is_up_once(free_settings: Settings) -> None:
    with running_stack(free_settings, servers=LIGHT) as stack:
        before = [(program.name, program.pid) for program in stack.status()]
        Stack(Settings.load(free_settings.folder)).up(servers=LIGHT)
        assert [(program.name, program.pid) for program in stack.status()] == before


def test_any_folder_name_will_do(tmp_path: Path) -> None:
    settings = Settings.with_free_ports(tmp_path / "100% 'my' \"stack\"" / ("long " * 20).strip())
    with running_stack(settings, servers=LIGHT):
        keep_in_postgres(settings, "here")
        assert kept_in_postgres(settings, "here")


def test_a_taken_port_is_named_with_its_holder(free_settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", free_settings.redis_port)):
        with pytest.raises(StackError) as refused, running_stack(free_settings, servers=LIGHT):
            pass
        assert f"Port {free_settings.redis_port} is taken by process {os.getpid()}" in str(refused.value)
        assert "OMS_REDIS_PORT=" in str(refused.value)


def test_a_server_that_cannot_start_is_reported_with_its_log(free_settings: Settings) -> None:
    with running_stack(free_settings, servers=LIGHT):
        pass
    (free_settings.folder / "data" / "postgres" / "PG_VERSION").write_text("9.6\n")
    impatient = free_settings.model_copy(update={"server_ready_ms_max": 4_000})
    with (
        pytest.raises(StackError, match=r"(?s)postgres.*incompatible"),
        running_stack(impatient, servers=LIGHT),
    ):
        pass


KILLED_RUN = """
import sys, time
from pathlib import Path
from stack.running import running_stack
from stack.settings import Settings
with running_stack(Settings.with_free_ports(Path(sys.argv[1])), servers=("postgres", "redis")) as stack:
    print(stack.supervisor.pid(), *(program.pid for program in stack.status()), flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's PR_SET_PDEATHSIG")
@pytest.mark.parametrize("victim", ["the test run", "its supervisord"])
def test_a_killed_run_leaves_nothing_running(tmp_path: Path, victim: str) -> None:
    command = [sys.executable, "-c", KILLED_RUN, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as run:
        assert run.stdout is not None
        pids = [int(word) for word in run.stdout.readline().split()]
        assert len(pids) == 1 + len(LIGHT)
        os.kill(run.pid if victim == "the test run" else pids[0], signal.SIGKILL)
        # A killed supervisord is its run's zombie until the run ends, too.
        wait_until(lambda: not any(lives(pid) for pid in pids), 30_000, "nothing is left")
        run.kill()


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_front_door_brings_up_and_down(free_settings: Settings, tmp_path: Path) -> None:
    ports = {f"OMS_{name.upper()}": str(value) for name, value in free_settings if name.endswith("_port")}
    environment = {**os.environ, "OMS_FOLDER": str(free_settings.folder), **ports}

    def oms(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(CHECKOUT / "oms"), *arguments]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment, cwd=tmp_path
        )

    try:
        up = oms("up", "--servers-only")
        assert up.returncode == 0, up.stderr
        told = json.loads(oms("status", "--json").stdout)
        assert told["running"] is True
        assert [program["name"] for program in told["programs"]] == list(SERVERS)
        assert oms("doctor").returncode == 0
    finally:
        down = oms("down", "--wipe")
    assert down.returncode == 0, down.stderr
    assert not free_settings.folder.exists()
    status = oms("status")
    assert (status.returncode, "./oms up" in status.stdout) == (1, True)
    assert is_free(free_settings.postgres_port)
