"""The first command a stranger types, as they type it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("demo"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


def start(stack: Stack, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "stack.cli", "demo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMS_FOLDER": str(stack.settings.folder), "PYTHONPATH": str(CHECKOUT)},
    )


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, complained = process.communicate(timeout=120)
    assert process.returncode == 0, said + complained
    found: dict[str, Any] = json.loads(said)
    return found


def test_it_ends_by_itself_with_every_proof_true(stack: Stack) -> None:
    found = finished(start(stack, "--for", "6s", "--rate", "100", "--json"))
    assert all(found["proofs"].values()), found["differences"]
    assert found["orders_sent"] > 100
    assert found["trades"] > 10
    assert found["latency_ms"]["p99"] is not None
    assert found["visible_ms"]["p50"] is not None
    risk = found["risk"]
    assert (risk["restricted"], risk["status"], risk["rule"]) == (True, "reduce_only", "daily_loss"), risk
    assert risk["orders_cancelled"] == 3


def test_ctrl_c_ends_it_with_the_same_report(stack: Stack) -> None:
    process = start(stack, "--rate", "100", "--json")
    time.sleep(8)
    process.send_signal(signal.SIGINT)
    assert finished(process)["orders_sent"] > 0
