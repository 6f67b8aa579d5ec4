"""Verifies the store from its first commit on, up to where it was when the verification began.

Three parts at once, each a process that reads for itself: one recomputes the chain and goes along the signed
heads, one replays the events, one folds the read models and compares them. A stack that runs may run on.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from time import perf_counter

import psycopg
from psycopg.errors import UndefinedTable

from commands.heads import HeadError, HeadFiles, Keys, Signer
from stack import compiled
from stack.audit import part
from stack.audit.findings import Findings
from stack.audit.part import AuditError, Found
from stack.audit.parts import CONNECT_S, PartName, Progress, Request
from stack.audit.stored import ShardEnd, ends
from stack.settings import Settings

__all__ = ["Asked", "AuditError", "Progress", "Verification"]

COMPILED_FROM_EVENTS = 500_000
"""For fewer it is quicker to replay in plain Python than to wait for the compiler."""


@dataclass(frozen=True)
class Asked:
    """``shard``: only this one. ``public_keys``: PEM files of keys that signed heads beside the stack's own.
    ``catch_up_s_max``: how long to wait for the read models; they are compared if ``read_models``.
    """

    shard: int | None = None
    public_keys: Sequence[Path] = ()
    catch_up_s_max: float = 300.0
    read_models: bool = True


def of_copy(settings: Settings, dsn: str | None, heads: Path | None) -> Settings:
    """Return the settings with another store's address, and another folder of heads, where they are given."""
    given = {"postgres_dsn": dsn, "heads": heads}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


class Verification:
    """One verification of the stack that ``settings`` describe."""

    def __init__(self, settings: Settings, asked: Asked, said: Progress) -> None:
        self.settings = settings
        self.asked = asked
        self.said = said
        self.findings = Findings()

    def run(self) -> Findings:
        """Return what was found. Raises ``AuditError`` where nothing can be verified at all."""
        began = perf_counter()
        requests = self._requests()
        if sum(end.last_seq for end in requests[0].ends) >= COMPILED_FROM_EVENTS:
            compiled.prepare(self.settings)
        for request, found in zip(requests, self._all_parts(requests), strict=True):
            self._add(request.part, found)
        self.findings.elapsed_s = perf_counter() - began
        return self.findings

    def _all_parts(self, requests: Sequence[Request]) -> list[Found]:
        """Run the parts side by side. Where one cannot be made, the others end as well."""
        with ExitStack() as running:
            processes = [running.enter_context(part.process(self.settings)) for _ in requests]
            pool = running.enter_context(ThreadPoolExecutor(len(requests)))
            try:
                return list(pool.map(part.follow, processes, requests, repeat(self.said)))
            except BaseException:
                for each in processes:
                    each.kill()
                raise

    def _add(self, name: PartName, found: Found) -> None:
        if name == "chain":
            self.findings.events = found.findings.events
        events = found.findings.events
        self.findings.parts[name] = {
            "events_per_second": round(events / max(found.seconds, 1e-9)),
            "cpu_us_per_event": round(found.cpu_seconds * 1e6 / max(events, 1), 1),
        }
        self.findings.join(found.findings)

    # --- What each part is asked --------------------------------------------------------------------------

    def _requests(self) -> list[Request]:
        own_key = self._own_key()
        files = HeadFiles(self.settings.heads)
        head_lines = {shard: sum(1 for _ in files.lines(shard)) for shard in files.shards()}
        found = self._ends(files)  # after the heads: none of those is then younger than what is verified
        names: list[PartName] = ["chain", "replay"]
        if self.asked.read_models:
            names.append("read_models")
        else:
            self.findings.not_compared.append("read_models_equal")
        return [
            Request(
                part=name,
                dsn=self.settings.postgres_dsn,
                ends=found,
                heads=str(self.settings.heads),
                head_lines=head_lines,
                own_key=own_key,
                public_keys=[str(file) for file in self.asked.public_keys],
                mongo_url=self.settings.mongo_url,
                mongo_database=self.settings.mongo_database,
                partitions=self.settings.topic_partitions,
                catch_up_s_max=self.asked.catch_up_s_max,
                all_shards=self.asked.shard is None,
            )
            for name in names
        ]

    def _own_key(self) -> bytes:
        try:
            own = Signer(self.settings.head_signing_key).public_key
            Keys.read(own, self.asked.public_keys)
        except (HeadError, ValueError, OSError) as error:
            raise AuditError(f"No key to verify heads with: {error}") from None
        return own.public_bytes_raw()

    def _ends(self, files: HeadFiles) -> list[ShardEnd]:
        """Return where the shards end that are to be verified."""
        try:
            with psycopg.connect(
                self.settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S
            ) as store:
                found = ends(store)
        except psycopg.OperationalError as error:
            raise AuditError(f"The event store does not answer: {error}. Is the stack up? ./oms up") from None
        except UndefinedTable as error:
            raise AuditError(f"There is no event store here yet: {error}. Next: ./oms up") from None
        shards = {end.shard for end in found}
        if self.asked.shard is None:
            self._missing_shards(files, shards)
            return found
        if self.asked.shard not in shards:
            raise AuditError(f"There is no shard {self.asked.shard}; there are {sorted(shards)}")
        return [end for end in found if end.shard == self.asked.shard]

    def _missing_shards(self, files: HeadFiles, shards: set[int]) -> None:
        for shard in files.shards():
            if shard not in shards:
                self.findings.wrong(
                    "chain_ok", f"shard {shard}: there are heads of it; the store has no such shard"
                )
