"""Queries of a whole stack: how late they are, and exports by the command line."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings
from stack.waiting import wait_until
from tests.e2e.test_an_order import RULES, Desk

LAG_MS_MAX = 5_000
CATCH_UP_MS_MAX = 30_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("queries"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    with closing(Desk(stack.settings, roles=["admin"])) as desk:
        rules = {**RULES, "symbol": "BTC-USD"}
        assert desk.commands.post("/v1/markets", json=rules).status_code == HTTPStatus.CREATED
        opened = desk.commands.post("/v1/accounts", json={"account": "ann"})
        assert opened.status_code == HTTPStatus.CREATED
        funds = {"client_transfer_id": "first", "asset": "USD", "amount": "100"}
        assert desk.commands.post("/v1/accounts/ann/deposits", json=funds).status_code == HTTPStatus.CREATED
        yield desk


def lag_ms(desk: Desk) -> int | None:
    told = desk.queries.get("/v1/accounts/ann/balances").headers.get("OMS-Lag-Ms")
    return None if told is None else int(told)


def test_an_answer_says_how_late_it_is_at_most(stack: Stack, desk: Desk) -> None:
    wait_until(lambda: _within(lag_ms(desk), LAG_MS_MAX), CATCH_UP_MS_MAX, "the read models are on time")
    stack.stop("read-models")
    try:
        wait_until(
            lambda: not _within(lag_ms(desk), LAG_MS_MAX), CATCH_UP_MS_MAX, "the lag grows while nobody works"
        )
    finally:
        stack.start("read-models")
    wait_until(lambda: _within(lag_ms(desk), LAG_MS_MAX), CATCH_UP_MS_MAX, "the read models caught up")


def _within(lag: int | None, most: int) -> bool:
    return lag is not None and lag < most


def export(stack: Stack, what: str, file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "stack.cli", "export", what, str(file), *more]
    env = {"OMS_FOLDER": str(stack.settings.folder), "PYTHONPATH": str(CHECKOUT), "PATH": ""}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=env)


def test_a_list_is_exported_to_a_file(stack: Stack, desk: Desk, tmp_path: Path) -> None:
    wait_until(lambda: _funded(desk), CATCH_UP_MS_MAX, "the deposit is visible")
    file = tmp_path / "transfers.csv"
    done = export(stack, "/v1/transfers", file, "--where", "account=ann", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == file.stat().st_size
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert (row["kind"], row["asset"], row["amount"]) == ("deposit", "USD", "100")
    table = tmp_path / "balances.parquet"
    assert export(stack, "/v1/balances", table).returncode == 0
    assert ("ann", "USD") in {(row["account"], row["asset"]) for row in pq.read_table(table).to_pylist()}


def _funded(desk: Desk) -> Any:
    return desk.queries.get("/v1/accounts/ann/transfers").json()["transfers"]


def test_what_is_not_exported_leaves_no_file_and_says_why(stack: Stack, desk: Desk, tmp_path: Path) -> None:
    refused = export(stack, "/v1/orders", tmp_path / "orders.csv", "--where", "sybmol=BTC-USD")
    assert (refused.returncode, list(tmp_path.iterdir())) == (1, [])
    assert "sybmol" in refused.stderr
    assert "symbol" in refused.stderr
