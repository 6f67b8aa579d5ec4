"""The outbox: commands of the risk engine into the log ``orders``, each once.

An action is on record before its commands are sent, and marked as sent afterwards. Whoever finds one that is
not marked looks into the log, from when it was decided: a command that is there is not sent again, since
the processor carries out each command of its log exactly once. So a kill at any moment neither loses an
action nor does it twice, and one that a risk officer has reversed meanwhile stays reversed.
"""

import logging
from collections.abc import Collection, Sequence
from typing import Protocol, cast

from domain.control import AccountStatus, MarketStatus, SetAccountStatus, SetMarketStatus
from streams.risk.tables import Action

log = logging.getLogger(__name__)

ACTOR = "risk-engine"
BEFORE_US = 5_000_000
"""The log is searched from so long before the action was decided: clocks differ."""

RiskCommand = SetAccountStatus | SetMarketStatus


class Log(Protocol):
    """The log of commands; ``commands.direct`` has the real one."""

    def connect(self) -> None:
        """Get ready to send."""

    def send(self, shard: int, commands: Sequence[RiskCommand]) -> None:
        """Return when they are there for good. Raises if Kafka does not take them in time: they are on
        record, and sent after a restart.
        """

    def found(self, shard: int, command_ids: Collection[str], since_us: int) -> set[str]:
        """Return those of the commands that are in the log, from ``since_us`` on to its end."""


class Outbox:
    """``shards``: how many there are; an account is stopped on all of them. ``shard_of`` says where a market
    is.
    """

    def __init__(self, log_of_commands: Log, shards: int) -> None:
        self.log = log_of_commands
        self.shards = shards

    def send(self, actions: Sequence[Action]) -> None:
        """Put all commands of these actions into the log."""
        for shard in range(self.shards):
            self.log.send(shard, [command_of(action, shard) for action in actions])

    def missing(self, unsent: Sequence[Action]) -> list[Action]:
        """Send again what is partly there, and return what is not there at all."""
        if not unsent:
            return []
        since_us = min(action.decided_at_us for action in unsent) - BEFORE_US
        nowhere = {action.action_id: action for action in unsent}
        for shard in range(self.shards):
            ids = {command_id(action, shard) for action in unsent}
            there = self.log.found(shard, ids, since_us)
            for action in unsent:
                if command_id(action, shard) in there:
                    nowhere.pop(action.action_id, None)
        log.warning("%d actions were not marked as sent, %d are in no log", len(unsent), len(nowhere))
        self._complete([action for action in unsent if action.action_id not in nowhere], since_us)
        return list(nowhere.values())

    def _complete(self, partly: Sequence[Action], since_us: int) -> None:
        for shard in range(self.shards):
            ids = {command_id(action, shard): action for action in partly}
            there = self.log.found(shard, ids.keys(), since_us) if ids else set[str]()
            if left := [action for name, action in ids.items() if name not in there]:
                self.log.send(shard, [command_of(action, shard) for action in left])


def command_id(action: Action, shard: int) -> str:
    return f"{action.action_id}-{shard}"


def command_of(action: Action, shard: int) -> RiskCommand:
    """Return the command for one shard; of a market only its own shard knows, the others refuse it."""
    name, cause = command_id(action, shard), action.cause_event_id
    if action.scope == "market":
        return SetMarketStatus(
            command_id=name,
            actor=ACTOR,
            correlation_id=cause,
            symbol=action.subject,
            status=cast("MarketStatus", action.kind),
            reason=action.reason,
        )
    return SetAccountStatus(
        command_id=name,
        actor=ACTOR,
        correlation_id=cause,
        account=action.subject,
        status=cast("AccountStatus", action.kind),
        reason=action.reason,
        only_tighten=True,
    )
