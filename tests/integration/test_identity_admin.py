"""Users, their keys, lock-out, and the record of what was done."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.auth import mint_token
from api.identity import journal, sign_in, users
from api.identity.models import SCHEMA, SignInAttempts, Table
from api.identity.schema import migrate
from api.identity.sign_in import SignInError
from api.identity.store import now
from api.problems import Problem
from stack.running import Stack, running_stack
from stack.settings import Settings
from stack.waiting import wait_until
from tests.integration.identity_service import (
    NOTICED_MS_MAX,
    PASSWORD,
    SECRET,
    Browser,
    Service,
    identity_service,
)

USERS = "/v1/identity/users"
KEYS = "/v1/identity/keys"
EVENTS = "/v1/identity/events"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("stores"))
    with running_stack(settings, servers=("postgres", "redis")) as stack:
        yield stack


@pytest.fixture(scope="module")
def service(stores: Stack) -> Iterator[Service]:
    with identity_service(stores) as running:
        yield running


def as_user(name: str, *roles: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {mint_token(SECRET, name, list(roles) or ['trader'])}"}


def test_the_tables_are_made_once_however_often_one_tries(service: Service) -> None:
    name = service.user()
    migrate(service.config.postgres_dsn)
    assert users.get(service.store, name).name == name


def test_the_migrations_make_the_tables_that_the_models_say(service: Service) -> None:
    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "schema" or name == SCHEMA

    with service.store.engine.connect() as connection:
        options: dict[str, Any] = {
            "include_schemas": True,
            "include_name": is_ours,
            "version_table_schema": SCHEMA,
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Table.metadata) == []


def test_the_event_store_is_left_alone(service: Service) -> None:
    with service.store.work() as session:
        found = session.scalars(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        assert "alembic_version" not in set(found)


def test_an_administrator_makes_a_user_who_signs_in(service: Service) -> None:
    made = service.http.post(
        service.address + USERS,
        headers=service.admin(),
        json={"name": "carla", "password": PASSWORD, "roles": ["trader"], "accounts": ["carla"]},
    )
    assert (made.status_code, made.json()["accounts"]) == (201, ["carla"])
    assert PASSWORD not in made.text
    assert service.session("carla")["access_token"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"name": "A"}, 400),
        ({"name": "x@example"}, 400),
        ({"name": "client:reports"}, 400),
        ({"password": "short"}, 400),
        ({"password": "dora-dora-dora"}, 400),
        ({"roles": ["king"]}, 400),
        ({"more": 1}, 400),
    ],
)
def test_a_user_that_makes_no_sense_is_not_made(
    service: Service, changed: dict[str, Any], status: int
) -> None:
    wish = {"name": "dora", "password": PASSWORD, "roles": [], "accounts": []} | changed
    answer = service.http.post(service.address + USERS, headers=service.admin(), json=wish)
    assert answer.status_code == status


def test_a_name_is_given_once(service: Service) -> None:
    with pytest.raises(Problem, match="already"):
        users.create(service.store, "test", service.user(), PASSWORD, [], [])


@pytest.mark.parametrize("role", ["trader", "analyst", "auditor", "operator", "risk"])
def test_only_administrators_see_to_users(service: Service, role: str) -> None:
    answer = service.http.get(service.address + USERS, headers=as_user("eve", role))
    assert answer.status_code == 403


def test_a_locked_user_is_out_at_once(service: Service) -> None:
    name = service.user()
    tokens = service.session(name)
    users.lock(service.store, "test", name, "left the firm")
    assert service.refresh(tokens["refresh_token"]).status_code == 400
    assert Browser(service).sign_in(name).status_code == 401
    wait_until(lambda: service.me(tokens["access_token"]) == 401, NOTICED_MS_MAX, "the token is over")
    users.unlock(service.store, "test", name)
    assert Browser(service).sign_in(name).status_code == 302


def test_new_roles_count_from_the_next_signing_in_and_the_old_ones_no_more(service: Service) -> None:
    name = service.user(roles=("admin",))
    token = service.session(name)["access_token"]
    users.set_roles(service.store, "test", name, ["analyst"], [])
    wait_until(lambda: service.me(token) == 401, NOTICED_MS_MAX, "the old token is over")
    fresh = service.session(name)["access_token"]
    assert service.get("/v1/identity/me", fresh).json()["roles"] == ["analyst"]


def test_everybody_changes_their_own_password_by_the_old_one(service: Service) -> None:
    name, new = service.user(), "another good password"
    path = f"{service.address}{USERS}/{name}/password"
    wrong = service.http.put(path, headers=as_user(name), json={"password": new, "current": "guess"})
    other = service.http.put(path, headers=as_user("eve"), json={"password": new, "current": PASSWORD})
    right = service.http.put(path, headers=as_user(name), json={"password": new, "current": PASSWORD})
    assert [answer.status_code for answer in (wrong, other, right)] == [403, 403, 200]
    assert Browser(service).sign_in(name, new).status_code == 302


def test_everybody_sees_and_revokes_their_own_keys_alone(service: Service) -> None:
    ann, bob = service.user(), service.user()
    made = service.http.post(service.address + KEYS, headers=as_user(ann), json={"label": "bot"}).json()
    key_id = made["key"]["id"]

    def listed(name: str) -> list[str]:
        answer = service.http.get(service.address + KEYS, headers=as_user(name))
        assert made["secret"] not in answer.text
        return [key["id"] for key in answer.json()]

    assert (listed(ann), listed(bob)) == ([key_id], [])
    assert service.http.delete(f"{service.address}{KEYS}/{key_id}", headers=as_user(bob)).status_code == 404
    assert service.http.delete(f"{service.address}{KEYS}/{key_id}", headers=as_user(ann)).status_code == 200
    assert service.http.get(service.address + KEYS, headers=as_user(ann)).json()[0]["revoked_at"]


def test_nobody_makes_keys_for_another(service: Service) -> None:
    answer = service.http.post(
        service.address + KEYS, headers=as_user(service.user()), json={"owner": service.user()}
    )
    assert answer.status_code == 403


# --- Lock-out -------------------------------------------------------------------------------------------


def has_failed(service: Service, subject: str, failures: int) -> None:
    """Write down failures as if they had just happened; the next one has to wait for a minute and more."""
    with service.store.work() as session:
        session.add(SignInAttempts(subject=subject, failures=failures, last_at=now(), blocked_until=now()))


def test_who_guesses_a_password_has_to_wait(stores: Stack) -> None:
    with identity_service(stores) as service:
        name = service.user()
        has_failed(service, f"name:{name}", sign_in.FREE_BY_NAME + 5)
        assert Browser(service).sign_in(name, "wrong").status_code == 401
        held_up = Browser(service).sign_in(name)
        assert held_up.status_code == 429, "the right password waits as well"
        assert int(held_up.headers["retry-after"]) >= 1
        users.unlock(service.store, "test", name)
        assert Browser(service).sign_in(name).status_code == 302
        with service.store.work() as session:
            told = {event.what for event in journal.read(session, 0, 1_000)}
        assert "sign_in_blocked" in told


def test_a_name_that_nobody_has_is_held_up_the_same(stores: Stack) -> None:
    with identity_service(stores) as service:
        has_failed(service, "name:nobody-known", sign_in.FREE_BY_NAME + 5)
        answers = [Browser(service).sign_in("nobody-known", "wrong").status_code for _ in range(2)]
        assert answers == [401, 429]
        with service.store.work() as session:
            assert "sign_in_blocked" not in {event.what for event in journal.read(session, 0, 1_000)}


def test_mistakes_are_forgotten_with_the_right_password(stores: Stack) -> None:
    with identity_service(stores) as service:
        name = service.user()
        for _ in range(3):
            for _ in range(sign_in.FREE_BY_NAME - 1):
                assert Browser(service).sign_in(name, "wrong").status_code == 401
            assert Browser(service).sign_in(name).status_code == 302


def test_the_wait_doubles_up_to_its_bound() -> None:
    waits = [sign_in._delay_s("name:ann", failures) for failures in range(1, 40)]
    assert waits[:8] == [0, 0, 0, 0, 1, 2, 4, 8]
    assert waits == sorted(waits)
    assert waits[-1] == sign_in.DELAY_S_MAX


def test_guesses_that_come_all_at_once_count_each(stores: Stack) -> None:
    with identity_service(stores) as service:
        name = service.user()
        has_failed(service, f"name:{name}", sign_in.FREE_BY_NAME + 5)

        def guess(_: int) -> int:
            try:
                sign_in.sign_in(service.store, name, "wrong", "203.0.113.9")
            except SignInError as error:
                return error.retry_after_s
            return -1

        with ThreadPoolExecutor(4) as pool:
            waits = list(pool.map(guess, range(12)))
        first, *others = sorted(waits)
        assert first == 0
        assert all(wait > 0 for wait in others), "one was looked at, all others have to wait"


def test_an_address_that_tries_many_names_is_held_up(stores: Stack) -> None:
    with identity_service(stores) as service:
        name, address = service.user(), "203.0.113.77"
        has_failed(service, f"address:{address}", sign_in.FREE_BY_ADDRESS + 5)
        with pytest.raises(SignInError):
            sign_in.sign_in(service.store, "nobody-known", "wrong", address)
        with pytest.raises(SignInError, match="too many"):
            sign_in.sign_in(service.store, name, PASSWORD, address)
        assert sign_in.sign_in(service.store, name, PASSWORD, "203.0.113.78").name == name


# --- The record -----------------------------------------------------------------------------------------


def test_what_is_done_stays_on_record(service: Service) -> None:
    name = service.user()
    users.set_roles(service.store, "boss", name, ["risk"], [])
    users.lock(service.store, "boss", name, "test")
    answer = service.http.get(
        service.address + EVENTS, headers=as_user("audrey", "auditor"), params={"limit": 1_000}
    )
    told = [event for event in answer.json() if event["which"] == name]
    assert [event["what"] for event in told] == ["user_created", "user_roles_changed", "user_locked"]
    assert (told[1]["before"]["roles"], told[1]["after"]["roles"]) == (["trader"], ["risk"])
    assert told[2]["actor"] == "boss"


def test_only_auditors_and_administrators_read_the_record(service: Service) -> None:
    answer = service.http.get(service.address + EVENTS, headers=as_user("eve", "trader"))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "change", ["UPDATE identity.events SET actor = 'eve'", "DELETE FROM identity.events"]
)
def test_the_record_takes_new_rows_only(service: Service, change: str) -> None:
    service.user()
    with pytest.raises(DBAPIError, match="new rows only"), service.store.work() as session:
        session.execute(text(change))


@pytest.mark.parametrize(
    "change",
    ["UPDATE identity.events SET actor = 'eve' WHERE id = 2", "DELETE FROM identity.events WHERE id = 2"],
)
def test_what_was_changed_behind_our_back_shows(stores: Stack, change: str) -> None:
    with identity_service(stores) as service:
        service.user()
        with service.store.work() as session:
            assert journal.verify(session)[1] is None
        with service.store.work() as session:
            session.execute(text("ALTER TABLE identity.events DISABLE TRIGGER events_append_only"))
            session.execute(text(change))
        with service.store.work() as session:
            assert "event 2" in (journal.verify(session)[1] or "")


def test_no_secret_is_in_the_record_the_log_or_the_database_in_the_clear(
    stores: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # the test's own client
    with identity_service(stores) as service:
        name = service.user()
        tokens = service.session(name)
        service.refresh(tokens["refresh_token"])
        made = service.http.post(service.address + KEYS, headers=as_user(name), json={}).json()
        Browser(service).sign_in(name, "a wrong password here")
        secrets = [
            PASSWORD,
            "a wrong password here",
            tokens["access_token"],
            tokens["refresh_token"],
            made["secret"],
        ]
        with service.store.work() as session:
            tables = session.scalars(
                text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'identity'")
            ).all()
            named = [text(f"SELECT t::text FROM identity.{table} t") for table in tables]  # noqa: S608 - its own names
            rows = [str(row) for query in named for row in session.execute(query)]
    told = caplog.text + "\n".join(rows)
    assert name in told
    for secret in secrets:
        assert secret not in told
        assert secret.encode().hex() not in told
