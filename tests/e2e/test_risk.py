"""The risk engine closes the loop, on a whole stack: a breach is on record, the account is restricted and its
orders are gone, whatever dies in between; a risk officer takes it back."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from api.auth import mint_token
from domain.control import AccountStatusChanged
from domain.ids import account_stream
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from stack.waiting import wait_until
from streams.codec import decode_recorded
from streams.risk.migrating import engine
from streams.risk.tables import Action, Alert, Breach
from tests.e2e.test_an_order import RULES, Desk

pytestmark = pytest.mark.timeout(300)

DONE_MS_MAX = 60_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("risk"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


@pytest.fixture
def admin(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        desk.symbol = f"M{uuid4().hex[:8].upper()}-USD"
        market = {**RULES, "symbol": desk.symbol, "base_asset": desk.symbol.partition("-")[0]}
        assert desk.commands.post("/v1/markets", json=market).status_code == HTTPStatus.CREATED
        yield desk


@pytest.fixture
def record(stack: Stack) -> Iterator[Engine]:
    made = engine(stack.settings.postgres_dsn)
    yield made
    made.dispose()


class Officers:
    """Two of the risk desk: Omar asks, Olga approves."""

    def __init__(self, settings: Settings) -> None:
        self.first, self.second = (self._client(settings, name) for name in ("omar", "olga"))
        self.queries = self._client(settings, "omar", settings.query_api_port)

    def _client(self, settings: Settings, name: str, port: int = 0) -> httpx.Client:
        token = mint_token(settings.token_secret, name, roles=["risk"])
        address = f"http://{HOST}:{port or settings.command_api_port}"
        return httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60)

    def ask(self, name: str, **change: Any) -> httpx.Response:
        body = {"reason": "test", **change}
        return self.first.post(f"/v1/accounts/{name}/limit-requests", json=body)

    def read(self, path: str, **parameters: str) -> Any:
        answer = self.queries.get(path, params=parameters)
        assert answer.status_code == HTTPStatus.OK, answer.text
        return answer.json()

    @contextmanager
    def stream(self) -> Iterator[Iterator[str]]:
        """Yield the lines of the stream of alerts, from when it has begun on."""
        with self.queries.stream("GET", "/v1/risk/alerts/stream") as answer:
            assert answer.status_code == HTTPStatus.OK
            lines = answer.iter_lines()
            assert next(lines).startswith(":")
            yield lines

    def close(self) -> None:
        for client in (self.first, self.second, self.queries):
            client.close()


@pytest.fixture
def officers(stack: Stack) -> Iterator[Officers]:
    with closing(Officers(stack.settings)) as made:
        yield made


def risk_of(admin: Desk, name: str) -> Any:
    found = admin.queries.get(f"/v1/accounts/{name}/risk")
    return found.json() if found.is_success else {"limits": []}


def status_changes(settings: Settings, name: str) -> int:
    """Return how often the account's status changed, as the event store has it."""
    with psycopg.connect(settings.postgres_dsn) as store:
        found = store.execute(
            "SELECT state FROM events WHERE originator_id = %s", (account_stream(0, name),)
        ).fetchall()
    return sum(isinstance(decode_recorded(state).event, AccountStatusChanged) for (state,) in found)


def all_sent(record: Engine, name: str) -> bool:
    return all(row.sent_at_us for row in rows(record, Action, subject=name))


def never_sent(like: Action, action_id: str, subject: str) -> Action:
    """Return an action that was decided just before the process died."""
    columns = [column.name for column in Action.__table__.columns]
    values = {name: getattr(like, name) for name in columns}
    made = {"action_id": action_id, "subject": subject, "sent_at_us": None, "done_event_id": None}
    return Action(**{**values, **made})


