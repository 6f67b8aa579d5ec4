"""`./oms projections rebuild`, apart from the command line."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from projections.registry import PROJECTIONS
from stack.projecting.connecting import connected
from stack.settings import Settings
from streams.rebuilding import Progress, Rebuild, RebuildBounds, Said

TOLD_EVERY_S = 1.0


@dataclass(frozen=True)
class Rebuilt:
    """What became of one projection. ``events``: folded by this run, which may have gone on with another's;
    ``seconds``: until it was live, or left.
    """

    projection: str
    generation: int
    events: int
    events_per_second: int
    seconds: float
    swapped: bool


def check_names(names: Sequence[str]) -> None:
    """Raises ``RuntimeError`` that lists the projections there are."""
    if unknown := [name for name in names if name not in PROJECTIONS]:
        raise RuntimeError(
            f"there is no projection {', '.join(map(repr, unknown))}; there are {', '.join(PROJECTIONS)}"
        )


def rebuild(settings: Settings, names: Sequence[str], bounds: RebuildBounds, said: Said) -> list[Rebuilt]:
    """Build the next generation of each, and wait until the read-model workers have made it live.

    Raises ``RuntimeError`` in words for the operator.
    """
    check_names(names)
    began = time.monotonic()
    with connected(settings) as (database, store):
        made = Rebuild(database, store, names, settings.topic_partitions, bounds, said)
        with closing(made):
            made.run()
    done, elapsed_s = made.progress, time.monotonic() - began
    return [
        Rebuilt(
            target.build.projection,
            target.build.generation,
            done.folded,
            round(done.events_per_second),
            round(target.seconds if target.swapped else elapsed_s, 3),
            target.swapped,
        )
        for target in made.targets
    ]


def sentence(progress: Progress) -> str:
    """Tell how far it is, for a person."""
    if progress.waiting:
        return f"All {progress.total:,} events are in; waiting {progress.waiting}"
    share = progress.done / progress.total if progress.total else 1.0
    left = progress.remaining_s
    eta = "" if left is None else f", {left:,.0f} s to go"
    rate = f"{progress.events_per_second:,.0f} events/s"
    return f"{progress.done:,} of {progress.total:,} events ({share:.0%}), {rate}{eta}"


class Teller:
    """Passes on what is said, at most once a second, and never the same twice."""

    def __init__(self, told: Callable[[str], object]) -> None:
        self.told = told
        self.last = ""
        self.at = float("-inf")

    def __call__(self, progress: Progress) -> None:
        now, text = time.monotonic(), sentence(progress)
        if text != self.last and (now - self.at >= TOLD_EVERY_S or progress.waiting):
            self.last, self.at = text, now
            self.told(text)
