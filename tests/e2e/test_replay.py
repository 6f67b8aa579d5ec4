"""Real orders of 2015 through the real servers, also through a crash in the middle."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from stack.load import replaying
from stack.load.replaying import Options
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import Settings
from tests.recorded import recorded

ORDERS = recorded("bitstamp-btcusd-2015-05-01-orders.csv.xz")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("replay"))
    with running_stack(settings, [service.name for service in SERVICES]) as running:
        yield running


def replay(stack: Stack, **options: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {
        "file": ORDERS,
        "speed": None,
        "orders_per_s": None,
        "rows_max": 2_000,
        "accounts": 8,
        "run_id": "test",
        "patience_s": 60.0,
    }
    return replaying.replay(stack.settings, Options(**(chosen | options)), Console(quiet=True))


@pytest.mark.parametrize("transport", ["rest", "ws"])
def test_the_first_rows_of_the_day_are_played_and_proved(stack: Stack, transport: str) -> None:
    found = replay(stack, run_id=f"whole_{transport}", transport=transport)
    assert all(found["proofs"].values()), found["differences"]
    assert found["orders_rejected"] == {}
    assert found["orders_accepted"] == found["orders_sent"] > 900
    assert found["trades"] > 20
    assert found["visible_ms"]["p50"] is not None


def test_the_same_run_again_is_answered_as_replayed_and_trades_nothing_twice(stack: Stack) -> None:
    first = replay(stack, run_id="twice", rows_max=500)
    second = replay(stack, run_id="twice", rows_max=500)
    assert second["orders_replayed"] == second["orders_accepted"] == first["orders_accepted"]
    assert second["trades"] == first["trades"]
    assert all(second["proofs"].values()), second["differences"]


@pytest.mark.parametrize("transport", ["rest", "ws"])
@pytest.mark.parametrize("service", ["order-processor", "command-api"])
def test_a_crash_in_the_middle_loses_and_doubles_nothing(stack: Stack, service: str, transport: str) -> None:
    killed = stack.pid(service)
    crash = threading.Timer(2.0, stack.kill, [service])
    crash.start()
    name = f"crash_{service.replace('-', '_')}_{transport}"
    found = replay(stack, run_id=name, orders_per_s=200, transport=transport)
    crash.join()
    assert stack.pid(service) != killed
    assert all(found["proofs"].values()), found["differences"]
    assert found["orders_unanswered"] == 0
    # What waited for longer than an order is valid is rejected as stale, and that is an answer.
    assert set(found["orders_rejected"]) <= {"stale_command"}


def test_a_file_that_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    settings = Settings.with_free_ports(tmp_path)
    with pytest.raises(RuntimeError, match="There is no file"):
        replaying.replay(
            settings, Options(tmp_path / "no.csv", None, None, None, 1, "r", 1.0), Console(quiet=True)
        )
    assert Stack(settings).status() == []
