"""The Python client and the command line against a whole stack; what docs/client.md shows runs."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from api.auth import mint_token
from api.client.async_client import AsyncClient
from api.client.client import Client
from api.client.errors import NotAllowedError, NotFoundError
from api.client.types import (
    AmendOrderRequest,
    CancelInBatch,
    DepositRequest,
    ListMarketRequest,
    MarkPriceRequest,
    PlaceInBatch,
    PlaceItem,
    PlaceOrderRequest,
)
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings
from tests.e2e.test_an_order import RULES
from tests.staff import STAFF

WAIT_S = 90
MARK = "<!-- run by tests/e2e/test_client.py -->\n```python\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("client"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


def urls(settings: Settings) -> tuple[str, str]:
    return f"http://{HOST}:{settings.command_api_port}", f"http://{HOST}:{settings.query_api_port}"


@pytest.fixture(scope="module")
def admin(stack: Stack) -> Iterator[Client]:
    token = mint_token(stack.settings.token_secret, "tester", **STAFF)
    with Client(*urls(stack.settings), token) as client:
        market: dict[str, Any] = {**RULES, "symbol": "BTC-USD"}
        client.list_market(ListMarketRequest(**market))
        for account, asset in (("ann", "USD"), ("bob", "BTC")):
            client.open_account(account)
            client.deposit(
                account, DepositRequest(client_transfer_id="first", asset=asset, amount=Decimal(10_000))
            )
        yield client


def order(account: str, name: str, side: Any, quantity: str, price: str) -> PlaceOrderRequest:
    return PlaceOrderRequest(
        account=account,
        client_order_id=name,
        symbol="BTC-USD",
        side=side,
        type="limit",
        quantity=Decimal(quantity),
        price=Decimal(price),
    )


def test_what_the_documentation_shows_runs(stack: Stack, tmp_path: Path) -> None:
    text = (CHECKOUT / "docs" / "client.md").read_text()
    for port, own in zip((":8001", ":8002"), urls(stack.settings), strict=True):
        text = text.replace(f"http://127.0.0.1{port}", own)
    token = mint_token(stack.settings.token_secret, "reader", **STAFF)
    env = {"OMS_TOKEN": token, "PYTHONPATH": str(CHECKOUT), "PATH": ""}
    said = []
    for program in re.findall(re.escape(MARK) + r"(.*?)```", text, re.DOTALL):
        file = tmp_path / "shown.py"
        file.write_text(program)
        done = subprocess.run(
            [sys.executable, "-P", str(file)],
            check=False,
            capture_output=True,
            text=True,
            env=env,
            timeout=WAIT_S,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    single, many = said
    assert "insufficient_funds" in single
    assert many.count("open ") == 5


def test_every_query_is_read_as_its_type(stack: Stack, admin: Client) -> None:
    """A field that is missing, or of another kind, would raise."""
    resting = admin.place(order("bob", "every-1", "sell", "0.5", "101.5"))
    taken = admin.place(order("ann", "every-2", "buy", "0.2", "101.5"))
    admin.set_mark_price("BTC-USD", MarkPriceRequest(price="102"))
    assert taken.fills[0].price == Decimal("101.5")
    assert admin.order(resting.order_id).remaining == Decimal("0.3")
    assert admin.order_events(resting.order_id).events
    now = datetime.now(UTC)
    day = timedelta(days=1)
    assert admin.account("ann").opened_at > now - day
    assert [row.account for row in admin.search_accounts(account=["ann", "bob"])] == ["ann", "bob"]
    assert {each.asset for each in admin.balances("ann").balances} >= {"BTC", "USD"}
    assert admin.positions("ann").positions[0].quantity >= Decimal("0.2")
    assert admin.limits("ann").account == "ann"
    assert admin.market("BTC-USD").mark_price == Decimal(102)
    assert "BTC-USD" in {market.symbol for market in admin.markets().markets}
    assert admin.book("BTC-USD").asks[0].price == Decimal("101.5")
    assert admin.order_book("BTC-USD").asks[0].orders[0].order_id == resting.order_id
    for page in (
        admin.orders_of("ann", limit=1),
        admin.search_orders(symbol="BTC-USD", since=now - day, until=now + day),
        admin.trades_of("ann", limit=1),
        admin.trades("BTC-USD"),
        admin.activity_of("ann", limit=1),
        admin.transfers_of("ann"),
        admin.search_positions(),
        admin.search_balances(asset="USD"),
        admin.search_transfers(account="ann"),
        admin.daily_pnl(account=["ann"]),
    ):
        assert list(page)
    assert admin.sum_trades(group_by="day").figures
    assert admin.sum_fees().figures
    assert admin.sum_orders(now.date() - day, now.date(), group_by="status").figures
    assert admin.trial_balance().assets
    held = next(each for each in admin.portfolio("ann").positions if each.symbol == "BTC-USD")
    assert (held.mark_source, held.mark_price) == ("mark", Decimal(102))
    assert admin.equity("ann", "hour").points[-1].equity == admin.portfolio("ann").totals[0].net_pnl
    assert admin.turnover("ann").days
    assert isinstance(admin.venue().shards, list)
    with pytest.raises(NotFoundError, match="there is no order"):
        admin.order("00000000-0000-5000-8000-000000000000")
    admin.cancel("bob", resting.order_id)


def test_commands_of_an_order_read_their_own_writes(admin: Client) -> None:
    placed = admin.place(order("ann", "own-1", "buy", "1", "50"))
    amended = admin.amend(placed.order_id, AmendOrderRequest(account="ann", price=Decimal("50.5")))
    assert amended.status == "open"
    assert admin.order(placed.order_id).price == Decimal("50.5")
    batch: list[PlaceInBatch | CancelInBatch] = [
        PlaceInBatch(
            account="ann",
            client_order_id="own-2",
            symbol="BTC-USD",
            side="buy",
            type="limit",
            quantity="1",
            price="49",
        ),
        CancelInBatch(account="ann", order_id=placed.order_id),
    ]
    assert [outcome.status for outcome in admin.batch(batch).outcomes] == ["open", "cancelled"]
    admin.cancel_all("ann")
    assert [each.client_order_id for each in admin.orders_of("ann", status=["open"])] == []


def test_a_trader_may_not_act_for_others(stack: Stack, admin: Client) -> None:
    token = mint_token(stack.settings.token_secret, "ann", ["trader"], ["ann"])
    with (
        Client(*urls(stack.settings), token) as client,
        pytest.raises(NotAllowedError, match="may not trade for account bob"),
    ):
        client.place(order("bob", "others-1", "buy", "1", "50"))


async def test_a_session_ends_with_its_orders_if_asked_to(stack: Stack, admin: Client) -> None:
    token = mint_token(stack.settings.token_secret, "tester", **STAFF)
    async with AsyncClient(*urls(stack.settings), token) as client:
        async with client.session(cancel_on_disconnect=True) as session:
            item = PlaceItem(
                account="ann",
                client_order_id="session-1",
                symbol="BTC-USD",
                side="buy",
                type="limit",
                quantity="1",
                price=Decimal(51),
            )
            reply = await session.place(item)
            assert (await client.order(reply.order_id)).status == "open"
        for _ in range(WAIT_S * 10):
            if (await client.order(reply.order_id)).status == "cancelled":
                break
        assert (await client.order(reply.order_id)).cancel_reason == "disconnected"


# --- The command line ---------------------------------------------------------------------------------------


def oms(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    command, env = _command(stack, *arguments)
    return subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=WAIT_S)


def _command(stack: Stack, *arguments: str) -> tuple[list[str], dict[str, str]]:
    env = {
        **os.environ,
        "OMS_FOLDER": str(stack.settings.folder),
        "PYTHONPATH": str(CHECKOUT),
        "COLUMNS": "200",
    }
    return [sys.executable, "-P", "-m", "stack.cli", *arguments], env


def told(stack: Stack, *arguments: str) -> Any:
    done = oms(stack, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_order_by_the_command_line(stack: Stack, admin: Client) -> None:
    placed = told(stack, "orders", "place", "BTC-USD", "buy", "1.5", "--price", "52", "--account", "ann")
    assert placed["status"] == "open"
    order_id = placed["order_id"]
    assert told(stack, "book", "BTC-USD")["bids"][0] == {"price": "52", "quantity": "1.5"}
    amended = told(stack, "orders", "amend", order_id, "--price", "52.5", "--account", "ann")
    assert amended["status"] == "open"
    assert told(stack, "orders", "show", order_id)["price"] == "52.5"
    listed = told(stack, "orders", "list", "--account", "ann", "--status", "open")["orders"]
    assert [each["order_id"] for each in listed] == [order_id]
    assert told(stack, "orders", "cancel", order_id, "--account", "ann")["status"] == "cancelled"
    watched = oms(stack, "orders", "watch", order_id)
    assert watched.returncode == 0
    assert "cancelled" in watched.stdout


def test_a_trade_by_the_command_line(stack: Stack, admin: Client) -> None:
    told(stack, "orders", "place", "BTC-USD", "sell", "0.1", "--price", "53", "--account", "bob")
    bought = told(
        stack, "orders", "place", "BTC-USD", "buy", "0.1", "--account", "ann", "--time-in-force", "ioc"
    )
    assert (bought["status"], bought["fills"][0]["price"]) == ("filled", "53")
    admin.read_after.note(bought["token"])
    admin.order(bought["order_id"])
    assert told(stack, "trades", "--account", "ann")["trades"][0]["order_id"] == bought["order_id"]
    assert told(stack, "trades", "BTC-USD", "--limit", "1")["trades"][0]["price"] == "53"
    assert {each["account"] for each in told(stack, "positions")["positions"]} >= {"ann", "bob"}
    shown = told(stack, "accounts", "show", "ann")
    assert {each["asset"] for each in shown["balances"]} >= {"BTC", "USD"}
    assert told(stack, "markets", "show", "BTC-USD")["last_price"] == "53"


@pytest.mark.parametrize(
    "arguments",
    [
        ("markets", "list"),
        ("accounts", "list"),
        ("accounts", "show", "ann"),
        ("positions",),
        ("trades", "BTC-USD"),
        ("book", "BTC-USD"),
        ("orders", "list"),
    ],
)
def test_people_get_tables(stack: Stack, admin: Client, arguments: tuple[str, ...]) -> None:
    done = oms(stack, *arguments)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.startswith("{")
    assert done.stdout.strip()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (
            ("orders", "place", "BTC-USD", "buy", "1000", "--price", "9999", "--account", "ann"),
            1,
            "insufficient_funds",
        ),
        (("orders", "place", "BTC-USD", "buy", "one", "--account", "ann"), 2, "'one' is no amount"),
        (("orders", "cancel", "--account", "ann"), 2, "either an order's id or --all"),
        (("book", "NO-NE"), 1, "there is no market 'NO-NE'"),
        (("book", "BTC-USD", "--watch", "--json"), 2, "give one of them"),
        (("orders", "list", "--status", "lost"), 2, "no order is lost"),
        (
            ("orders", "cancel", "--all", "--account", "ann", "--as", "analyst"),
            1,
            "has none of the roles trader",
        ),
        (("trades",), 2, "give a market"),
    ],
)
def test_what_is_refused_is_told_in_words_and_in_the_exit_code(
    stack: Stack, admin: Client, arguments: tuple[str, ...], code: int, says: str
) -> None:
    done = oms(stack, *arguments)
    assert done.returncode == code
    assert says in " ".join(done.stderr.split()).replace("│ ", "")
    assert done.stdout == ""


def test_a_watch_ends_cleanly_at_ctrl_c(stack: Stack, admin: Client) -> None:
    command, env = _command(stack, "book", "BTC-USD", "--watch", "--every", "0.2")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as watch:
        assert watch.stdout is not None
        first = watch.stdout.readline()
        watch.send_signal(signal.SIGINT)
        _, errors = watch.communicate(timeout=WAIT_S)
    assert watch.returncode == 0, errors
    assert "bid quantity" in first
    assert "Traceback" not in errors


def test_a_watch_ends_after_so_many_looks(stack: Stack, admin: Client) -> None:
    done = oms(stack, "markets", "list", "--watch", "--every", "0.2", "--times", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("BTC-USD") == 2
