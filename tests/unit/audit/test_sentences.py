"""Every event has a sentence that a person can read."""

import re
from typing import Any, get_args

import pytest

from domain.account import AccountPosted, PostingKind
from domain.order import CancelReason, OrderCancelled
from domain.rejections import CATALOGUE
from streams.audit.sentences import CANCEL_REASONS, POSTINGS, SENTENCES, posting_sentence, sentence
from streams.audit.steps import EFFECTS
from streams.audit.units import Units
from streams.codec import StoredEventType
from tests.unit.test_codec import GOLDEN, RULES

EVENT_TYPES: tuple[type[Any], ...] = get_args(StoredEventType)
UNITS = Units(())
UNITS.add(RULES)
UNITS.scales["EUR"] = 2


def golden(kind: str) -> Any:
    return GOLDEN[kind].event


def test_no_event_is_forgotten() -> None:
    assert set(SENTENCES) == set(EVENT_TYPES)


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_a_sentence_reads_well(kind: str) -> None:
    told = sentence(golden(kind), UNITS)
    assert told[0].isupper() or told.split("'")[0].split(" ")[0].isidentifier() or told[0].isdigit(), told
    assert not told.endswith(".")
    assert "None" not in told
    assert "minor units" not in told
    assert "{" not in told
    assert not re.search(r"\d{13,}", told), "an integer of the events, instead of a decimal"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("OrderFilled.v1", "alice bought 0.5 BTC at 99999.99 as taker in trade 42 for 49999.995 USD"),
        ("MarkPriceSet.v1", "The mark price of BTC-USD became 99999.5"),
        ("AccountOpened.v1", "Account alice was opened"),
    ],
)
def test_amounts_are_in_the_decimals_of_their_market(kind: str, told: str) -> None:
    assert sentence(golden(kind), UNITS).startswith(told)


def test_every_kind_of_posting_is_told_and_has_its_effect() -> None:
    assert set(POSTINGS) == set(EFFECTS) == set(get_args(PostingKind))


def test_a_posting_names_its_trade() -> None:
    posted = golden("AccountPosted.v1")
    assert isinstance(posted, AccountPosted)
    told = [posting_sentence(posting, UNITS) for posting in posted.postings]
    assert any("for trade 42 on BTC-USD" in each for each in told), told


@pytest.mark.parametrize("reason", get_args(CancelReason))
def test_every_reason_of_a_cancel_is_explained(reason: CancelReason) -> None:
    assert reason in CANCEL_REASONS or reason in CATALOGUE
    event = OrderCancelled("o", "alice", "BTC-USD", "buy", 100, 50_000_000, 50_000_000, reason)
    told = sentence(event, UNITS)
    assert told.startswith("alice's order was cancelled ")
    assert told.endswith("; 0.5 BTC will not trade")


def test_what_has_no_market_keeps_its_integers_and_says_so() -> None:
    assert "minor units" in sentence(golden("OrderFilled.v1"), Units(()))
