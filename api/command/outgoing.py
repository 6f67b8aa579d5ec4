"""Commands on their way into one shard's log.

Each record costs the broker, the processor and the store about as much as its commands, however many those
are. So commands are sent at once, unless some were sent just before: then those of all requests are gathered
for a few milliseconds, and go in one record. A command that comes alone waits for nobody.
"""

import asyncio
from collections.abc import Callable, Sequence

from api.command import bounds
from commands.messages import AnyCommand

Send = Callable[[Sequence[AnyCommand]], None]


class Outgoing:
    """Keeps the order in which commands are added; ``send`` is given at most what a record may hold."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._commands: list[AnyCommand] = []
        self._send_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, commands: Sequence[AnyCommand]) -> None:
        self._commands.extend(commands)
        loop = asyncio.get_running_loop()
        if len(self._commands) >= bounds.COMMANDS_PER_RECORD_MAX or loop.time() >= self._send_at:
            self.flush()
        elif self._timer is None:
            self._timer = loop.call_at(self._send_at, self.flush)

    def flush(self) -> None:
        """Send what has gathered, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._send_at = asyncio.get_running_loop().time() + bounds.GATHER_MS / 1000
        commands, self._commands = self._commands, []
        for start in range(0, len(commands), bounds.COMMANDS_PER_RECORD_MAX):
            self._send(commands[start : start + bounds.COMMANDS_PER_RECORD_MAX])