def account(admin: Desk, name: str, **funds: str) -> str:
    made = f"{name}-{uuid4().hex[:8]}"
    assert admin.commands.post("/v1/accounts", json={"account": made}).status_code == HTTPStatus.CREATED
    for asset, amount in funds.items():
        deposit = {"client_transfer_id": asset, "asset": asset, "amount": amount}
        answer = admin.commands.post(f"/v1/accounts/{made}/deposits", json=deposit)
        assert answer.status_code == HTTPStatus.CREATED, answer.text
    return made


def bought(admin: Desk, quantity: str, price: str) -> str:
    """Return an account that has bought, and has bids and offers left in the book."""
    base = admin.symbol.partition("-")[0]
    buyer = account(admin, "buyer", USD="100000")
    seller = account(admin, "seller", **{base: "1000"})
    admin.place(seller, "offer", "sell", quantity, price)
    assert admin.place(buyer, "buy", "buy", quantity, price).json()["status"] == "filled"
    assert admin.place(buyer, "bid", "buy", "1", "50").json()["status"] == "open"
    assert admin.place(buyer, "ask", "sell", "1", "200").json()["status"] == "open"
    return buyer


def limit(admin: Desk, name: str, **limits: Any) -> None:
    answer = admin.commands.put(f"/v1/accounts/{name}/limits", json=limits)
    assert answer.status_code == HTTPStatus.OK, answer.text


def mark(admin: Desk, price: str) -> None:
    answer = admin.commands.put(f"/v1/markets/{admin.symbol}/mark-price", json={"price": price})
    assert answer.status_code == HTTPStatus.OK, answer.text


def status_of(admin: Desk, name: str) -> Any:
    return admin.read(f"/v1/accounts/{name}")


def becomes(what: str, is_so: Callable[[], bool]) -> None:
    wait_until(is_so, DONE_MS_MAX, what)


def open_orders(admin: Desk, name: str) -> set[str]:
    found = admin.queries.get(f"/v1/accounts/{name}/orders", params={"status": "open"})
    return {order["client_order_id"] for order in found.json()["orders"]}


def rows(record: Engine, table: Any, **wanted: Any) -> list[Any]:
    with Session(record, expire_on_commit=False) as session:
        return list(session.scalars(select(table).filter_by(**wanted)))


def test_a_loss_not_yet_realised_lets_the_account_only_sell(
    stack: Stack, admin: Desk, record: Engine
) -> None:
    buyer = bought(admin, "10", "100")
    limit(admin, buyer, daily_loss={"USD": "50"})
    mark(admin, "94")
    becomes("only sells", lambda: status_of(admin, buyer)["status"] == "reduce_only")
    assert status_of(admin, buyer)["actor"] == "risk-engine"
    assert "daily_loss" in status_of(admin, buyer)["reason"]
    becomes("bids are cancelled", lambda: open_orders(admin, buyer) == {"ask"})
    assert admin.place(buyer, "more", "buy", "1", "50").json()["code"] == "account_restricted"

    levels = {breach.level for breach in rows(record, Breach, subject=buyer)}
    assert levels == {"soft", "hard"}
    (action,) = rows(record, Action, subject=buyer)
    becomes("the action is done", lambda: rows(record, Action, subject=buyer)[0].done_event_id is not None)
    assert action.kind == "reduce_only"
    assert len(rows(record, Alert, account=buyer, kind="breach")) == 2

    with closing(Desk(stack.settings, roles=["risk"])) as officer:
        release = {"status": "active", "reason": "talked to"}
        done = officer.commands.put(f"/v1/accounts/{buyer}/status", json=release)
        assert done.status_code == HTTPStatus.OK
    assert admin.place(buyer, "again", "buy", "1", "50").json()["status"] == "open"


