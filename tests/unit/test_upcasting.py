"""Versions: what an earlier release stored is read as what it is called today, by every reader.

Nothing that was stored so far is old, so the older versions here are of the tests' own making: before it was
called ``AccountOpened.v1`` it was ``AccountCreated.v2``, with ``holder``, and ``.v1``, with ``name``; a
posting of ``.v0`` had its balance in one field.
"""

from typing import Any

import msgspec
import pytest

from commands.shard import Shard
from domain.account import AccountOpened
from streams.codec import (
    PRESENT_TYPES,
    decode_recorded,
    decode_slice,
    encode,
    join_slice,
)
from streams.upcasting import UPCASTERS, Json, UnknownEventError
from tests.unit.projections.folds import all_folded
from tests.unit.projections.trading import trading
from tests.unit.test_codec import GOLDEN, recorded

SEQ = 2


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    def created_v2(event: Json) -> Json:
        return {"type": "AccountCreated.v2", "holder": event["name"]}

    def opened(event: Json) -> Json:
        return {"type": "AccountOpened.v1", "account": event["holder"]}

    def posting_v1(posting: Json) -> Json:
        kept = {name: value for name, value in posting.items() if name != "balance"}
        return kept | {
            "type": "Posting.v1",
            "available": posting["balance"][0],
            "held": posting["balance"][1],
        }

    monkeypatch.setitem(UPCASTERS, "AccountCreated.v1", created_v2)
    monkeypatch.setitem(UPCASTERS, "AccountCreated.v2", opened)
    monkeypatch.setitem(UPCASTERS, "Posting.v0", posting_v1)


def as_of_old(state: bytes) -> bytes:
    """Return what the first release would have stored."""
    told = msgspec.json.decode(state)
    event = told["event"]
    if event["type"] == "AccountOpened.v1":
        told["event"] = {"type": "AccountCreated.v1", "name": event["account"]}
    for posting in event.get("postings", ()):
        posting["type"] = "Posting.v0"
        posting["balance"] = [posting.pop("available"), posting.pop("held")]
    return encode(told)


OPENED = encode(GOLDEN["AccountOpened.v1"])
POSTED = encode(GOLDEN["AccountPosted.v1"])


@pytest.mark.usefixtures("older")
def test_an_older_version_is_read_as_what_it_is_called_today() -> None:
    assert b"AccountCreated.v1" in as_of_old(OPENED)
    assert decode_recorded(as_of_old(OPENED)) == GOLDEN["AccountOpened.v1"]


@pytest.mark.usefixtures("older")
def test_a_version_in_between_goes_the_rest_of_the_way() -> None:
    between = OPENED.replace(
        b'{"type":"AccountOpened.v1","account":', b'{"type":"AccountCreated.v2","holder":'
    )
    assert between != OPENED
    assert decode_recorded(between) == GOLDEN["AccountOpened.v1"]


@pytest.mark.usefixtures("older")
def test_older_postings_within_a_present_event_are_read_each_for_itself() -> None:
    old = as_of_old(POSTED)
    assert old.count(b"Posting.v0") == 5
    assert decode_recorded(old) == GOLDEN["AccountPosted.v1"]
    mixed = POSTED.replace(
        b'"Posting.v1","account":"alice","asset":"USD","kind":"deposit","amount":7,"available":7,"held":0',
        b'"Posting.v0","account":"alice","asset":"USD","kind":"deposit","amount":7,"balance":[7,0]',
    )
    assert mixed.count(b"Posting.v0") == 1
    assert decode_recorded(mixed) == GOLDEN["AccountPosted.v1"]


@pytest.mark.usefixtures("older")
def test_integers_beyond_64_bits_come_through() -> None:
    large = 10**30
    old = as_of_old(POSTED.replace(b'"amount":7,"available":7', b'"amount":7,"available":%d' % large))
    event: Any = decode_recorded(old).event
    assert event.postings[0].available == large


@pytest.mark.usefixtures("older")
def test_a_slice_may_hold_old_and_new() -> None:
    new = encode(recorded(3, "account-stream", 1, AccountOpened("bob")))
    piece = decode_slice(join_slice(1, 0, 2, 3, [as_of_old(OPENED), new]))
    assert (piece.shard, piece.previous, piece.first, piece.last) == (1, 0, 2, 3)
    assert piece.events == (GOLDEN["AccountOpened.v1"], decode_recorded(new))


@pytest.mark.usefixtures("older")
def test_an_old_history_gives_the_processor_and_the_read_models_what_a_new_one_does() -> None:
    venue = trading(commands=200)
    old = [as_of_old(state) for state in venue.states]
    assert sum(b"AccountCreated.v1" in state for state in old) == 5
    assert sum(b"Posting.v0" in state for state in old) > 20
    shard = Shard(0, partitions=4, ids_expected=1_000)
    shard.replay(map(decode_recorded, old))
    assert shard.exchange.state_hash == venue.shard.exchange.state_hash
    joined = join_slice(0, 0, 1, len(old), old)
    assert all_folded(decode_slice(joined).events) == all_folded(venue.events)


@pytest.mark.parametrize("kind", ["AccountOpened.v2", "AccountOpened.v0", "AccountFrozen.v1"])
@pytest.mark.parametrize(
    "read", [decode_recorded, lambda state: decode_slice(join_slice(0, 1, 2, 2, [state]))]
)
def test_what_a_later_release_wrote_is_named_with_what_to_do(kind: str, read: Any) -> None:
    with pytest.raises(UnknownEventError) as unknown:
        read(OPENED.replace(b"AccountOpened.v1", kind.encode()))
    said = str(unknown.value)
    assert said.startswith(f"event {SEQ} is of type {kind}, which this release does not know: ")
    known = "it knows no event of that name" if kind == "AccountFrozen.v1" else "it reads AccountOpened.v1"
    assert known in said
    assert "run that release, or a later one" in said


def test_a_later_posting_is_named_too() -> None:
    with pytest.raises(UnknownEventError, match=r"event 8 is of type Posting\.v2, .* it reads Posting\.v1"):
        decode_recorded(POSTED.replace(b"Posting.v1", b"Posting.v2", 1))


def test_what_is_wrong_with_a_present_event_is_said_as_before() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"Expected `str`, got `int` - at `\$\.event\.account`"):
        decode_recorded(OPENED.replace(b'"account":"alice"', b'"account":7'))


def test_upcasters_that_go_in_a_circle_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(UPCASTERS, "A.v1", lambda event: {**event, "type": "A.v2"})
    monkeypatch.setitem(UPCASTERS, "A.v2", lambda event: {**event, "type": "A.v1"})
    with pytest.raises(UnknownEventError, match=r"lead from A\.v1 back to it"):
        decode_recorded(OPENED.replace(b"AccountOpened.v1", b"A.v1"))


def test_no_present_type_has_an_upcaster() -> None:
    assert PRESENT_TYPES.isdisjoint(UPCASTERS)
