"""Upcasting: an event that an earlier release stored becomes, when it is read, what it is called today.

A stored event is never written again: its bytes stay, and the hash chain stays over them. Each version of an
event has a type of its own (``OrderPlaced.v1``). When a fact changes, its class gets the next version, and
one function here that makes the older JSON the newer one; from there the next function goes on.

Reading tries the present types first, and comes here only with what these do not know: where nothing is old,
old versions cost nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

Json = dict[str, Any]
Upcaster = Callable[[Json], Json]

# type -> what makes it the next version, or renames it: a pure function, given an event's (or a posting's)
# own JSON. It returns the newer one, ``type`` included. An entry stays for ever: so do the stored events.
UPCASTERS: dict[str, Upcaster] = {}


class UnknownEventError(msgspec.ValidationError):
    """Of a type that this release does not know: most likely a later one wrote it."""


def upcast(recorded: object, upcasters: Mapping[str, Upcaster], present: frozenset[str]) -> object | None:
    """Return a recorded event's JSON with its event, and what is listed in that (the postings of an account),
    as they are called today. ``None``: nothing in it is old, so it is something else that is wrong with it.

    ``present``: the types that are read as they are. Raises ``UnknownEventError``.
    """
    event = recorded.get("event") if isinstance(recorded, dict) else None
    if not isinstance(recorded, dict) or not isinstance(event, dict):
        return None
    place = f"event {recorded.get('seq')}"
    newer = _newest(event, upcasters, present, place)
    for name, value in newer.items():
        if isinstance(value, list):
            listed = [_newest(each, upcasters, present, place) for each in value]
            if any(now is not before for now, before in zip(listed, value, strict=True)):
                newer = {**newer, name: listed}
    return None if newer is event else {**recorded, "event": newer}


def _newest(thing: Any, upcasters: Mapping[str, Upcaster], present: frozenset[str], place: str) -> Any:
    """Return it as it is called today: itself, if it is of a present type or of none."""
    first = kind = thing.get("type") if isinstance(thing, dict) else None
    for _ in range(len(upcasters) + 1):
        if not isinstance(kind, str) or kind in present:
            return thing
        if kind not in upcasters:
            raise UnknownEventError(_unknown(kind, present, place))
        thing = upcasters[kind](thing)
        kind = thing["type"]
    message = f"{place}: the upcasters lead from {first} back to it; correct streams/upcasting.py"
    raise UnknownEventError(message)


def _unknown(kind: str, present: frozenset[str], place: str) -> str:
    name = kind.partition(".")[0]
    versions = ", ".join(sorted(known for known in present if known.partition(".")[0] == name))
    known = f"it reads {versions}" if versions else "it knows no event of that name"
    return (
        f"{place} is of type {kind}, which this release does not know: {known}. A later release wrote it: "
        "run that release, or a later one. Nothing was changed"
    )
