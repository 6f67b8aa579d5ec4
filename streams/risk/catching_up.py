"""Whether the engine is catching up: then accounts are as they were, prices are as they are, and to judge one
by the other would find losses that nobody had.
"""

STALE_US = 5_000_000
"""An event that happened so long ago was not live."""
QUIET_US = 2_000_000
"""So long after the last such event the engine has caught up."""
PATIENCE_US = 30_000_000
"""So long it waits at most: an engine that is always late has to judge all the same."""


class CatchingUp:
    """Times in microseconds since 1970."""

    def __init__(self) -> None:
        self._since_us = 0
        self._until_us = 0

    def begin(self, now_us: int) -> None:
        """Nothing is known yet of what happened while nobody looked."""
        self._since_us, self._until_us = now_us, now_us + QUIET_US

    def saw(self, occurred_at_us: int, now_us: int) -> None:
        """Take note of the newest event of a batch."""
        if now_us - occurred_at_us < STALE_US:
            return
        if now_us > self._until_us:
            self._since_us = now_us
        self._until_us = now_us + QUIET_US

    def going_on(self, now_us: int) -> bool:
        return now_us <= min(self._until_us, self._since_us + PATIENCE_US)
