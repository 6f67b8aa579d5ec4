"""The events of one shard, replayed into a fresh exchange, and its state compared after every commit."""

from collections.abc import Callable, Iterable

from domain.exchange import Exchange, replay
from domain.state_hash import VERSION
from stack.audit.findings import Findings
from stack.audit.in_transit import Sightings
from stack.audit.stored import CommitRow
from streams.codec import decode_recorded

SAY_EVERY_EVENTS = 5_000


class Replay:
    """``done``: events that were applied. After one that cannot be applied, nothing more can be said."""

    def __init__(self, shard: int, findings: Findings) -> None:
        self.shard = shard
        self.findings = findings
        self.exchange = Exchange()
        self.sightings = Sightings(shard)
        self.done = 0
        self._stands = True
        self._equal = True

    def run(
        self,
        commits: Iterable[CommitRow],
        states: Iterable[tuple[int, bytes]],
        said: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Apply all events, by seq, and compare the state where each commit ends."""
        waiting = iter(states)
        ahead = next(waiting, None)
        told = 0
        for commit in commits:
            while ahead is not None and ahead[0] <= commit.last_seq:
                if not self._apply(*ahead):
                    return
                ahead = next(waiting, None)
            self._compare(commit)
            if self.done - told >= SAY_EVERY_EVENTS:
                told = self.done
                said(told)

    def finish(self) -> None:
        """See whether money came from nowhere."""
        if not self._stands:
            self.findings.wrong(
                "money_conserved", f"shard {self.shard}: not all events can be replayed, so it cannot be told"
            )
            return
        self.sightings.finish(self.exchange)
        for asset, amount in self.exchange.unaccounted().items():
            if amount:
                self.findings.wrong(
                    "money_conserved",
                    f"shard {self.shard}: {amount} minor units of {asset} came from nowhere",
                )

    def _apply(self, seq: int, state: bytes) -> bool:
        try:
            recorded = decode_recorded(state)
            replay(self.exchange, recorded.event, recorded.occurred_at_us)
            self.sightings.see(recorded.event, self.exchange.scales)
        except Exception as error:  # noqa: BLE001 - an event that was tampered with can break anything
            self._fell(f"seq {seq} does not fit: {type(error).__name__}: {error}")
            return False
        self.done += 1
        return True

    def _fell(self, why: str) -> None:
        self._stands = False
        self.findings.wrong("state_hash_equal", f"shard {self.shard}: the replay ends early: {why}")

    def _compare(self, commit: CommitRow) -> None:
        """Only the first commit with another state is told: all after it differ as well."""
        if commit.state_hash_version != VERSION:
            return
        self.findings.states_compared += 1
        replayed = self.exchange.state_hash.to_bytes(8, "big")
        if self._equal and replayed != commit.state_hash:
            self._equal = False
            self.findings.wrong(
                "state_hash_equal",
                f"shard {self.shard}: the events up to seq {commit.last_seq} give the state {replayed.hex()},"
                f" the commit of seq {commit.first_seq} to {commit.last_seq} says {commit.state_hash.hex()}",
            )
