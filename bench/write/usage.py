"""What CPU time the processes of a stack have used so far."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import psutil

from stack.running import Stack

CLIENT = "client"


class Usage:
    """Looks at the named programs of a stack with all their children, and at this process (the client)."""

    def __init__(self, stack: Stack, names: Sequence[str], *, client: bool) -> None:
        # In Docker a server has no process of ours: its share is left out.
        pids = {name: stack.pid(name) for name in names}
        self._trees = {name: _tree(pid) for name, pid in pids.items() if pid}
        if client:
            self._trees[CLIENT] = [psutil.Process()]

    def seconds(self) -> dict[str, float]:
        return {name: sum(map(_seconds, processes)) for name, processes in self._trees.items()}


def per_order(before: Mapping[str, float], after: Mapping[str, float], orders: int) -> dict[str, float]:
    """Return microseconds of CPU an order by process, and their sum."""
    each = {name: (after[name] - before[name]) * 1e6 / orders for name in after}
    rounded = {name: round(us, 2) for name, us in each.items()}
    return {**rounded, "all": round(sum(each.values()), 2)}


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def _seconds(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0
