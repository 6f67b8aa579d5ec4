"""By what an event is found, and how a missing access shows."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from streams.audit.access import Row, first_broken, link
from streams.audit.index import entries, key_of, rows_of
from tests.unit.projections.trading import Venue, bust, opened, place
from tests.unit.test_codec import GOLDEN

UNFOUND = {
    "OrderTriggered.v1",
    "OrderAmended.v1",
    "OrderCancelled.v1",
    "TradePrevented.v1",
    "AccountPosted.v1",
    "MarkPriceSet.v1",
    "OrderListEnded.v1",
    "WithdrawalCompleted.v1",
    "WithdrawalCancelled.v1",
    "TransferCompleted.v1",
    "TransferReturned.v1",
}


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_an_event_is_found_by_its_names_or_stands_in_a_stream_that_is(kind: str) -> None:
    assert bool(list(entries(GOLDEN[kind]))) == (kind not in UNFOUND)


def test_keys_are_signed_64_bit_integers_and_names_do_not_run_together() -> None:
    keys = {key_of("a", "bc"), key_of("ab", "c"), key_of("a", "b", "c"), key_of("abc")}
    assert len(keys) == 4
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert key_of("trade", "BTC-USD", "1") == key_of("trade", "BTC-USD", "1")


def test_a_command_is_found_once_however_many_events_it_caused() -> None:
    venue = opened(Venue(), "ann", "bob")
    venue.batch(place("ann", "bid", "buy", "2", "100"))
    made = venue.batch(place("bob", "hit", "sell", "0.5", "100"))
    rows = list(rows_of(iter(made)))
    assert [seq for key, seq in rows if key == key_of("command", "bob-hit")] == [made[0].seq]
    trade = key_of("trade", "BTC-USD", "1")
    assert len([1 for key, _ in rows if key == trade]) == 1
    filled: Any = made[1].event
    (busted, *_) = venue.batch(bust(filled))
    assert trade in [key for key, _ in rows_of(iter([busted]))]


def chained(count: int) -> Iterator[tuple[Row, bytes]]:
    previous = b""
    for number in range(1, count + 1):
        row = Row(number, 1_000 + number, "eve", "api", "order", "/v1/audit/orders/x", 3)
        previous = link(previous, row)
        yield row, previous


def test_a_record_of_accesses_that_is_whole_has_nothing_broken() -> None:
    assert first_broken(chained(5)) is None
    assert first_broken([]) is None


def test_a_missing_and_a_changed_access_show() -> None:
    rows = list(chained(5))
    assert first_broken(rows[:2] + rows[3:]) == "access 3 is missing"
    assert first_broken(rows[1:]) == "access 1 is missing"
    row, digest = rows[3]
    changed = (msgspec.structs.replace(row, who="mallory"), digest)
    assert first_broken([*rows[:3], changed, rows[4]]) == "access 4 was changed after it was recorded"
