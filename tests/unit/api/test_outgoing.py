"""How commands go into a shard's log: alone at once, under load many in one record, always in their order."""

import asyncio
from collections.abc import Sequence

import pytest

from api.command import bounds
from api.command.outgoing import Outgoing
from commands.messages import AnyCommand
from domain.order import CancelOrder

WAIT_S_MAX = 30.0


@pytest.fixture(autouse=True)
def _much_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not make a test's next line come too late."""
    monkeypatch.setattr(bounds, "GATHER_MS", 500)


class Log:
    """Keeps the records it is sent, as the numbers of their commands."""

    def __init__(self) -> None:
        self.records: list[list[int]] = []
        self.more = asyncio.Event()
        self.outgoing = Outgoing(self.take)

    def take(self, commands: Sequence[AnyCommand]) -> None:
        self.records.append([int(command.command_id) for command in commands])
        self.more.set()

    def add(self, *numbers: int) -> None:
        self.outgoing.add(
            [CancelOrder("order", "alice", command_id=str(number), actor="alice") for number in numbers]
        )

    async def next(self) -> list[list[int]]:
        """Wait for one more record; return all."""
        self.more.clear()
        await asyncio.wait_for(self.more.wait(), WAIT_S_MAX)
        return self.records


async def test_a_command_that_comes_alone_does_not_wait() -> None:
    log = Log()
    log.add(1)
    assert log.records == [[1]]


async def test_those_that_come_just_after_go_together_a_moment_later() -> None:
    log = Log()
    for number in range(1, 5):
        log.add(number)
    assert log.records == [[1]]
    assert await log.next() == [[1], [2, 3, 4]]


async def test_no_record_holds_more_than_it_may_and_a_full_one_does_not_wait() -> None:
    log, many = Log(), bounds.COMMANDS_PER_RECORD_MAX + 1
    log.add(0)
    log.add(*range(1, many + 1))
    assert log.records == [[0], list(range(1, many)), [many]]


async def test_what_waits_is_sent_when_told_to_and_once() -> None:
    log = Log()
    log.add(1)
    log.add(2)
    log.outgoing.flush()
    log.outgoing.flush()
    assert log.records == [[1], [2]]
