"""Now and then, in the flow of all other commands, the exchange is put aside and its snapshot goes on
instead; the one that was put aside is given the same commands, and must say the same.
"""

from contextlib import suppress

import msgspec
from hypothesis.stateful import rule

from domain.event import Command, Event
from domain.exchange import Exchange, carry_out, pass_time
from domain.rejections import RefusedError
from domain.snapshot import ExchangeSnapshot
from domain.snapshots import restored, taken
from tests.unit.domain.both_exchanges import Both
from tests.unit.domain.dump import dump
from tests.unit.domain.invariants import check_invariants
from tests.unit.domain.story import with_records


class GoingOnFromSnapshots(Both):
    """``put_aside``: the exchange as it would have gone on without the last snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.put_aside: Exchange | None = None

    @rule()
    def go_on_from_a_snapshot(self) -> None:
        self.same_as_put_aside()
        self.put_aside, self.exchange = self.exchange, written_and_read(self.exchange)
        self.same_as_put_aside()
        check_invariants(self.exchange)

    def do(self, command: Command) -> list[Event]:
        expected = self.would_have_done(command)
        events = super().do(command)
        assert expected is None or events == expected
        return events

    def would_have_done(self, command: Command) -> list[Event] | None:
        """Return what the exchange that was put aside does, if there is one. Where it refuses and the other
        does not, their dumps differ from then on.
        """
        if self.put_aside is None:
            return None
        decided = with_records(command, [event for batch in self.batches for event in batch])
        with suppress(RefusedError):
            return carry_out(self.put_aside, decided, self.naive.now_us)
        return None

    def time_passes(self, until_us: int) -> None:
        if self.put_aside is not None:
            pass_time(self.put_aside, until_us)
        super().time_passes(until_us)

    def same_as_put_aside(self) -> None:
        if self.put_aside is not None:
            assert dump(self.exchange) == dump(self.put_aside)
            assert list(self.exchange.moved) == list(self.put_aside.moved)

    def teardown(self) -> None:
        self.same_as_put_aside()
        super().teardown()


def written_and_read(exchange: Exchange) -> Exchange:
    """Return the exchange as it comes back from where its snapshot was written to."""
    return restored(msgspec.json.decode(msgspec.json.encode(taken(exchange)), type=ExchangeSnapshot))
