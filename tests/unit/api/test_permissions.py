"""Rights: which roles have them, for whose accounts, and how the scopes of an API key narrow them."""

from typing import Any

import pytest
from litestar import Litestar, get
from litestar.exceptions import HTTPException
from litestar.testing import TestClient

from api import permissions
from api.auth import Identity, Role, bearer_tokens, mint_token
from api.authentication.identity import Scope
from api.permissions import (
    ADMINISTER,
    EVERY_ACCOUNT,
    SEE_FUNDS,
    SEE_MARKETS,
    SEE_ORDERS,
    STOP,
    TRADE,
    WITHDRAW,
    Right,
)
from api.problems import EXCEPTION_HANDLERS, Problem

SECRET = "x" * 32


def who(*roles: Role, accounts: tuple[str, ...] = (), scopes: tuple[Scope, ...] | None = None) -> Identity:
    return Identity(
        "me", frozenset(roles), frozenset(accounts), None if scopes is None else frozenset(scopes)
    )


@pytest.mark.parametrize(
    ("role", "trades", "stops", "sees_orders", "sees_funds", "administers"),
    [
        ("trader", "own", "own", "own", "own", None),
        ("analyst", None, None, "any", "any", None),
        ("auditor", None, None, "any", "any", None),
        ("operator", None, "any", "any", None, None),
        ("risk", None, "any", "any", "any", None),
        ("admin", None, None, None, "any", "any"),
    ],
)
def test_no_role_has_more_than_its_work_needs(
    role: Role, trades: Any, stops: Any, sees_orders: Any, sees_funds: Any, administers: Any
) -> None:
    rights = (TRADE, STOP, SEE_ORDERS, SEE_FUNDS, ADMINISTER)
    expected = [trades, stops, sees_orders, sees_funds, administers]
    assert [right.reach(who(role)) for right in rights] == expected


def test_a_trader_has_own_accounts_only() -> None:
    ann = who("trader", accounts=("ann",))
    TRADE.check(ann, "ann")
    with pytest.raises(Problem, match="me may not trade for account bob"):
        TRADE.check(ann, "bob")
    assert (TRADE.allows(ann, "ann"), TRADE.allows(ann, "bob")) == (True, False)


def test_of_several_roles_the_widest_counts() -> None:
    both = who("trader", "analyst", accounts=("ann",))
    assert SEE_ORDERS.reach(both) == "any"
    assert TRADE.reach(both) == "own"


def test_accounts_alone_open_nothing() -> None:
    assert [right.reach(who("auditor", accounts=("ann",))) for right in (TRADE, WITHDRAW)] == [None, None]


def test_every_account_is_said_so_and_no_accounts_name() -> None:
    load = who("trader", accounts=(EVERY_ACCOUNT,))
    TRADE.check(load, "anybody")
    assert SEE_ORDERS.accounts(load, None) is None
    assert SEE_ORDERS.accounts(load, ["bob", "ann", "bob"]) == ["ann", "bob"]


def test_a_list_is_of_those_asked_for_or_all_one_may_see() -> None:
    ann = who("trader", accounts=("ann", "amy"))
    assert SEE_ORDERS.accounts(ann, None) == ["amy", "ann"]
    assert SEE_ORDERS.accounts(who("trader"), None) == [], "nobody's, rather than everybody's"
    assert SEE_ORDERS.accounts(who("analyst"), None) is None
    with pytest.raises(Problem, match="account bob"):
        SEE_ORDERS.accounts(ann, ["ann", "bob"])


@pytest.mark.parametrize(
    ("scopes", "opened"),
    [
        (("read",), {SEE_MARKETS, SEE_ORDERS, SEE_FUNDS}),
        (("trade",), {TRADE, STOP}),
        (("withdraw",), {WITHDRAW}),
        (("admin",), set[Right]()),
        (("read", "trade", "withdraw", "admin"), {SEE_MARKETS, SEE_ORDERS, SEE_FUNDS, TRADE, STOP, WITHDRAW}),
    ],
)
def test_scopes_narrow_a_traders_roles_and_widen_nothing(
    scopes: tuple[Scope, ...], opened: set[Right]
) -> None:
    rights = (SEE_MARKETS, SEE_ORDERS, SEE_FUNDS, TRADE, STOP, WITHDRAW, ADMINISTER)
    keyed = who("trader", accounts=("ann",), scopes=scopes)
    assert {right for right in rights if right.reach(keyed)} == opened


def test_a_key_without_scopes_opens_nothing() -> None:
    assert SEE_MARKETS.reach(who("trader", scopes=())) is None


@get("/v1/new", operation_id="somethingNew", sync_to_thread=False)
def something_new() -> None: ...


@get("/v1/markets", operation_id="listMarkets", sync_to_thread=False)
def list_markets() -> str:
    return "all"


def app_of(*handlers: Any) -> Litestar:
    return Litestar(
        [*handlers],
        guards=[permissions.guard],
        on_app_init=[bearer_tokens(SECRET, exclude=["^/schema", "^/open"]).on_app_init],
        exception_handlers=EXCEPTION_HANDLERS,
    )


def test_an_app_with_a_route_that_has_no_right_does_not_start() -> None:
    with pytest.raises(ValueError, match=r"GET /v1/new \(somethingNew\) has no right: say who"):
        permissions.close(app_of(something_new, list_markets))


def test_a_route_without_a_right_is_closed_to_all_even_so() -> None:
    with TestClient(app_of(something_new)) as client:
        token = mint_token(SECRET, "me", ["admin", "trader"], [EVERY_ACCOUNT])
        answer = client.get("/v1/new", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["detail"]) == (403, "nobody may do this")


def test_what_everybody_may_see_still_needs_a_token_and_the_apis_description_does_not() -> None:
    app = app_of(list_markets)
    permissions.close(app)
    with TestClient(app) as client:
        assert client.get("/v1/markets").status_code == 401
        token = mint_token(SECRET, "me", [])
        assert client.get("/v1/markets", headers={"Authorization": f"Bearer {token}"}).text == "all"
        assert client.get("/schema/openapi.json").status_code == 200


def test_a_route_that_is_open_to_the_tokens_check_is_not_open_to_all() -> None:
    @get("/open", operation_id="placeOrder", sync_to_thread=False)
    def forgotten() -> None: ...

    app = app_of(forgotten)
    permissions.close(app)
    with TestClient(app) as client:
        answer = client.get("/open")
        assert answer.status_code == HTTPException(status_code=401).status_code