def test_a_larger_loss_suspends_and_all_orders_are_gone(
    admin: Desk, officers: Officers, record: Engine
) -> None:
    buyer = bought(admin, "10", "100")
    asked = officers.ask(
        buyer, thresholds={"intraday_loss": {"USD": {"soft": "10", "hard": "30", "suspend": "55"}}}
    )
    assert (asked.status_code, asked.json()["state"]) == (HTTPStatus.OK, "applied"), asked.text
    becomes("the thresholds are watched", lambda: bool(risk_of(admin, buyer)["limits"]))
    mark(admin, "94")
    becomes("suspended", lambda: status_of(admin, buyer)["status"] == "suspended")
    becomes("no order is open", lambda: open_orders(admin, buyer) == set())
    assert admin.place(buyer, "late", "sell", "1", "200").json()["code"] == "account_restricted"
    breaches = officers.read("/v1/risk/breaches", subject=buyer, open_only="true")["breaches"]
    assert {(breach["rule"], breach["level"]) for breach in breaches} == {
        ("intraday_loss", level) for level in ("soft", "hard", "suspend")
    }
    evidence = breaches[0]["evidence"]
    assert evidence["markets"][0]["price"] == "94"
    event_ids = {row.cause_event_id for row in rows(record, Action, subject=buyer)}
    assert event_ids == {breach["event_id"] for breach in breaches}


def test_limits_are_loosened_by_two_and_tightened_by_one(admin: Desk, officers: Officers) -> None:
    buyer = account(admin, "buyer", USD="100000")
    first = officers.ask(buyer, pre_trade={"max_open_notional": {"USD": "100"}})
    assert first.json()["state"] == "applied", first.text
    assert admin.place(buyer, "more", "buy", "2", "100").json()["code"] == "max_open_notional"

    wider = officers.ask(buyer, pre_trade={"max_open_notional": {"USD": "300"}})
    assert (wider.status_code, wider.json()["state"]) == (HTTPStatus.ACCEPTED, "pending")
    assert wider.json()["loosens"] == ["max_open_notional of USD from 100 to 300"]
    path = f"/v1/accounts/{buyer}/limit-requests/{wider.json()['request_id']}/approve"
    alone = officers.first.post(path, json={"note": "it is mine"})
    assert (alone.status_code, alone.json()["code"]) == (HTTPStatus.FORBIDDEN, "second_person_required")
    assert admin.place(buyer, "still", "buy", "2", "100").json()["code"] == "max_open_notional"
    both = officers.second.post(path, json={"note": "talked to them"})
    assert (both.status_code, both.json()["state"]) == (HTTPStatus.OK, "applied"), both.text
    assert admin.place(buyer, "now", "buy", "2", "100").json()["status"] == "open"
    again = officers.second.post(path, json={"note": "again"})
    assert (again.status_code, again.json()["code"]) == (HTTPStatus.CONFLICT, "limit_request_not_pending")

    other = officers.ask(buyer, pre_trade={}).json()
    rejected = officers.second.post(
        path.replace(wider.json()["request_id"], other["request_id"]).replace("approve", "reject"),
        json={"note": "no reason"},
    )
    assert rejected.json()["state"] == "rejected"
    told = officers.read("/v1/risk/limit-requests", account=buyer)["requests"]
    assert [(each["state"], each["decided_by"]) for each in told] == [
        ("rejected", "olga"),
        ("applied", "olga"),
        ("applied", "omar"),
    ]


def test_a_market_that_moves_too_fast_is_halted_until_somebody_opens_it(
    admin: Desk, officers: Officers, record: Engine
) -> None:
    mark(admin, "100")
    mark(admin, "120")
    market = f"/v1/markets/{admin.symbol}"
    becomes("halted", lambda: admin.read(market)["status"] == "halted")
    assert "20.0 %" in admin.read(market)["status_reason"]
    becomes("it is on record", lambda: bool(rows(record, Action, subject=admin.symbol)))
    (action,) = rows(record, Action, subject=admin.symbol)
    assert (action.kind, "20.0 %" in action.reason) == ("halted", True)
    opened = officers.first.put(f"{market}/status", json={"status": "open", "reason": "news"})
    assert opened.status_code == HTTPStatus.OK
    becomes("open", lambda: admin.read(market)["status"] == "open")
    assert len(rows(record, Action, subject=admin.symbol)) == 1


