"""Measurements of a run: latencies in bounded memory, and what became of every order and cancel."""

from collections import Counter, deque
from dataclasses import dataclass, field
from math import ceil, exp, log, log1p
from time import perf_counter

from stack.load import bounds
from stack.load.client import Outcome

RESOLUTION = 0.01
_WIDTH = log1p(RESOLUTION)
_LEAST_MS = 0.001


class Histogram:
    """Counts of durations in ms, in classes 1 % wide: a percentile is off by half of that at most."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.total = 0

    def add(self, duration_ms: float) -> None:
        self.counts[int(log(max(duration_ms, _LEAST_MS) / _LEAST_MS) / _WIDTH)] += 1
        self.total += 1

    def percentile(self, percent: float) -> float | None:
        """Return the duration (ms) that ``percent`` of all do not exceed; ``None`` if there are none."""
        if not self.total:
            return None
        wanted = max(1, ceil(self.total * percent / 100))
        seen = 0
        for class_number in sorted(self.counts):
            seen += self.counts[class_number]
            if seen >= wanted:
                break
        return round(_LEAST_MS * exp((class_number + 0.5) * _WIDTH), 3)

    def percentiles(self) -> dict[str, float | None]:
        return {"p50": self.percentile(50), "p99": self.percentile(99), "p999": self.percentile(99.9)}


class Recent:
    """The durations (ms) of the last few seconds, for whoever looks at the run or steers it."""

    def __init__(self, window_s: float = 5.0, kept_max: int = 10_000) -> None:
        self.window_s = window_s
        self.kept: deque[tuple[float, float]] = deque(maxlen=kept_max)

    def add(self, duration_ms: float) -> None:
        self.kept.append((perf_counter(), duration_ms))

    def histogram(self) -> Histogram:
        since = perf_counter() - self.window_s
        found = Histogram()
        for at, duration_ms in self.kept:
            if at >= since:
                found.add(duration_ms)
        return found


@dataclass
class Measurements:
    """What a run did, as its replies told; the event store, read in the proofs, has the last word."""

    orders_sent: int = 0
    orders_accepted: int = 0
    orders_replayed: int = 0
    orders_unanswered: int = 0
    orders_rejected: Counter[str] = field(default_factory=Counter)
    cancels_sent: int = 0
    cancels_done: int = 0
    cancels_refused: Counter[str] = field(default_factory=Counter)
    replacements_dropped: int = 0
    requests_retried: int = 0
    trades: int = 0
    order_ms: Histogram = field(default_factory=Histogram)
    cancel_ms: Histogram = field(default_factory=Histogram)
    visible_ms: Histogram = field(default_factory=Histogram)
    recent_ms: Recent = field(default_factory=Recent)
    recent_visible_ms: Recent = field(default_factory=Recent)
    acknowledged: set[str] = field(default_factory=set)
    began: float = field(default_factory=perf_counter)
    ended: float | None = None

    def start(self) -> None:
        self.began, self.ended = perf_counter(), None

    def stop(self) -> None:
        self.ended = perf_counter()

    @property
    def elapsed_s(self) -> float:
        return (self.ended or perf_counter()) - self.began

    @property
    def orders_per_second(self) -> float:
        return round(self.orders_sent / max(self.elapsed_s, 1e-9), 1)

    def order_answered(self, outcome: Outcome, since: float) -> None:
        """Take note of a placed order's outcome; ``since``: when it was meant to be sent."""
        self._lasted(self.order_ms, since)
        if outcome.status == "pending":
            self.orders_unanswered += 1
            return
        if outcome.status in {"rejected", "refused"}:
            self.orders_rejected[outcome.code or outcome.status] += 1
        else:
            self.orders_accepted += 1
            self.trades += len(outcome.fills)
        self.orders_replayed += outcome.replayed
        if outcome.status != "refused" and len(self.acknowledged) < bounds.ACKNOWLEDGED_MAX:
            self.acknowledged.add(outcome.order_id)

    def cancel_answered(self, outcome: Outcome, since: float) -> None:
        self._lasted(self.cancel_ms, since)
        if outcome.status == "cancelled":
            self.cancels_done += 1
        else:
            self.cancels_refused[outcome.code or outcome.status] += 1

    def became_visible(self, since: float) -> None:
        duration_ms = (perf_counter() - since) * 1000
        self.visible_ms.add(duration_ms)
        self.recent_visible_ms.add(duration_ms)

    def _lasted(self, histogram: Histogram, since: float) -> None:
        duration_ms = (perf_counter() - since) * 1000
        histogram.add(duration_ms)
        self.recent_ms.add(duration_ms)
