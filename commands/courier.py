"""The courier: carries what its shard has to tell other shards, until they have answered.

It knows nothing but committed events. A transfer is carried when it is committed, and again as long as it is
open, less and less often; a courier that starts carries all that are open. An answer is given when it is
committed, and again whenever the question comes again: so only the source has to insist. Whatever of it is
lost, doubled, late or in another order, each shard does its part once.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from commands.errands import Errand, errand_of
from commands.messages import AnyCommand
from domain.shard_transfer import FundsSent, TransferCompleted, TransferReturned
from streams.codec import RecordedEvent

logger = logging.getLogger(__name__)

COMMANDS_AT_ONCE_MAX = 500
"""In one record, and between two looks at anything else."""

Send = Callable[[int, Sequence[AnyCommand]], None]
"""Puts commands into the log of a shard, soon or never: whatever is lost is sent again."""


@dataclass(frozen=True)
class CourierConfig:
    """So long after it was sent first, an open transfer is sent again; each time twice as long, up to the
    maximum.
    """

    again_ms_min: int = 1_000
    again_ms_max: int = 60_000


class Courier:
    """One shard's courier. ``scales``: of the shard's assets. ``now_s``: of a clock that never runs back."""

    def __init__(self, config: CourierConfig, scales: Mapping[str, int], send: Send) -> None:
        self._config = config
        self._scales = scales
        self._send = send
        self._open: dict[str, Errand] = {}
        self._due: list[tuple[float, float, str]] = []  # when, how long after the last time, which

    @property
    def open(self) -> int:
        """How many transfers wait for another shard's word."""
        return len(self._open)

    def committed(self, events: Iterable[RecordedEvent], now_s: float) -> None:
        """Run the errands of events that are in the store by now."""
        errands = [errand for event in events if (errand := self._taken(event, now_s)) is not None]
        self._run(errands)

    def advance(self, now_s: float) -> float | None:
        """Send again what is due. Return in how many seconds the next is due, if any is."""
        errands: list[Errand] = []
        while self._due and self._due[0][0] <= now_s and len(errands) < COMMANDS_AT_ONCE_MAX:
            _, waited_s, transfer = heappop(self._due)
            if errand := self._open.get(transfer):
                errands.append(errand)
                self._again(transfer, min(2 * waited_s, self._config.again_ms_max / 1000), now_s)
        if errands:
            logger.info("%s transfers are still in transit: sent again", len(errands))
            self._run(errands)
        return max(0.0, self._due[0][0] - now_s) if self._due else None

    def _taken(self, recorded: RecordedEvent, now_s: float) -> Errand | None:
        event = recorded.event
        errand = errand_of(recorded, self._scales)
        if isinstance(event, FundsSent) and errand is not None:
            self._open[event.transfer_id] = errand
            self._again(event.transfer_id, self._config.again_ms_min / 1000, now_s)
        elif isinstance(event, TransferCompleted | TransferReturned):
            self._open.pop(event.transfer_id, None)
        return errand

    def _again(self, transfer: str, wait_s: float, now_s: float) -> None:
        heappush(self._due, (now_s + wait_s, wait_s, transfer))

    def _run(self, errands: Sequence[Errand]) -> None:
        by_shard: dict[int, list[AnyCommand]] = {}
        for shard, command in errands:
            by_shard.setdefault(shard, []).append(command)
        for shard, commands in by_shard.items():
            for start in range(0, len(commands), COMMANDS_AT_ONCE_MAX):
                self._send(shard, commands[start : start + COMMANDS_AT_ONCE_MAX])
