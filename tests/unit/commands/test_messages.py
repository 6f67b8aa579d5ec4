"""What travels on the topic of commands."""

import msgspec
import pytest

from commands.messages import AnyCommand, CommandBatch, CommandMessage, decode_commands
from commands.processor import COMMAND_MARK
from domain.order import CancelAll, CancelOrder
from streams.codec import encode

COMMANDS: tuple[AnyCommand, ...] = (
    CancelOrder(command_id="1", actor="me", order_id="x", account="alice"),
    CancelAll(command_id="2", actor="me", account="alice", session="s"),
)


def test_the_commands_of_a_record_come_out_in_order_each_with_where_to_reply() -> None:
    found = decode_commands(encode(CommandBatch(COMMANDS, "replies:1")))
    assert [(message.command, message.reply_to) for message in found] == [
        (command, "replies:1") for command in COMMANDS
    ]


def test_a_record_of_a_single_command_as_earlier_releases_sent_it_is_still_read() -> None:
    message = CommandMessage(COMMANDS[0], "replies:1")
    assert decode_commands(encode(message)) == [message]


def test_the_commands_of_a_record_can_be_counted_before_they_are_decoded() -> None:
    assert encode(CommandBatch(COMMANDS, "replies:1")).count(COMMAND_MARK) == 2


@pytest.mark.parametrize("value", [b"", b"{}", b'{"commands":[{"type":"Nothing"}],"reply_to":"r"}'])
def test_what_is_no_command_is_refused(value: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_commands(value)
