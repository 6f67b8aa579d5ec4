"""Credit: how many commands may be on their way to one shard.

The processor decides a shard's commands in the order in which they were sent, so an outcome also says that
all sent before it are decided, whether their outcomes arrived or not. How long commands wait tells whether
the processor keeps up: if it does, the limit grows as far as it is used; if not, the limit is what the
processor decides in ``WORK_MS``. Each API process measures its own share of that (ADR 8).
"""

from collections import deque
from itertools import pairwise

from api.command import bounds

_RATE_TICKS = 3  # a rate is measured over so many ticks: one alone is too short for a batch of commands
_KEPT_TICKS = 10


class Credit:
    """Times are seconds of any clock that only moves forward. ``hold_s``: how long a command that nobody
    hears of again is held to be on its way.
    """

    def __init__(self, now: float, hold_s: float) -> None:
        self.limit = bounds.CREDIT_FIRST
        self._hold_s = hold_s
        self._sent = 0
        self._done = 0
        self._decided = 0
        self._marks: deque[tuple[int, float]] = deque()
        self._totals: deque[tuple[float, int]] = deque([(now, 0)], maxlen=_KEPT_TICKS + 1)
        self._waited_s = 0.0
        self._most = 0

    @property
    def in_flight(self) -> int:
        return self._sent - self._done

    @property
    def room(self) -> int:
        """How many new orders may be sent."""
        return max(0, self.limit - self.in_flight)

    @property
    def reserved_room(self) -> int:
        """How many of those commands may be sent that go before new orders."""
        return max(0, self.limit + bounds.RESERVED - self.in_flight)

    @property
    def retry_after_ms(self) -> int:
        """When there is likely to be room: after what is too much has been decided."""
        rate = self._rate()
        wait_ms = 1000 * self.in_flight / rate if rate else bounds.RETRY_AFTER_MS_MAX
        return int(min(max(wait_ms, bounds.RETRY_AFTER_MS_MIN), bounds.RETRY_AFTER_MS_MAX))

    def sent(self, count: int, now: float) -> int:
        """Take note of ``count`` commands that are on their way. Return the number of the first."""
        first = self._sent + 1
        self._sent += count
        self._marks.append((self._sent, now))
        self._most = max(self._most, self.in_flight)
        return first

    def decided(self, number: int, now: float) -> None:
        """Take note that the command of this number is decided, and with it all before it."""
        if number <= self._done:
            return
        self._decided += number - self._done
        self._done = number
        while self._marks and self._marks[0][0] <= number:
            self._waited_s = max(self._waited_s, now - self._marks.popleft()[1])

    def tick(self, now: float, *, blind: bool = False) -> None:
        """Adjust the limit; every ``TICK_MS``.

        ``blind``: no outcome can arrive, so that none came says nothing of the processor.
        """
        waited_s = max(self._waited_s, now - self._marks[0][1] if self._marks else 0.0)
        self._forget_lost(now)
        self._totals.append((now, self._decided))
        if blind:
            self.limit = bounds.CREDIT_FIRST
        elif waited_s > bounds.WORK_MS / 1000:
            self.limit = max(bounds.CREDIT_MIN, int(self._rate() * bounds.WORK_MS / 1000))
        elif self._most > self.limit / 2:
            self.limit = self.limit * 5 // 4
        self.limit = min(self.limit, bounds.CREDIT_MAX)
        self._waited_s, self._most = 0.0, self.in_flight

    def _forget_lost(self, now: float) -> None:
        """Outcomes that never came hold no credit for ever: Redis may have been away."""
        while self._marks and now - self._marks[0][1] > self._hold_s:
            self._done = max(self._done, self._marks.popleft()[0])

    def _rate(self) -> float:
        """Return the commands decided a second, at best, in the last second."""
        totals = list(self._totals)
        step = min(_RATE_TICKS, len(totals) - 1)
        spans = zip(totals, totals[step:], strict=False) if step == _RATE_TICKS else pairwise(totals)
        return max(((after[1] - before[1]) / (after[0] - before[0]) for before, after in spans), default=0.0)
