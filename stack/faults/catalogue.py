"""What can happen to a stack, and how it is made to happen."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Literal

import psutil

from stack.faults import bounds
from stack.running import Stack
from stack.servers.local import SERVERS

Kind = Literal["kill", "pause", "away", "overload", "sigterm", "restore"]

KILLED = (
    "order-processor",
    "command-api",
    "query-api",
    "read-models",
    "risk",
    "auditor",
    "kafka",
    "postgres",
    "redis",
    "mongo",
)
PAUSED = ("order-processor", "command-api", "read-models", "kafka", "postgres")
ENDED = ("order-processor", "command-api", "read-models")


@dataclass(frozen=True)
class Plan:
    """One round: what happens to whom, after how long, and for how long."""

    number: int
    kind: Kind
    target: str = ""
    after_s: float = 0.0
    for_s: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.kind} {self.target}".strip()


def plans(seed: int, *, in_docker: bool = False) -> Iterator[Plan]:
    """Yield rounds for ever: all faults in an order that ``seed`` gives, then all in another one."""
    number = 0
    while True:
        faults = list(_all(in_docker=in_docker))
        Random(f"{seed}/{number}").shuffle(faults)  # noqa: S311 - to be repeatable
        for kind, target in faults:
            number += 1
            yield _plan(seed, number, kind, target)


def _all(*, in_docker: bool) -> Iterator[tuple[Kind, str]]:
    """A container's processes are not ours to pause."""
    yield from (("kill", name) for name in KILLED)
    yield from (("pause", name) for name in PAUSED if not (in_docker and name in SERVERS))
    yield from (("sigterm", name) for name in ENDED)
    yield from (("away", "kafka"), ("overload", ""), ("restore", ""))


def _plan(seed: int, number: int, kind: Kind, target: str) -> Plan:
    chance = Random(f"{seed}/round {number}")  # noqa: S311 - to be repeatable
    lasting: dict[Kind, float] = {
        "pause": chance.uniform(*bounds.PAUSE_S),
        "away": bounds.KAFKA_AWAY_S,
        "overload": bounds.OVERLOAD_S,
    }
    after_s = chance.uniform(*bounds.CALM_S)
    return Plan(number, kind, target, round(after_s, 3), round(lasting.get(kind, 0.0), 3))


def happen(stack: Stack, plan: Plan) -> None:
    """Make it happen, and return when it is over; what was hit may still be on its way back."""
    HAPPENINGS[plan.kind](stack, plan)


def _kill(stack: Stack, plan: Plan) -> None:
    stack.kill(plan.target)


def _pause(stack: Stack, plan: Plan) -> None:
    processes = _tree(stack.pid(plan.target))
    _signal(processes, signal.SIGSTOP)
    try:
        time.sleep(plan.for_s)
    finally:
        _signal(processes, signal.SIGCONT)


def _away(stack: Stack, plan: Plan) -> None:
    stack.stop(plan.target)
    try:
        time.sleep(plan.for_s)
    finally:
        stack.start(plan.target)


def _sigterm(stack: Stack, plan: Plan) -> None:
    stack.restart(plan.target)


def _tree(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


HAPPENINGS: dict[Kind, Callable[[Stack, Plan], None]] = {
    "kill": _kill,
    "pause": _pause,
    "away": _away,
    "sigterm": _sigterm,
}
