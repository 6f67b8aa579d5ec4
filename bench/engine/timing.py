"""Plays a flow through one Python engine. Standard library only, as in every engine's process.

An adapter turns messages into calls before the clock starts: ``(function, arguments)``, as a user of that
engine would write them. All Python engines are then played by the same two loops.
"""

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any

from bench.engine.messages import KINDS, Kind, Message, header, stream

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Calls = list[Call]

CHUNK = 500  # calls between two looks at the clock
CLOCK_SAMPLES = 2_000


class TooSlowError(Exception):
    """The book could not be filled in the time an engine is given."""


class Engine(ABC):
    """One engine with an empty book; each repetition makes a new one."""

    @abstractmethod
    def call(self, message: Message) -> Call:
        """Translate a message. Calls are played once, in the order in which they were made."""

    @abstractmethod
    def traded(self, outcome: Any) -> tuple[int, int]:
        """Return how many trades of how many lots a call's outcome tells of."""

    def close(self) -> None:  # noqa: B027 - most have nothing to stop
        """Stop what the engine has started."""


def measure(make: Callable[[], Engine], flow: Path, repetitions: int, seconds_max: float) -> dict[str, Any]:
    """Return ``runs``, the [seconds, messages] of each repetition, and what ``inspect`` finds.

    A part that takes longer than ``seconds_max`` ends there, and tells how far it came.
    """
    runs = [time_run(make(), flow, seconds_max) for _ in range(repetitions)]
    return {"runs": runs, **inspect(make(), flow, seconds_max)}


def time_run(engine: Engine, flow: Path, seconds_max: float) -> tuple[float, int]:
    calls = _filled(engine, flow, seconds_max)
    try:
        return timed(calls, seconds_max)
    finally:
        engine.close()


def inspect(engine: Engine, flow: Path, seconds_max: float) -> dict[str, Any]:
    """Play once more, with a look at the clock at each message and at what each call returned."""
    kinds = [message.kind for message in islice(stream(flow), header(flow).setup, None)]
    calls = _filled(engine, flow, seconds_max)
    spent: dict[Kind, list[int]] = {kind: [] for kind in KINDS}
    trades = volume = 0
    ends = perf_counter() + seconds_max
    for played, (kind, (function, arguments)) in enumerate(zip(kinds, calls, strict=True), 1):  # noqa: B007
        began = perf_counter_ns()
        outcome = function(*arguments)
        spent[kind].append(perf_counter_ns() - began)
        more_trades, more_volume = engine.traded(outcome)
        trades += more_trades
        volume += more_volume
        if perf_counter() > ends:
            break
    engine.close()
    clock_ns = clock_cost_ns()
    means = {kind: round(sum(ns) / len(ns) - clock_ns) for kind, ns in spent.items() if ns}
    return {"kinds_ns": means, "inspected": played, "trades": trades, "volume_lots": volume}


def clock_cost_ns() -> float:
    """Return what reading the clock twice adds to a duration."""
    spent = 0
    for _ in range(CLOCK_SAMPLES):
        began = perf_counter_ns()
        spent += perf_counter_ns() - began
    return spent / CLOCK_SAMPLES


def _filled(engine: Engine, flow: Path, seconds_max: float) -> Calls:
    """Fill the engine's book; return the calls to measure.

    The prepared calls are no engine's business: they are taken out of the garbage collector's sight, which
    stays on for what the engine makes.
    """
    calls = [engine.call(message) for message in stream(flow)]
    setup = header(flow).setup
    gc.collect()
    gc.freeze()
    _, played = timed(calls[:setup], seconds_max)
    if played < setup:
        engine.close()
        raise TooSlowError(f"after {seconds_max:.0f} s only {played:,} of the book's {setup:,} orders rested")
    return calls[setup:]


def timed(calls: Calls, seconds_max: float) -> tuple[float, int]:
    """Play until the end or ``seconds_max``; return (seconds, calls played)."""
    seconds, played = 0.0, 0
    waiting = iter(calls)
    while seconds < seconds_max and (chunk := list(islice(waiting, CHUNK))):
        began = perf_counter()
        play(chunk)
        seconds += perf_counter() - began
        played += len(chunk)
    return seconds, played


def play(calls: Iterable[Call]) -> None:
    for function, arguments in calls:
        function(*arguments)
