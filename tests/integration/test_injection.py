"""Nothing anybody sends is carried out, believed, or too much: refused (4xx), or stored as the text it is."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from litestar.testing import TestClient

from api.auth import mint_token
from api.permissions import EVERY_ACCOUNT, Route
from stack.running import Stack
from stack.service import create_topics
from tests.integration.corpus import BODIES, DEEP, TEXTS
from tests.integration.test_permissions import (
    OWN,
    ROLES,
    asked_of,
    client,
    commands,
    config,
    queries,
    routes,
    venue,
)
from tests.integration.test_query_api import SECRET

__all__ = ["client", "commands", "config", "queries", "venue"]  # fixtures

TOKEN = f"Bearer {mint_token(SECRET, 'me', [*ROLES], [EVERY_ACCOUNT])}"
WAITS = {"auditOrderAsOf", "auditAccountAsOf", "auditMarketAsOf", "auditBookAsOf"}
"""They start a replay, which there is none of here, and answer 503 to what would be right."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", autouse=True)
def topics(servers: Stack) -> None:
    create_topics(servers.settings)


def ask(client: TestClient[Any], route: Route, **changed: Any) -> httpx.Response:
    asked = asked_of(route, OWN)
    wish: dict[str, Any] = {"params": dict(asked.params), "headers": {"Authorization": TOKEN}}
    if asked.body is not None:
        wish["json"] = asked.body
    wish |= changed
    path = wish.pop("path", asked.path)
    wish["headers"] = {"Authorization": TOKEN, **wish["headers"]}
    return client.request(asked.method, path, **wish)


def faults(client: TestClient[Any], answers: Iterator[tuple[Route, str, httpx.Response]]) -> list[str]:
    """Return what is wrong with the answers: an error of ours, or more said than ought to be."""
    found = []
    for route, what, answer in answers:
        waits = route.name in WAITS and answer.status_code == 503
        if answer.status_code >= 500 and not waits:
            found.append(f"{route.name} {what[:60]!r}: {answer.status_code} {answer.text[:200]}")
        if any(sign in answer.text for sign in ("Traceback", "psycopg", "pymongo", 'File "')):
            found.append(f"{route.name} {what[:60]!r} tells: {answer.text[:200]}")
        if "set-cookie" in answer.headers:
            found.append(f"{route.name} {what[:60]!r} set a cookie")
    return found


def test_in_paths(client: TestClient[Any]) -> None:
    def answers() -> Iterator[tuple[Route, str, httpx.Response]]:
        for route in routes(client):
            for name in [part for part in route.path.split("/") if part.startswith("{")]:
                for text in TEXTS:
                    path = asked_of(route._replace(path=route.path.replace(name, "~hole~")), OWN).path
                    yield route, text, ask(client, route, path=path.replace("~hole~", quote(text, safe="")))

    assert faults(client, answers()) == []


def test_in_queries(client: TestClient[Any]) -> None:
    names = ("account", "symbol", "status", "side", "cursor", "after", "limit", "from", "to", "format")

    def answers() -> Iterator[tuple[Route, str, httpx.Response]]:
        for route in routes(client):
            if route.method not in {"GET", "DELETE"}:
                continue
            for number, text in enumerate(TEXTS):
                name = names[number % len(names)]
                for key in (name, f"{name}[$ne]"):
                    params = {**asked_of(route, OWN).params, key: text}
                    yield route, f"{key}={text}", ask(client, route, params=params)

    assert faults(client, answers()) == []


def test_in_headers(client: TestClient[Any]) -> None:
    names = (
        "Authorization",
        "X-Request-ID",
        "X-Correlation-ID",
        "OMS-Read-After",
        "Accept",
        "X-Forwarded-For",
    )

    def answers() -> Iterator[tuple[Route, str, httpx.Response]]:
        route = next(each for each in routes(client) if each.name in {"placeOrder", "getOrder"})
        for name in names:
            for text in TEXTS:
                value = text.encode().replace(b"\r", b"").replace(b"\n", b"").replace(b"\x00", b"")
                yield route, f"{name}: {text}", ask(client, route, headers={name: value})

    assert faults(client, answers()) == []


def test_as_bodies(client: TestClient[Any]) -> None:
    def answers() -> Iterator[tuple[Route, str, httpx.Response]]:
        for route in routes(client):
            if route.method in {"GET", "DELETE"}:
                continue
            for body in BODIES:
                headers = {"Content-Type": "application/json"}
                yield route, repr(body[:60]), ask(client, route, json=None, content=body, headers=headers)

    assert faults(client, answers()) == []


def test_in_the_fields_of_bodies(commands: TestClient[Any]) -> None:
    values: list[Any] = [*TEXTS, None, True, -1, 2**70, 1.5, [], {}, {"$ne": None}, ["ann"]]

    def answers() -> Iterator[tuple[Route, str, httpx.Response]]:
        for route in routes(commands):
            body = asked_of(route, OWN).body
            for name in body or {}:
                for value in values:
                    yield (
                        route,
                        f"{name}: {value}",
                        ask(commands, route, json={**deepcopy(body), name: value}),
                    )

    assert faults(commands, answers()) == []


def test_unknown_fields_are_not_believed(commands: TestClient[Any]) -> None:
    route = next(each for each in routes(commands) if each.name == "placeOrder")
    body = {**asked_of(route, OWN).body, "actor": "somebody", "roles": ["admin"]}
    assert ask(commands, route, json=body).status_code == 400


def test_the_body_is_json_whatever_it_is_called(commands: TestClient[Any]) -> None:
    route = next(each for each in routes(commands) if each.name == "placeOrder")
    kinds = ("application/xml", "text/plain", "multipart/form-data; boundary=x", "x" * 500)
    for kind in kinds:
        headers = {"Content-Type": kind}
        answer = ask(commands, route, json=None, content=json.dumps([DEEP[:50]]), headers=headers)
        assert 400 <= answer.status_code < 500, kind
