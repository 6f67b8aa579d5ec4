"""Plays a history's steps through the command API: one by one at fixed times, or in batches at full speed."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter

import xxhash

from domain.ids import order_id
from domain.numbers import format_units
from stack.load import bounds
from stack.load.client import Cancel, Command, CommandClient, Outcome, Place
from stack.load.history import Step
from stack.load.measurements import Measurements
from stack.load.visibility import VisibilityProbe

OPEN = {"open", "partially_filled"}

Advance = Callable[[], None]


@dataclass
class Player:
    """One run over one market.

    The run's id is part of every client order id: the same file can be played again beside it, and the same
    run again is answered as replayed. ``shard``: the market's.
    """

    client: CommandClient
    measurements: Measurements
    probe: VisibilityProbe
    run_id: str
    symbol: str
    accounts: Sequence[str]
    still_open: dict[str, None] = field(default_factory=dict)
    never_placed: set[str] = field(default_factory=set)
    shard: int = 0

    def account_of(self, step: Step) -> str:
        return self.accounts[xxhash.xxh3_64_intdigest(step.file_order.encode()) % len(self.accounts)]

    def placing(self, step: Step) -> Place:
        return Place(
            account=self.account_of(step),
            client_order_id=f"{self.run_id}-{step.order}",
            symbol=self.symbol,
            side="buy" if step.direction == "bid" else "sell",
            type="limit",
            quantity=format_units(step.volume, 8),
            price=format_units(step.price_cents, 2),
        )

    def cancelling(self, step: Step) -> Cancel:
        account = self.account_of(step)
        name = step.replaced or step.order
        return Cancel(account, order_id(self.shard, account, f"{self.run_id}-{name}"))

    def placed(self, step: Step, outcome: Outcome, since: float) -> None:
        self.measurements.order_answered(outcome, since)
        if outcome.status in OPEN:
            self.still_open[step.order] = None

    def cancelled(self, step: Step, outcome: Outcome, since: float) -> None:
        self.measurements.cancel_answered(outcome, since)
        self.still_open.pop(step.replaced or step.order, None)

    def replacement_dropped(self, step: Step) -> None:
        """What was to be replaced is gone already: a new order beside it would be one too many."""
        self.measurements.replacements_dropped += 1
        self.never_placed.add(step.order)

    def skips(self, step: Step) -> bool:
        """Whether the step is about an order that was never placed."""
        if step.op == "place" or (step.replaced or step.order) not in self.never_placed:
            return False
        if step.op == "replace":
            self.replacement_dropped(step)
        return True

    async def close(self, steps: Sequence[Step]) -> int:
        """Cancel what the file leaves open, so that the next run begins with an empty book.

        Return how many orders that were.
        """
        left = [
            self.cancelling(step._replace(replaced=""))
            for step in steps
            if step.op != "cancel" and step.order in self.still_open
        ]
        closed = 0
        for batch in batches(left):
            outcomes, _ = await self.client.batch(batch)
            closed += sum(outcome.status == "cancelled" for outcome in outcomes)
        return closed


def batches(commands: Sequence[Command]) -> Iterator[list[Command]]:
    rest = iter(commands)
    while batch := list(islice(rest, bounds.BATCH_COMMANDS_MAX)):
        yield batch


# --- At full speed ------------------------------------------------------------------------------------------


async def play_batches(player: Player, steps: Sequence[Step], advance: Advance) -> None:
    """Send a few hundred steps a request, one request at a time: all in the file's strict order.

    Whether a replacement is placed depends on what its cancel finds, so each ends a batch with its cancel
    and begins the next with its order.
    """
    gathered: list[Step] = []
    for step in steps:
        if not player.skips(step):
            gathered.append(step)
        else:
            advance()
        if len(gathered) >= bounds.BATCH_COMMANDS_MAX or step.op == "replace":
            gathered = await _play_batch(player, gathered, advance)
    while gathered:
        gathered = await _play_batch(player, gathered, advance)


async def _play_batch(player: Player, steps: Sequence[Step], advance: Advance) -> list[Step]:
    """Send one batch. Return what has to begin the next: the order of a replacement that ended this one."""
    if not steps:
        return []
    commands = [player.placing(step) if step.op == "place" else player.cancelling(step) for step in steps]
    player.measurements.orders_sent += sum(isinstance(command, Place) for command in commands)
    player.measurements.cancels_sent += sum(isinstance(command, Cancel) for command in commands)
    since = perf_counter()
    outcomes, token = await player.client.batch(commands)
    for step, outcome in zip(steps, outcomes, strict=True):
        answered = player.placed if step.op == "place" else player.cancelled
        answered(step, outcome, since)
        advance()
    _sample(player, outcomes, token, since)
    last, outcome = steps[-1], outcomes[-1]
    if last.op != "replace":
        return []
    if outcome.status == "cancelled":
        return [last._replace(op="place")]
    player.replacement_dropped(last)
    return []


def _sample(player: Player, outcomes: Sequence[Outcome], token: str, since: float) -> None:
    placed = [outcome for outcome in outcomes if outcome.status in OPEN]
    if placed:
        player.probe.offer(placed[-1].order_id, placed[-1].token or token, since)


# --- At fixed times -----------------------------------------------------------------------------------------


def times_at_speed(steps: Sequence[Step], speed: float) -> list[float]:
    """Return when each step is due, in seconds from the beginning, ``speed`` times as fast as it was."""
    first = steps[0].at_ms if steps else 0
    return [(step.at_ms - first) / 1000 / speed for step in steps]


def times_at_rate(steps: Sequence[Step], orders_per_s: float) -> list[float]:
    """Return when each step is due, evenly spaced, so that ``orders_per_s`` orders are sent on average."""
    orders = sum(step.op != "cancel" for step in steps)
    interval_s = orders / orders_per_s / max(len(steps), 1)
    return [index * interval_s for index in range(len(steps))]


async def play_open_loop(
    player: Player, steps: Sequence[Step], due_s: Sequence[float], advance: Advance
) -> None:
    """Send each step when it is due, whatever became of those before; latency counts from then on.

    Only a cancel waits for the reply of its own order.
    """
    slots = asyncio.Semaphore(bounds.IN_FLIGHT_MAX)
    replies: dict[str, asyncio.Task[None]] = {}
    began = perf_counter()

    def done(_: asyncio.Task[None]) -> None:
        slots.release()
        advance()

    async with asyncio.TaskGroup() as group:
        for step, due in zip(steps, due_s, strict=True):
            await asyncio.sleep(max(0.0, began + due - perf_counter()))
            await slots.acquire()
            before = None if step.op == "place" else replies.pop(step.replaced or step.order, None)
            task = group.create_task(_play_step(player, step, began + due, before))
            if step.op != "cancel":
                replies[step.order] = task
            task.add_done_callback(done)


async def _play_step(player: Player, step: Step, since: float, before: asyncio.Task[None] | None) -> None:
    if before is not None:
        await before
    if player.skips(step):
        return
    if step.op != "place":
        player.measurements.cancels_sent += 1
        cancel = player.cancelling(step)
        outcome = await player.client.cancel(cancel.account, cancel.order_id)
        player.cancelled(step, outcome, since)
        if step.op == "replace" and outcome.status != "cancelled":
            player.replacement_dropped(step)
    if step.op == "place" or (step.op == "replace" and step.order not in player.never_placed):
        player.measurements.orders_sent += 1
        outcome = await player.client.place(player.placing(step))
        player.placed(step, outcome, since)
        player.probe.offer(outcome.order_id, outcome.token, since)
