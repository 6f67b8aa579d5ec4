"""All rounds, one after another, on a stack of their own."""

import tempfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from stack import services
from stack.faults.catalogue import Plan, plans
from stack.faults.rounds import Result, Round
from stack.running import Stack, running_stack
from stack.settings import Settings


def run(
    rounds: int,
    seed: int,
    said: Callable[[Result], None],
    only: int | None = None,
    folder: Path | None = None,
) -> list[Result]:
    """Run the first ``rounds`` rounds that ``seed`` gives, or ``only`` that one. Return what they showed.

    ``folder``: where the stack lives; by default one that is gone at the end.
    """
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="oms-faults-") as temporary:
            return run(rounds, seed, said, only, Path(temporary))
    settings = Settings.with_free_ports(folder / "stack", head_interval_ms=1_000)
    results = []
    with running_stack(settings, services.names(settings)) as stack:
        for plan in _chosen(stack, rounds, seed, only):
            results.append(Round(stack, plan, seed).run())
            said(results[-1])
    return results


def _chosen(stack: Stack, rounds: int, seed: int, only: int | None) -> list[Plan]:
    drawn = plans(seed, in_docker=stack.in_docker)
    if only is None:
        return list(islice(drawn, rounds))
    return list(islice(drawn, only - 1, only))
