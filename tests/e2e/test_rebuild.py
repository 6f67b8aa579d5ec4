"""`./oms projections`: a stack trades, all read models are built anew meanwhile, and the proofs hold."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pymongo import MongoClient

from api.auth import mint_token
from projections.registry import PROJECTIONS
from stack.ports import HOST
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings
from stack.waiting import wait_until

pytestmark = pytest.mark.timeout(300)

WAIT_MS = 60_000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("rebuild"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


def oms(stack: Stack, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "stack.cli", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OMS_FOLDER": str(stack.settings.folder)},
    )


def done(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Return the command's exit code, and what it wrote on standard output and error."""
    out, err = process.communicate()
    return process.returncode, out, err


def status(stack: Stack) -> Any:
    return json.loads(done(oms(stack, "projections", "status", "--json"))[1])


def markets(stack: Stack) -> int:
    token = mint_token(stack.settings.token_secret, "tester", ["analyst"], None, 600)
    url = f"http://{HOST}:{stack.settings.query_api_port}/v1/markets"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"})
    return len(answer.json()["markets"])


def test_all_read_models_are_rebuilt_while_the_venue_trades(stack: Stack) -> None:
    trading = oms(stack, "demo", "--for", "15s", "--rate", "100", "--json")
    wait_until(lambda: markets(stack) > 0, WAIT_MS, "the venue trades")
    code, out, err = done(oms(stack, "projections", "rebuild", "--all", "--json"))
    stack.kill("read-models")
    assert code == 0, err
    rebuilt = json.loads(out)
    assert [each["projection"] for each in rebuilt["rebuilt"]] == list(PROJECTIONS)
    assert rebuilt["swapped"]
    code, out, err = done(trading)
    assert code == 0, out + err
    assert all(json.loads(out)["proofs"].values())

    now = status(stack)
    assert now["ok"]
    assert {each["generation"] for each in now["projections"]} == {2}
    assert {each["lag_events"] for each in now["projections"]} == {0}
    assert {each["dead_letters"] for each in now["projections"]} == {0}
    assert {each["generation"] for each in now["kept"]} == {1}
    assert now["building"] == []
    documents = {each["projection"]: each["documents"] for each in now["projections"]}
    assert documents["orders"] > documents["markets"] == markets(stack)

    code, out, _ = done(oms(stack, "projections", "status"))
    assert code == 0
    assert "kept for its cursors" in out


def test_a_projection_that_has_seen_nothing_is_missing(stack: Stack) -> None:
    if not markets(stack):
        assert done(oms(stack, "demo", "--for", "3s", "--rate", "50", "--json"))[0] == 0
    live = next(each for each in status(stack)["projections"] if each["projection"] == "markets")
    with MongoClient[Any](stack.settings.mongo_url) as mongo:
        name = "markets" if live["generation"] == 1 else f"markets_{live['generation']}"
        assert (
            mongo[stack.settings.mongo_database]["progress"].delete_many({"projection": name}).deleted_count
        )
    code, out, _ = done(oms(stack, "projections", "status", "--json"))
    assert code == 1
    states = {each["projection"]: each["state"] for each in json.loads(out)["projections"]}
    assert states.pop("markets") == "missing"
    assert set(states.values()) == {"ok"}


def test_without_servers_it_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = Stack(Settings.with_free_ports(tmp_path_factory.mktemp("nowhere")))
    nowhere.settings.save()
    code, _, err = done(oms(nowhere, "projections", "status"))
    assert code == 1
    assert "does not answer" in err
    assert "./oms up" in err
