"""Staleness: a command that its sender has given up on is not decided any more."""

from domain.event import Command
from domain.rejections import RefusedError


def not_stale(command: Command, now_us: int) -> None:
    """A processor that comes back after an outage does not execute what its sender has given up on.

    Raises ``RefusedError``.
    """
    if command.valid_until_us is not None and now_us > command.valid_until_us:
        late_ms = (now_us - command.valid_until_us) // 1000
        raise RefusedError(
            "stale_command", f"it was decided {late_ms} ms after the time until which it was valid"
        )
