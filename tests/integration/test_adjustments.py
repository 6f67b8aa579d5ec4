"""Adjustments that wait: asked for by one, approved by another, and by nobody twice."""

from uuid import uuid4

import psycopg
import pytest

from commands import schema
from stack.running import Stack
from streams.adjustments import OPEN_US, Adjustment, AdjustmentStore

NOW_US = 1_800_000_000_000_000
WISH = Adjustment("ann", "fix", "USD", "debit", "1", "ticket 7")


@pytest.fixture
def store(servers: Stack) -> AdjustmentStore:
    with psycopg.connect(servers.settings.postgres_dsn) as connection:
        schema.create(connection, 1)
    return AdjustmentStore(servers.settings.postgres_dsn)


@pytest.fixture
def name() -> str:
    return str(uuid4())


async def test_it_is_asked_for_once(store: AdjustmentStore, name: str) -> None:
    first = await store.ask(name, WISH, "ann", NOW_US)
    assert (first.adjustment, first.asked_by, first.decision) == (WISH, "ann", None)
    other = Adjustment("ann", "fix", "USD", "credit", "9", "mine")
    assert await store.ask(name, other, "bob", NOW_US + 1) == first, "what was asked for first stays"
    assert name in {row.transfer_id for row in await store.open(NOW_US + 1)}


async def test_nobody_approves_what_they_asked_for_not_even_past_the_api(
    store: AdjustmentStore, name: str
) -> None:
    await store.ask(name, WISH, "ann", NOW_US)
    with pytest.raises(psycopg.errors.CheckViolation):
        await store.decide(name, "approved", "ann", NOW_US)
    taken_back = await store.decide(name, "rejected", "ann", NOW_US)
    assert taken_back is not None
    assert taken_back.decision == "rejected"


async def test_the_first_decision_counts(store: AdjustmentStore, name: str) -> None:
    await store.ask(name, WISH, "ann", NOW_US)
    approved = await store.decide(name, "approved", "bob", NOW_US + 5)
    assert approved is not None
    assert (approved.decision, approved.decided_by, approved.decided_at_us) == ("approved", "bob", NOW_US + 5)
    assert await store.decide(name, "rejected", "cid", NOW_US + 6) == approved
    assert name not in {row.transfer_id for row in await store.open(NOW_US + 6)}


async def test_what_is_too_old_is_not_approved_any_more(store: AdjustmentStore, name: str) -> None:
    await store.ask(name, WISH, "ann", NOW_US)
    late = await store.decide(name, "approved", "bob", NOW_US + OPEN_US)
    assert late is not None
    assert late.decision is None
    assert name not in {row.transfer_id for row in await store.open(NOW_US + OPEN_US)}


async def test_what_nobody_asked_for_is_not_decided_on(store: AdjustmentStore, name: str) -> None:
    assert await store.find(name) is None
    assert await store.decide(name, "approved", "bob", NOW_US) is None
