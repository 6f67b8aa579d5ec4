"""How long to wait before a connection is tried again: twice as long each time, up to a bound, never equally
long for all, so that not everybody comes back at once.
"""

import random
from dataclasses import dataclass


@dataclass
class Backoff:
    """Each wait is between half of it and all of it, by chance."""

    ms_min: int
    ms_max: int
    attempts: int = 0

    def next_s(self) -> float:
        """Return how long to wait now."""
        whole_ms: int = min(self.ms_min * 2 ** min(self.attempts, 30), self.ms_max)
        self.attempts += 1
        return (whole_ms / 2 + random.random() * whole_ms / 2) / 1_000  # noqa: S311 - nobody may guess it

    def reset(self) -> None:
        """The connection has proved good."""
        self.attempts = 0
