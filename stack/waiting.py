"""Bounded waits."""

from collections.abc import Callable
from time import monotonic, sleep

POLL_MS = 50


class TooLateError(RuntimeError):
    """Something did not happen in the time it had."""


def wait_until(happened: Callable[[], bool], ms_max: int, what: str) -> None:
    """Ask again and again; TooLateError says what did not happen."""
    deadline = monotonic() + ms_max / 1000
    while not happened():
        if monotonic() > deadline:
            raise TooLateError(f"{what}: not after {ms_max / 1000:.0f} s.")
        sleep(POLL_MS / 1000)
