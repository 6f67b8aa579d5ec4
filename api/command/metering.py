"""Metering: what the frames of a WebSocket and the commands in them cost."""

from collections.abc import Sequence
from contextlib import suppress

from api.auth import Identity
from api.command import frames
from api.command.sorting import Asked, Frame
from api.problems import Problem
from api.rate_limits import LOGIN, REQUEST, RateLimits


async def pay_for_frame(
    limits: RateLimits | None,
    identity: Identity | None,
    address: str,
    items: Sequence[frames.Item | frames.BadItem],
) -> None:
    """A frame counts as a request; a token that is to be checked counts more, whoever sends it.

    Raises ``Problem`` (429).
    """
    if limits is None:
        return
    tokens = sum(type(item) is frames.AuthItem for item in items)
    if identity is None or tokens:
        await limits.of_address(address, REQUEST + LOGIN * tokens)
    else:
        await limits.of_subject(identity.subject, REQUEST, overdraw=True)  # there may be cancels in it


async def afforded(limits: RateLimits | None, frame: Frame) -> Frame:
    """Return the commands that who sends them has tokens for, in order; refuse the others."""
    if limits is None:
        return frame
    with suppress(Problem):
        await limits.of_commands(frame.commands)
        return frame
    allowed = Frame(frame.connection, frame.shard)
    for index, (asked, command) in enumerate(zip(frame.asked, frame.commands, strict=True)):
        try:
            await limits.of_commands([command])
        except Problem as problem:
            _refuse(frame, index, asked, problem)
        else:
            allowed.asked.append(asked)
            allowed.commands.append(command)
    return allowed


def _refuse(frame: Frame, index: int, asked: Asked, problem: Problem) -> None:
    if asked.gathering is not None:
        frame.refused(index, "rate_limited", problem.detail)
        return
    reply = frames.refusal(asked.id, "rate_limited", problem.detail)
    reply.order_id, reply.client_order_id = asked.order_id, asked.client_order_id
    reply.retry_after_ms = problem.extra["retry_after_ms"]  # type: ignore[index,call-overload] # as it was made
    frame.connection.reply(reply)
