"""Bearer tokens: who gets in, and for how long."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar, Request, get
from litestar.testing import TestClient

from api.auth import bearer_tokens, mint_token
from api.problems import EXCEPTION_HANDLERS

SECRET = "x" * 32


@get("/who", sync_to_thread=False)
def who(request: Request[Any, Any, Any]) -> str:
    return str(request.user.subject)


@pytest.fixture(scope="module")
def api() -> Iterator[TestClient[Any]]:
    app = Litestar(
        [who],
        on_app_init=[bearer_tokens(SECRET, exclude=["^/open$"]).on_app_init],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
    )
    with TestClient(app) as client:
        yield client


def status(api: TestClient[Any], path: str, token: str) -> int:
    return api.get(path, headers={"Authorization": f"Bearer {token}"}).status_code


def test_a_token_that_was_checked_before_still_ends_when_it_expires(api: TestClient[Any]) -> None:
    token = mint_token(SECRET, "ann", ["trader"], valid_s=2)
    assert status(api, "/who", token) == status(api, "/who", token) == 200
    time.sleep(2.1)
    assert status(api, "/who", token) == 401


def test_one_token_remembered_does_not_let_another_in(api: TestClient[Any]) -> None:
    token = mint_token(SECRET, "ann", ["trader"])
    assert status(api, "/who", token) == 200
    assert status(api, "/who", token[:-2] + ("AA" if token[-2:] != "AA" else "BB")) == 401


@pytest.mark.parametrize("roles", [["king"], [], None, "admin"])
def test_roles_we_do_not_know_let_nobody_in(api: TestClient[Any], roles: Any) -> None:
    expected = 200 if roles == [] else 401
    assert status(api, "/who", mint_token(SECRET, "ann", roles)) == expected


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes; 32 is the least"):
        bearer_tokens("x" * 31, exclude=[])
