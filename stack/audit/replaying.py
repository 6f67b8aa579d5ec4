"""The events of one shard, replayed into a fresh exchange, and its state compared after every commit."""

from domain.exchange import Exchange, replay
from domain.state_hash import VERSION
from stack.audit.findings import Findings
from stack.audit.in_transit import Sightings
from stack.audit.stored import CommitRow, EventRow
from streams.progress import Place
from streams.topics import destination


class Replay:
    """``places``: the last seq that went to each of ``partitions`` places of the two topics."""

    def __init__(self, shard: int, partitions: int, findings: Findings) -> None:
        self.shard = shard
        self.partitions = partitions
        self.findings = findings
        self.exchange = Exchange()
        self.sightings = Sightings(shard)
        self.places: dict[Place, int] = {}
        self._stands = True
        self._equal = True

    def take(self, commit: CommitRow, events: list[EventRow]) -> None:
        """Apply the events of one commit. After one that cannot be applied, nothing more can be said."""
        if not self._stands:
            return
        for row in events:
            if not self._apply(row):
                return
        self._compare(commit)

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

    def _apply(self, row: EventRow) -> bool:
        if row.event is None:
            self._fell(f"seq {row.seq}, stream {row.stream}, is no event")
            return False
        try:
            replay(self.exchange, row.event.event, row.event.occurred_at_us)
            self.sightings.see(row.event.event, self.exchange.scales)
            self.places[Place(*destination(row.event.event, self.partitions), self.shard)] = row.seq
        except Exception as error:  # noqa: BLE001 - an event that was tampered with can break anything
            self._fell(f"seq {row.seq}, stream {row.stream}, does not fit: {type(error).__name__}: {error}")
            return False
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
