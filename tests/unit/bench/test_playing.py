import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.engine import growth, run, worker
from bench.engine.contestants import OURS
from bench.engine.flow import Flow, Shape, generate
from bench.engine.messages import KINDS, Message, write
from bench.engine.timing import Call, Engine, TooSlowError, measure
from stack.settings import CHECKOUT

TINY = Shape("tiny", 50)
MESSAGES = 1_500


@pytest.fixture(scope="module")
def flow() -> Flow:
    return generate(TINY, MESSAGES, seed=3)


@pytest.fixture
def file(flow: Flow, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.txt"
    write(path, flow.setup, flow.measured)
    return path


def test_our_engine_trades_as_the_reference_book_does(flow: Flow, file: Path) -> None:
    outcome = worker.main("crypto-oms", file, repetitions=2, seconds_max=60)
    assert (outcome["trades"], outcome["volume_lots"]) == (flow.trades[-1], flow.volume_lots[-1])
    assert [messages for _, messages in outcome["runs"]] == [MESSAGES, MESSAGES]
    assert set(outcome["kinds_ns"]) == set(KINDS)
    assert outcome["inspected"] == MESSAGES


def test_the_plain_domain_is_python_in_a_process_of_its_own(file: Path) -> None:
    command = [sys.executable, "-P", "-m", "bench.engine.worker", "crypto-oms-plain", str(file), "1", "60"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PYTHONPATH": str(CHECKOUT)}
    )
    assert json.loads(done.stdout)["compiled"] is False


def test_growth_tells_memory_and_time(file: Path) -> None:
    found = growth.grow(file)
    assert found["resting"] == TINY.resting
    assert found["ns_per_message"] > 0


class Sleepy(Engine):
    """An engine that gets nothing done."""

    def call(self, message: Message) -> Call:
        return self.nothing, (message,)

    def nothing(self, message: Message) -> None:
        pass

    def traded(self, outcome: Any) -> tuple[int, int]:  # noqa: ARG002 - it never trades
        return 0, 0


def test_an_engine_that_is_too_slow_is_told_so(file: Path) -> None:
    with pytest.raises(TooSlowError, match="of the book's 50 orders"):
        measure(Sleepy, file, 1, seconds_max=0)


def test_a_process_that_fails_is_reported_with_what_it_said(tmp_path: Path) -> None:
    crash = [sys.executable, "-c", "raise SystemExit('no such package')"]
    with pytest.raises(RuntimeError, match="exit code 1 and said: no such package"):
        run.played((crash, {}))

    def fails(_flow: Path) -> tuple[list[str], dict[str, str]]:
        raise RuntimeError("could not be installed: mvn is not on the PATH")

    contestant = OURS[0].__class__("peer", "java", "1", "all", "so", fails)
    assert run.outcome_of(contestant, tmp_path) == {
        "failed": "could not be installed: mvn is not on the PATH"
    }


def test_an_unknown_peer_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no peer 'quickfix'; there are: .*pyorderbook"):
        run.chosen(["quickfix"])
    assert [peer.name for peer in run.chosen(["fastlob"])] == ["fastlob"]
