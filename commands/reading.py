"""Reading a record of commands of which some cannot be read: the others of it are decided all the same.

A command is its own: none of the others counts on what one that cannot be read would have done. So only that
one is put aside, and whoever sent it is told, where it can be read who that is.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from commands.messages import AnyCommand, CommandMessage, Outcome, decode_commands
from domain.rejections import RefusedError
from streams.codec import UNREADABLE


class Unread(NamedTuple):
    """A command that could not be read, or a whole record. ``number``: which of its record, from 0; ``None``:
    the record. ``outcome``: what the sender at ``reply_to`` is told; ``None``: nobody can be told.
    """

    value: bytes
    number: int | None
    reason: str
    reply_to: str = ""
    outcome: Outcome | None = None


class Read(NamedTuple):
    """What came out of a record."""

    commands: Sequence[CommandMessage]
    unread: Sequence[Unread] = ()


class _RawRecord(msgspec.Struct, frozen=True, gc=False):
    """A record whose commands are looked at one by one."""

    reply_to: str
    command: msgspec.Raw = msgspec.Raw()
    commands: tuple[msgspec.Raw, ...] = ()


class _Names(msgspec.Struct, frozen=True, gc=False):
    """What a command is known by, whatever else is in it."""

    command_id: str
    order_id: str = ""
    list_id: str = ""


_command_decoder: msgspec.json.Decoder[AnyCommand] = msgspec.json.Decoder(AnyCommand)
_raw_decoder = msgspec.json.Decoder(_RawRecord)
_names_decoder = msgspec.json.Decoder(_Names)


def read_record(value: bytes) -> Read:
    """Return the commands of one Kafka record, in order, and what in it is none."""
    try:
        return Read(decode_commands(value))
    except UNREADABLE as error:
        whole = str(error)
    try:
        record = _raw_decoder.decode(value)
    except UNREADABLE:
        return Read((), (Unread(value, None, whole),))
    found = list(_each(record))
    return Read(
        [each for each in found if isinstance(each, CommandMessage)],
        [each for each in found if isinstance(each, Unread)],
    )


def _each(record: _RawRecord) -> Iterator[CommandMessage | Unread]:
    raws = (*record.commands, record.command) if bytes(record.command) else record.commands
    for number, raw in enumerate(raws):
        try:
            yield CommandMessage(_command_decoder.decode(raw), record.reply_to)
        except UNREADABLE as error:
            yield _unread(bytes(raw), number, str(error), record.reply_to)


def _unread(value: bytes, number: int, reason: str, reply_to: str) -> Unread:
    try:
        names = _names_decoder.decode(value)
    except UNREADABLE:
        return Unread(value, number, reason, reply_to)
    why = RefusedError("unreadable_command", reason)
    outcome = Outcome(
        names.command_id, "refused", names.order_id, why.code, why.detail, list_id=names.list_id
    )
    return Unread(value, number, reason, reply_to, outcome)
