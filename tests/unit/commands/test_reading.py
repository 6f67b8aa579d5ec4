"""A record of commands: what of it cannot be read is put aside, the rest is decided."""

import json
from typing import Any

import pytest

from commands.messages import CommandBatch, CommandMessage, Outcome
from commands.reading import read_record
from domain.order import CancelOrder
from streams.codec import encode


def cancel(number: int) -> CancelOrder:
    return CancelOrder(command_id=f"c{number}", actor="me", order_id=f"o{number}", account="alice")


def record(*commands: Any) -> bytes:
    """Return a record with these commands, JSON each."""
    text = b",".join(each if isinstance(each, bytes) else encode(each) for each in commands)
    return b'{"commands":[%s],"reply_to":"replies:1"}' % text


def test_a_record_that_can_be_read_is_read_whole() -> None:
    commands = (cancel(1), cancel(2))
    read = read_record(encode(CommandBatch(commands, "replies:1")))
    assert read.commands == [CommandMessage(each, "replies:1") for each in commands]
    assert not read.unread


def test_only_the_command_that_cannot_be_read_is_put_aside() -> None:
    later = {"type": "DoWhatALaterReleaseCan", "command_id": "c2", "order_id": "o2"}
    read = read_record(record(cancel(1), later, cancel(3)))
    assert read.commands == [CommandMessage(cancel(1), "replies:1"), CommandMessage(cancel(3), "replies:1")]
    (unread,) = read.unread
    assert (unread.number, json.loads(unread.value)) == (1, later)
    assert "DoWhatALaterReleaseCan" in unread.reason


def test_its_sender_is_refused_so_that_nobody_waits() -> None:
    (unread,) = read_record(record({"type": "Later", "command_id": "c2", "list_id": "l"})).unread
    assert unread.reply_to == "replies:1"
    assert unread.outcome == Outcome(
        "c2", "refused", code="unreadable_command", detail=unread.reason, list_id="l"
    )


def test_where_no_one_can_be_told_it_is_put_aside_all_the_same() -> None:
    (unread,) = read_record(record({"type": "Later"}, cancel(1))).unread
    assert (unread.number, unread.outcome) == (0, None)


def test_a_single_command_as_earlier_releases_sent_it_is_named_as_well() -> None:
    (unread,) = read_record(b'{"command":{"type":"Later","command_id":"c9"},"reply_to":"r"}').unread
    assert unread.outcome is not None
    assert (unread.number, unread.reply_to, unread.outcome.command_id) == (0, "r", "c9")


NO_TEXT = encode(cancel(2)).replace(b"alice", b"\xff\xfe")
ENDLESS = b'{"x":' + b"[" * 100_000


def test_a_command_that_is_no_text_spoils_no_other() -> None:
    read = read_record(record(cancel(1), NO_TEXT, cancel(3)))
    assert [message.command.command_id for message in read.commands] == ["c1", "c3"]
    assert [(each.number, each.outcome and each.outcome.command_id) for each in read.unread] == [(1, "c2")]


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[1]", b"\xff", ENDLESS, b'{"commands":[],"reply_to":"\xff"}']
)
def test_what_is_no_record_is_put_aside_whole(value: bytes) -> None:
    read = read_record(value)
    assert not read.commands
    assert [(each.value, each.number, each.outcome) for each in read.unread] == [(value, None, None)]
