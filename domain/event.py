"""What every event and every command has in common.

An event's ``type`` names the fact and its version (``OrderPlaced.v1``). A stored version is never edited:
a changed fact is a new class with a new version, and the old one is upcast when it is read.
"""

from typing import Literal

import msgspec

type_tag = "type"

Side = Literal["buy", "sell"]
Liquidity = Literal["maker", "taker"]
TriggerSource = Literal["last", "mark"]


class Event(msgspec.Struct, frozen=True, gc=False, tag_field=type_tag, omit_defaults=True):
    """A fact that has happened; amounts are exact integers in the units each field names."""


class Command(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag_field=type_tag, omit_defaults=True):
    """A wish. Ids come with it, so that repeating it can be told from doing it twice.

    ``command_id`` becomes the causation id of all it causes. ``correlation_id`` is the caller's own id for
    the work this belongs to. ``valid_until_us`` (microseconds since 1970, UTC) is when the caller gives up;
    ``None``: it does not expire.
    """

    command_id: str
    actor: str
    correlation_id: str = ""
    valid_until_us: int | None = None


def opposite(side: Side) -> Side:
    return "sell" if side == "buy" else "buy"
