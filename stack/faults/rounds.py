"""A round: load, a fault in the middle of it, recovery; and at its end everything is proven."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import psycopg

from stack import services
from stack.audit.verifying import Asked, Verification
from stack.faults import bounds
from stack.faults.catalogue import Plan, happen
from stack.faults.clients import CountingClient, once
from stack.faults.overload import Overload
from stack.faults.probing import Prober, Seen
from stack.faults.witness import Witness
from stack.load.client import CommandClient
from stack.load.flow import MARKETS, Flow, funds
from stack.load.session import new_run_id
from stack.load.trading import Governor, Trading
from stack.load.venue import prepare
from stack.load.visibility import VisibilityProbe
from stack.restoring import back_up, restore
from stack.running import Stack
from stack.servers.local import SERVERS
from stack.settings import Settings
from streams.history import read_events

CONNECT_S = 10


@dataclass
class Result:
    """What a round showed. Recovery is measured from the fault's beginning to the first order that was sent
    after it and accepted, and to the first that was visible; seconds.
    """

    plan: Plan
    accepted_s: float | None = None
    visible_s: float | None = None
    orders: int = 0
    acknowledged: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    events: int = 0
    more: dict[str, Any] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.differences

    def as_object(self) -> dict[str, Any]:
        return {
            "round": self.plan.number,
            "fault": self.plan.name,
            "passed": self.passed,
            "at_s": self.plan.after_s,
            "lasted_s": self.plan.for_s,
            "accepted_again_s": self.accepted_s,
            "visible_again_s": self.visible_s,
            "orders": self.orders,
            "acknowledged": self.acknowledged,
            "requests_without_outcome": self.failures,
            "events": self.events,
            **self.more,
            "differences": self.differences,
            "elapsed_s": round(self.elapsed_s, 1),
        }


class Round:
    """One round on a stack that runs; it runs again, whole, at the end."""

    def __init__(self, stack: Stack, plan: Plan, seed: int) -> None:
        self.stack = stack
        self.settings = stack.settings
        self.plan = plan
        self.seed = seed
        self.run_id = new_run_id()
        self.witness = Witness()
        self.result = Result(plan)

    def run(self) -> Result:
        """Return what happened; what did not hold is among its differences."""
        began = perf_counter()
        first = _ends(self.settings)
        try:
            asyncio.run(self._under_load())
            if self.plan.kind == "restore":
                self._disaster()
            self._wait_whole()
            self._prove(first)
        except Exception as error:  # noqa: BLE001 - a round that breaks is a result, and the next may go on
            self.result.differences.append(f"the round broke: {type(error).__name__}: {error}")
        self.result.orders = self.witness.orders_sent
        self.result.acknowledged = len(self.witness.told)
        self.result.elapsed_s = perf_counter() - began
        return self.result

    # --- Load and fault -----------------------------------------------------------------------------------

    async def _under_load(self) -> None:
        async with asyncio.timeout(bounds.ROUND_S_MAX), self._clients() as (trader, sampler):
            specs = [plan.spec for plan in MARKETS]
            homes = await prepare(trader, self.run_id, specs, funds(), self.settings.shards)
            flow = Flow(self.seed + self.plan.number, self.run_id, homes)
            seen = VisibilityProbe(trader, self.witness)
            trading = Trading(trader, self.witness, seen, flow, Governor(bounds.COMMANDS_PER_S))
            prober = Prober(sampler, self.witness, self.run_id)
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                group.create_task(trading.run(stop))
                probing = group.create_task(prober.run())
                try:
                    await asyncio.sleep(self.plan.after_s)
                    if self.plan.kind != "restore":
                        self._recovered(await self._fault(prober))
                    await asyncio.sleep(bounds.AFTER_S)
                finally:
                    stop.set()
                    probing.cancel()
            await prober.finish()
            await trading.withdraw()
            self.result.failures = dict(sorted(trader.failures.items()))

    @asynccontextmanager
    async def _clients(self) -> AsyncIterator[tuple[CountingClient, CommandClient]]:
        trader, sampler = CountingClient(self.settings), once(self.settings, bounds.PROBE_PATIENCE_S)
        async with trader, sampler:
            yield trader, sampler

    async def _fault(self, prober: Prober) -> Seen:
        began = perf_counter()
        recovering = asyncio.create_task(prober.recovered(began))
        if self.plan.kind == "overload":
            async with once(self.settings) as client:
                overload = Overload(client, self.witness, self.run_id)
                await overload.run(self.plan.for_s)
                self.result.more["overload"] = overload.as_object()
            recovering.cancel()
            # from the end of the overload on: how long its backlog still delays others
            return await prober.recovered(perf_counter())
        await asyncio.to_thread(happen, self.stack, self.plan)
        return await recovering

    def _recovered(self, seen: Seen) -> None:
        if seen.accepted is not None:
            self.result.accepted_s = round(seen.accepted - seen.since, 2)
        if seen.visible is not None:
            self.result.visible_s = round(seen.visible - seen.since, 2)
        for what, when in (("accepted", seen.accepted), ("visible", seen.visible)):
            if when is None:
                self.result.differences.append(
                    f"{bounds.RECOVERY_S_MAX:.0f} s after the fault no new order was {what}"
                )

    # --- The disaster -------------------------------------------------------------------------------------

    def _disaster(self) -> None:
        """A backup under way of trading; then every server loses its data, and all is rebuilt from it."""
        folder = self.settings.folder
        backup = folder / "faults.dump"
        back_up(self.settings, backup)
        began = perf_counter()
        self.stack.down()
        for name in SERVERS:
            shutil.rmtree(folder / "data" / name, ignore_errors=True)
        restore(self.stack, backup, lambda _: None)
        self.stack.up(services.names(self.settings))
        asyncio.run(self._first_order(began))
        backup.unlink()

    async def _first_order(self, began: float) -> None:
        async with once(self.settings, bounds.PROBE_PATIENCE_S) as client:
            prober = Prober(client, self.witness, f"{self.run_id}-restored")
            probing = asyncio.create_task(prober.run())
            seen = await prober.recovered(began)
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing
            await prober.finish()
        self._recovered(seen)

    # --- Proofs -------------------------------------------------------------------------------------------

    def _wait_whole(self) -> None:
        """Everything that was hit is back before the next round, and before the proofs."""
        for name in [*SERVERS, *services.names(self.settings)]:
            if not self.stack.is_ready(name):
                self.stack.wait_until_ready(name)

    def _prove(self, first: Sequence[int]) -> None:
        differences = self.result.differences
        with psycopg.connect(self.settings.postgres_dsn, connect_timeout=CONNECT_S) as store:
            differences += self.witness.compare(
                event
                for shard, last_seq in enumerate(first)
                for event in read_events(store, shard, after=last_seq)
            )
        found = Verification(
            self.settings, Asked(catch_up_s_max=bounds.CATCH_UP_S_MAX), lambda *_: None
        ).run()
        differences += found.differences
        self.result.events = found.events
        if self.witness.orders_unanswered:
            differences.append(f"{self.witness.orders_unanswered} orders got no final outcome")
        if self.plan.kind == "sigterm" and (cut := self.result.failures.get("cut")):
            differences.append(f"{cut} requests were cut off by a stop in order")


def _ends(settings: Settings) -> list[int]:
    with psycopg.connect(settings.postgres_dsn, connect_timeout=CONNECT_S) as store:
        rows = store.execute("SELECT last_seq FROM shards ORDER BY shard").fetchall()
    return [int(last_seq) for (last_seq,) in rows]
