"""Sorting: the commands of one WebSocket frame by shard, each shard's in order, until all are answered."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from api.command import frames
from api.command.fanout import Gathering, Part, combined
from api.command.wanted import Wanted
from commands.messages import AnyCommand, Outcome


class Replying(Protocol):
    """The connection that replies go to; ``in_flight``: its commands that have no outcome yet."""

    in_flight: int

    def reply(self, reply: frames.Reply) -> None:
        """Keep a reply for the next frame out."""

    def flush(self, token: str) -> None:
        """Send the replies that have gathered."""


class Asked(NamedTuple):
    """What a reply must name of its item; ``gathering``: the item went to several shards, and is answered
    when all have.
    """

    id: frames.ItemId
    client_order_id: str
    order_id: str
    command_id: str
    gathering: Gathering | None = None
    wanted: Wanted = "full"
    list_id: str = ""


class Frame:
    """The commands of one frame for one shard, until all are answered: the gateway's inbox for them."""

    __slots__ = ("acknowledged", "asked", "commands", "connection", "shard")

    def __init__(self, connection: Replying, shard: int) -> None:
        self.connection = connection
        self.shard = shard
        self.asked: list[Asked] = []
        self.commands: list[AnyCommand] = []
        self.acknowledged: set[int] = set()

    @property
    def wants_ack(self) -> bool:
        return any(asked.wanted == "ack" for asked in self.asked)

    def logged(self, start: int, count: int) -> None:
        """Answer those in the log that nobody waits for any longer."""
        for index in range(start, start + count):
            self._acknowledge(index)
        self.connection.flush("")

    def _acknowledge(self, index: int) -> None:
        asked = self.asked[index]
        if asked.wanted == "ack" and index not in self.acknowledged:
            self.acknowledged.add(index)
            self.connection.reply(_pending(asked))

    def decided(self, index: int, outcome: Outcome) -> None:
        asked = self.asked[index]
        self.connection.in_flight -= 1
        if asked.gathering is not None:
            self._gather(index, asked.gathering, outcome)
        elif asked.wanted == "ack":
            self._acknowledge(index)
        else:
            self.connection.reply(frames.reply_of(asked.id, asked.client_order_id, outcome, asked.wanted))

    def pending(self, index: int) -> None:
        asked = self.asked[index]
        self.connection.in_flight -= 1
        if asked.gathering is not None:
            self._gather(index, asked.gathering)
        elif asked.wanted != "ack":
            self.connection.reply(_pending(asked))
        elif index not in self.acknowledged:
            self.connection.reply(frames.refusal(asked.id, "not_confirmed", "the log has not confirmed it"))

    def failed(self, index: int, error: str) -> None:
        self.connection.in_flight -= 1
        self.refused(index, "unavailable", error)

    def refused(self, index: int, code: str, error: str) -> None:
        """Tell that a command is not in the log."""
        asked = self.asked[index]
        if asked.gathering is not None:
            self._gather(index, asked.gathering, None, code, error)
        else:
            self.connection.reply(frames.refusal(asked.id, code, error))

    def flush(self, token: str) -> None:
        self.connection.flush(token)

    def _gather(
        self,
        index: int,
        gathering: Gathering,
        outcome: Outcome | None = None,
        code: str = "",
        error: str = "",
    ) -> None:
        gathering.add(Part(self.shard, self.commands[index], outcome, code, error))


def _pending(asked: Asked) -> frames.Reply:
    reply = frames.Reply(asked.id, "pending", asked.order_id, asked.client_order_id, asked.command_id)
    reply.list_id = asked.list_id
    return reply


class Sorting:
    """Sorts the commands of one frame by their shards, in order."""

    __slots__ = ("connection", "frames")

    def __init__(self, connection: Replying) -> None:
        self.connection = connection
        self.frames: dict[int, Frame] = {}

    def add(
        self,
        name: frames.ItemId,
        client_order_id: str,
        command: AnyCommand,
        shard: int,
        wanted: Wanted = "full",
    ) -> None:
        order_id, list_id = getattr(command, "order_id", ""), getattr(command, "list_id", "")
        asked = Asked(name, client_order_id, order_id, command.command_id, None, wanted, list_id)
        self._put(shard, command, asked)

    def add_everywhere(self, name: frames.ItemId, own: Sequence[AnyCommand]) -> None:
        """Take in one command for each shard, all of which make one reply."""

        def all_there(parts: Sequence[Part]) -> None:
            self.connection.reply(frames.reply_of(name, "", combined(parts)))

        gathering = Gathering(all_there)
        for shard, command in enumerate(own):
            gathering.expect()
            self._put(shard, command, Asked(name, "", "", command.command_id, gathering))

    def _put(self, shard: int, command: AnyCommand, asked: Asked) -> None:
        frame = self.frames.get(shard)
        if frame is None:
            frame = self.frames[shard] = Frame(self.connection, shard)
        frame.asked.append(asked)
        frame.commands.append(command)
