"""How an agent of the read models makes batches: of what came meanwhile, acknowledged when it is done."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from threading import Event as Flag
from types import SimpleNamespace
from typing import Any, cast

from streams.projector import DeadLetter, Projector, Record
from streams.read_models import Agent, ReadModelsConfig
from streams.topics import EXECUTIONS

WAIT_S_MAX = 5.0


def message(offset: int) -> Any:
    return SimpleNamespace(message=SimpleNamespace(partition=0, offset=offset), value=b"%d" % offset)


class Stream:
    """Hands over ``messages`` at once, and then nothing more; it keeps the order of what happens."""

    def __init__(self, messages: int, happened: list[str]) -> None:
        self.enable_acks = True
        self.messages = messages
        self.happened = happened
        self.unacknowledged = messages
        self.done = asyncio.Event()

    async def events(self) -> AsyncIterator[Any]:
        for offset in range(self.messages):
            yield message(offset)
        await asyncio.Event().wait()

    async def ack(self, event: Any) -> None:
        assert not self.enable_acks, "Faust would acknowledge what is not done"
        self.happened.append(f"ack {event.message.offset}")
        self.unacknowledged -= 1
        if not self.unacknowledged:
            self.done.set()


class Slow:
    """A projector whose first batch takes until ``go`` is set; after its first ``rests`` batches something is
    left to be written.
    """

    def __init__(self, happened: list[str], rests: int) -> None:
        self.happened = happened
        self.rests = rests
        self.rest_due_s: float | None = None
        self.go = Flag()

    def process_pressing(self, records: Sequence[Record]) -> list[DeadLetter]:
        assert self.go.wait(WAIT_S_MAX)
        self.happened.append(f"process {[record.offset for record in records]}")
        self.rest_due_s = 0.01 if self.rests else None
        self.rests = max(0, self.rests - 1)
        return []


def agent_with(projector: Slow, records_max: int) -> Agent:
    config = ReadModelsConfig("", "", "", "", Path(), 1, records_per_batch_max=records_max, gather_ms_max=1)
    watch: Any = SimpleNamespace(busy=lambda _: None)
    lateness: Any = SimpleNamespace(processed=lambda *_: None)
    agent = Agent(config, EXECUTIONS, ["orders"], cast("Any", None), None, watch, lateness)
    agent.projector = cast("Projector", projector)
    return agent


async def consumed(
    messages: int, records_max: int, *, rests: int = 0, cancelled_in_hand: bool = False
) -> list[str]:
    """Return what happened until all of it was acknowledged, or until the first batch was cancelled."""
    happened: list[str] = []
    projector, stream = Slow(happened, rests), Stream(messages, happened)
    work = asyncio.create_task(agent_with(projector, records_max).consume(stream))
    await asyncio.sleep(0.1)
    if cancelled_in_hand:
        work.cancel()
        await asyncio.sleep(0.05)
        projector.go.set()
    else:
        projector.go.set()
        await asyncio.wait_for(stream.done.wait(), WAIT_S_MAX)
        work.cancel()
    await asyncio.wait({work}, timeout=WAIT_S_MAX)
    assert work.cancelled()
    return happened


async def test_a_batch_is_acknowledged_when_it_is_done_and_not_before() -> None:
    assert await consumed(3, 10) == ["process [0, 1, 2]", "ack 0", "ack 1", "ack 2"]


async def test_nothing_is_acknowledged_while_some_of_it_is_still_to_be_written() -> None:
    acks = [f"ack {offset}" for offset in range(3)]
    assert await consumed(3, 10, rests=1) == ["process [0, 1, 2]", "process []", *acks]


async def test_what_is_to_be_written_is_so_though_nothing_more_comes() -> None:
    happened = await consumed(1, 10, rests=3)
    assert happened == ["process [0]", "process []", "process []", "process []", "ack 0"]


async def test_no_batch_has_more_records_than_allowed_and_none_is_left_out() -> None:
    batches = [line for line in await consumed(9, 4) if line.startswith("process")]
    sizes = [len(batch.split(",")) for batch in batches]
    assert sum(sizes) == 9
    assert max(sizes) <= 4


async def test_a_batch_in_hand_is_finished_when_the_agent_is_stopped() -> None:
    happened = await consumed(2, 10, cancelled_in_hand=True)
    assert happened == ["process [0, 1]"], "and comes again, to no effect, since it was not acknowledged"