def test_odd_orders_are_alerts_that_somebody_acknowledges(admin: Desk, officers: Officers) -> None:
    buyer = account(admin, "buyer", USD="100000")
    mark(admin, "100")
    with officers.stream() as lines:
        admin.place(buyer, "wild", "buy", "1", "150")
        event = next(line for line in lines if line.startswith("data:") and buyer in line)
    assert '"kind":"price_collar"' in event
    (alert,) = officers.read("/v1/risk/alerts", account=buyer)["alerts"]
    assert alert["evidence"]["beyond_ppm"] == 500_000
    path = f"/v1/risk/alerts/{alert['alert_id']}/acknowledge"
    assert officers.first.post(path, json={"note": "a typo"}).status_code == HTTPStatus.OK
    later = officers.second.post(path, json={"note": "me too"}).json()
    assert (later["acknowledged_by"], later["note"]) == ("omar", "a typo"), "who was first stays"
    assert officers.read("/v1/risk/alerts", account=buyer, unacknowledged="true")["alerts"] == []
    assert (
        officers.second.post(path.replace(alert["alert_id"], "0" * 24), json={"note": "x"}).status_code == 404
    )


def test_kills_at_any_moment_lose_nothing_and_double_nothing(
    stack: Stack, admin: Desk, record: Engine
) -> None:
    base = admin.symbol.partition("-")[0]
    seller = account(admin, "seller", **{base: "1000"})
    buyers = [account(admin, "buyer", USD="100000") for _ in range(6)]
    admin.place(seller, "offer", "sell", "60", "100")
    for buyer in buyers:
        assert admin.place(buyer, "buy", "buy", "10", "100").json()["status"] == "filled"
        limit(admin, buyer, daily_loss={"USD": "50"})
    mark(admin, "100")
    stack.kill("risk")
    mark(admin, "94")
    for _ in range(2):
        stack.wait_until_ready("risk")
        stack.kill("risk")
    becomes(
        "all only sell",
        lambda: all(status_of(admin, buyer)["status"] == "reduce_only" for buyer in buyers),
    )
    stack.wait_until_ready("risk")
    for buyer in buyers:
        becomes("sent", partial(all_sent, record, buyer))
        assert len(rows(record, Action, subject=buyer)) == 1
        assert [row.level for row in rows(record, Breach, subject=buyer, level="hard")] == ["hard"]
        assert status_changes(stack.settings, buyer) == 1


def test_what_was_sent_and_not_marked_is_not_done_again_once_it_was_taken_back(
    stack: Stack, admin: Desk, officers: Officers, record: Engine
) -> None:
    """The process may die between the log and the mark; meanwhile a risk officer takes the action back."""
    buyer = bought(admin, "10", "100")
    limit(admin, buyer, daily_loss={"USD": "50"})
    mark(admin, "94")
    becomes("only sells", lambda: status_of(admin, buyer)["status"] == "reduce_only")
    becomes("sent", lambda: all_sent(record, buyer))
    release = {"status": "active", "reason": "talked to"}
    officers.first.put(f"/v1/accounts/{buyer}/status", json=release)
    becomes("active", lambda: status_of(admin, buyer)["status"] == "active")

    stack.stop("risk")
    (action,) = rows(record, Action, subject=buyer)
    victim = account(admin, "victim")
    with Session(record) as session, session.begin():
        session.execute(update(Action).where(Action.subject == buyer).values(sent_at_us=None))
        session.add(never_sent(action, uuid4().hex, victim))
    stack.start("risk")
    becomes("what was in no log is done", lambda: status_of(admin, victim)["status"] == "reduce_only")
    becomes("all is marked", lambda: all_sent(record, buyer))
    assert status_changes(stack.settings, victim) == 1
    assert status_changes(stack.settings, buyer) == 2, "restricted and released"
    assert status_of(admin, buyer)["status"] == "active"
