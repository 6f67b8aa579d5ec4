"""Alerts to the outside, to a real HTTP server: signed, tried again, given up."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from stack.ports import HOST
from stack.running import Stack
from stack.waiting import wait_until
from streams.risk.findings import Writer
from streams.risk.migrating import engine, migrate, version
from streams.risk.records import Decided, Records
from streams.risk.tables import Alert
from streams.risk.webhook import SIGNATURE, WebhookConfig, WebhookSender, verified
from tests.integration.databases import own_database

pytestmark = pytest.mark.timeout(240)

SECRET = "shared by both"
DONE_MS_MAX = 60_000


class Receiver:
    """Answers 500 so many times, then 204; keeps what it was sent."""

    def __init__(self, failing: int) -> None:
        self.failing = failing
        self.received: list[tuple[bytes, str]] = []
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                kept.received.append((body, self.headers[SIGNATURE]))
                self.send_response(500 if len(kept.received) <= kept.failing else 204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((HOST, 0), Handler)
        self.url = f"http://{HOST}:{self.server.server_port}/alerts"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def record(servers: Stack) -> Iterator[Engine]:
    with own_database(servers.settings.postgres_dsn) as dsn:
        migrate(dsn)
        made = engine(dsn)
        yield made
        made.dispose()


def alert(name: str) -> Alert:
    found = Writer(time.time_ns() // 1_000, webhook=True)._alert(
        "test", "warning", (name, None), name, "0-1", {}
    )
    assert found.next_try_us is not None
    return found


def alerts(record: Engine) -> list[Alert]:
    with Session(record, expire_on_commit=False) as session:
        return list(session.scalars(select(Alert).order_by(Alert.number)))


@contextmanager
def sending(record: Engine, failing: int, attempts_max: int) -> Iterator[Receiver]:
    receiver = Receiver(failing)
    config = WebhookConfig(receiver.url, SECRET, attempts_max=attempts_max, again_ms_min=50)
    sender = WebhookSender(config, record)
    sender.start()
    try:
        yield receiver
    finally:
        sender.stop()
        sender.join(30)
        receiver.close()


def becomes(what: str, is_so: Callable[[], bool]) -> None:
    wait_until(is_so, DONE_MS_MAX, what)


def test_a_receiver_that_fails_at_first_has_it_in_the_end_and_can_prove_whose_it_is(record: Engine) -> None:
    Records(record).write(Decided(alerts=[alert("ann")]), 1)
    with sending(record, failing=2, attempts_max=5) as receiver:
        becomes("delivered", lambda: alerts(record)[0].delivered_at_us is not None)
    (one,) = alerts(record)
    assert (one.attempts, one.next_try_us, len(receiver.received)) == (3, None, 3)
    now_s = int(time.time())
    for body, header in receiver.received:
        assert one.alert_id.encode() in body
        assert verified(SECRET, body, header, now_s)
        assert not verified("another secret", body, header, now_s)
        assert not verified(SECRET, body + b" ", header, now_s)
        assert not verified(SECRET, body, header, now_s + 10_000), "too old"


def test_a_receiver_that_never_answers_well_is_given_up_and_holds_nobody_up(record: Engine) -> None:
    Records(record).write(Decided(alerts=[alert("ann"), alert("bob")]), 1)
    with sending(record, failing=1_000, attempts_max=3) as receiver:
        becomes("given up", lambda: all(one.next_try_us is None for one in alerts(record)))
    assert [(one.attempts, one.delivered_at_us) for one in alerts(record)] == [(3, None), (3, None)]
    assert len(receiver.received) == 6


def test_an_alert_that_is_written_again_is_one_alert(record: Engine) -> None:
    for _ in range(2):
        Records(record).write(Decided(alerts=[alert("ann"), alert("bob")]), 1)
    assert [one.account for one in alerts(record)] == ["ann", "bob"]
    assert alerts(record)[0].number < alerts(record)[1].number


def test_the_tables_are_those_of_the_newest_migration_and_migrating_again_changes_nothing(
    servers: Stack,
) -> None:
    with own_database(servers.settings.postgres_dsn) as dsn:
        migrate(dsn)
        migrate(dsn)
        made = engine(dsn)
        with made.begin() as connection:
            has, newest = version(connection)
            assert has == newest == "0001"
            assert differences(connection) == []
        made.dispose()


def differences(connection: Any) -> list[Any]:
    """Return what Alembic would still change to have the tables as the code describes them."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from streams.risk.tables import SCHEMA, Base

    options = {
        "version_table_schema": SCHEMA,
        "include_schemas": True,
        "include_name": lambda name, kind, _: kind != "schema" or name == SCHEMA,
    }
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))
