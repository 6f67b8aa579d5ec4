"""Fan-out: one command to every shard, one answer that says what each of them did.

What fans out says how things are to be from now on, so doing it again changes nothing where it is done: a
retry is safe, and finishes what is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Struct

from commands.messages import AnyCommand, Outcome, Status

RETRY = "send it again: what is done stays done"
NOT_IN_LOG = frozenset({"unavailable", "overloaded"})


@dataclass(frozen=True)
class Part:
    """What one shard made of its command: ``outcome`` is ``None`` while it is not decided; ``code`` and
    ``error`` say why the command did not even reach the shard.
    """

    shard: int
    command: AnyCommand
    outcome: Outcome | None = None
    code: str = ""
    error: str = ""


class ShardView(Struct, omit_defaults=False):
    """What one shard did. ``pending``: it has not answered in time. ``refused``: ``code`` says why."""

    shard: int
    command_id: str
    status: Status
    code: str | None = None
    detail: str | None = None


class Gathering:
    """Gathers the parts of one fanned-out command as they come; ``done`` hears of them when all are there."""

    def __init__(self, done: Callable[[Sequence[Part]], None]) -> None:
        self._done = done
        self._missing = 0
        self._parts: list[Part] = []

    def expect(self) -> None:
        self._missing += 1

    def add(self, part: Part) -> None:
        self._parts.append(part)
        self._missing -= 1
        if self._missing == 0:
            self._done(sorted(self._parts, key=lambda each: each.shard))


def copies(command: AnyCommand, shards: int, new_id: Callable[[], str]) -> list[AnyCommand]:
    """Return the command for each shard, each with an id of its own; the first keeps the one it has."""
    others = [msgspec.structs.replace(command, command_id=new_id()) for _ in range(1, shards)]
    return [command, *others]


def combined(parts: Sequence[Part]) -> Outcome:
    """Return what the parts amount to: done where all did it; refused where all refused, or were not
    reached; ``pending`` where some have yet to answer; ``partly_done`` where some refused and others did not.
    """
    refused = [part for part in parts if part.outcome is not None and part.outcome.code]
    missing = [part for part in parts if part.outcome is None]
    command_id = parts[0].command.command_id
    if refused:
        return _refused(command_id, parts, refused)
    if missing:
        return _unfinished(command_id, parts, missing)
    outcomes = [part.outcome for part in parts if part.outcome is not None]
    replayed = all(outcome.replayed for outcome in outcomes)
    return Outcome(command_id, outcomes[0].status, detail=_details(parts), replayed=replayed)


def _refused(command_id: str, parts: Sequence[Part], refused: Sequence[Part]) -> Outcome:
    first = refused[0].outcome
    codes = {part.outcome.code for part in refused if part.outcome is not None}
    same = len(refused) == len(parts) and len(codes) == 1
    code = first.code if same and first is not None else "partly_done"
    return Outcome(command_id, "refused", code=code, detail=_details(parts))


def _unfinished(command_id: str, parts: Sequence[Part], missing: Sequence[Part]) -> Outcome:
    unreached = [part for part in missing if part.code]
    if len(unreached) == len(parts):
        return Outcome(command_id, "refused", code=unreached[0].code, detail=unreached[0].error)
    names = ", ".join(str(part.shard) for part in missing)
    plural = "s" if len(missing) > 1 else ""
    return Outcome(command_id, "pending", detail=f"no answer yet from shard{plural} {names}; {RETRY}")


def _details(parts: Sequence[Part]) -> str:
    """Return the detail they share, or what each says."""
    said = [(part.shard, _said(part)) for part in parts]
    if len({text for _, text in said}) == 1:
        return said[0][1]
    return "; ".join(f"shard {shard}: {text}" for shard, text in said if text)


def _said(part: Part) -> str:
    if part.outcome is None:
        return part.error or "no answer yet"
    return part.outcome.detail or (part.outcome.status if not part.outcome.code else part.outcome.code)


def shard_view(part: Part) -> ShardView:
    outcome, name = part.outcome, part.command.command_id
    if outcome is None:
        status: Literal["refused", "pending"] = "refused" if part.code else "pending"
        return ShardView(part.shard, name, status, part.code or None, part.error or None)
    return ShardView(part.shard, name, outcome.status, outcome.code or None, outcome.detail or None)
