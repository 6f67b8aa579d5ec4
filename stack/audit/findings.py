"""What a verification found."""

from dataclasses import dataclass, field
from typing import Any, Literal

DIFFERENCES_MAX = 200

Proof = Literal["chain_ok", "state_hash_equal", "read_models_equal", "money_conserved"]


@dataclass
class Findings:
    """What speaks against each proof, in words; ``notes`` is what an auditor should know and is no fault.

    ``in_transit``: by asset, what is on its way between shards, and in how many transfers.
    ``states_compared``: commits whose state hash could be compared with the replayed state's. ``parts``: how
    fast each went by itself. ``not_compared``: what nobody asked for.
    """

    events: int = 0
    elapsed_s: float = 0.0
    states_compared: int = 0
    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shards: list[dict[str, Any]] = field(default_factory=list)
    in_transit: dict[str, tuple[str, int]] = field(default_factory=dict)
    counts: dict[Proof, int] = field(default_factory=dict)
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    not_compared: list[Proof] = field(default_factory=list)

    def wrong(self, proof: Proof, what: str) -> None:
        """Note a difference; of very many, the first are told and the others counted."""
        self.counts[proof] = self.counts.get(proof, 0) + 1
        if sum(self.counts.values()) <= DIFFERENCES_MAX:
            self.differences.append(what)

    def join(self, other: "Findings") -> None:
        """Add what another part of the same verification found."""
        room = max(0, DIFFERENCES_MAX - len(self.differences))
        self.differences += other.differences[:room]
        for proof, count in other.counts.items():
            self.counts[proof] = self.counts.get(proof, 0) + count
        self.states_compared += other.states_compared
        self.notes += other.notes
        self.shards += other.shards
        self.in_transit |= other.in_transit

    def holds(self, proof: Proof) -> bool:
        return not self.counts.get(proof)

    def told(self, proof: Proof) -> bool | None:
        """Return whether it holds; ``None``: it was not looked at."""
        return None if proof in self.not_compared else self.holds(proof)

    @property
    def all_well(self) -> bool:
        return not self.counts

    def as_object(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        more = sum(self.counts.values()) - len(self.differences)
        return {
            "events": self.events,
            "events_per_second": round(self.events / max(self.elapsed_s, 1e-9)),
            "chain_ok": self.holds("chain_ok"),
            "state_hash_equal": self.holds("state_hash_equal"),
            "read_models_equal": self.told("read_models_equal"),
            "money_conserved": self.holds("money_conserved"),
            "in_transit": {asset: amount for asset, (amount, _) in self.in_transit.items()},
            "differences": self.differences + ([f"and {more} more"] if more > 0 else []),
            "parts": self.parts,
            "notes": self.notes,
            "shards": self.shards,
        }
