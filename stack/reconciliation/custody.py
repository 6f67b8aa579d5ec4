"""The books' side of a reconciliation: what should be in custody, told from the events alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from domain.account import FundsDeposited
from domain.market import MarketListed
from domain.numbers import format_units
from domain.transfer import WithdrawalCompleted
from stack.reconciliation.comparing import Direction, Movement, Statement
from streams.codec import RecordedEvent


@dataclass
class Custody:
    """Follows the events: ``seq`` is the last one seen of each shard."""

    statement: Statement = field(default_factory=lambda: Statement(movements=[]))
    seqs: dict[int, int] = field(default_factory=dict)
    _scales: dict[str, int] = field(default_factory=dict)
    _units: dict[str, int] = field(default_factory=dict)

    def follow(self, shard: int, events: Iterable[RecordedEvent], until_us: int | None = None) -> None:
        """Take a shard's events in, those up to ``until_us`` (microseconds since 1970, UTC) included."""
        self.seqs.setdefault(shard, 0)
        for recorded in events:
            if until_us is not None and recorded.occurred_at_us > until_us:
                break
            self.seqs[shard] = recorded.seq
            self._see(recorded)
        self.statement.amounts = {
            asset: Decimal(format_units(units, self._scales[asset])) for asset, units in self._units.items()
        }

    def _see(self, recorded: RecordedEvent) -> None:
        event = recorded.event
        if isinstance(event, MarketListed):
            rules = event.rules
            self._scales |= {rules.base_asset: rules.base_scale, rules.quote_asset: rules.quote_scale}
        elif isinstance(event, FundsDeposited):
            self._moved(event.client_transfer_id, event.asset, event.amount, "in", recorded)
        elif isinstance(event, WithdrawalCompleted):
            self._moved(event.reference, event.asset, event.amount, "out", recorded)

    def _moved(
        self, reference: str, asset: str, units: int, direction: Direction, recorded: RecordedEvent
    ) -> None:
        self._units[asset] = self._units.get(asset, 0) + (units if direction == "in" else -units)
        moment = datetime.fromtimestamp(recorded.occurred_at_us // 1_000_000, UTC)
        amount = Decimal(format_units(units, self._scales[asset]))
        assert self.statement.movements is not None  # noqa: S101 - it was made with a list
        self.statement.movements.append(
            Movement(reference, asset, amount, direction, f"{moment:%Y-%m-%dT%H:%M:%SZ}")
        )
