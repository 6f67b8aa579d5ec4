"""Transfers between shards in the read models: both sides, and the venue's books over both shards."""

from collections import Counter

import pytest

from projections import ledger
from projections.folding import Folding
from projections.ledger import AVAILABLE, CUSTODY, IN_TRANSIT
from projections.projection import At, Document
from projections.registry import PROJECTIONS
from tests.unit.commands.shards import Node, deliver, opened, sending

UNIT = 10**4


@pytest.fixture
def nodes() -> list[Node]:
    """Ann has 100 USD on the first shard, and is on the second as well, as bob is."""
    return [opened(Node(0), "ann", usd=100), opened(Node(1), "ann", "bob")]


def folded(nodes: list[Node], name: str) -> list[Document]:
    """Return the documents of both shards' events; no two shards write the same one."""
    documents: dict[str, Document] = {}
    for node in nodes:
        folding = Folding(PROJECTIONS[name])
        for recorded in node.store:
            if type(recorded.event) in folding.projection.event_types:
                folding.fold(recorded.event, At(node.number, recorded.seq, recorded.occurred_at_us))
        assert not documents.keys() & folding.documents.keys()
        documents |= folding.documents
    return list(documents.values())


def sides(nodes: list[Node], name: str = "send") -> list[tuple[object, ...]]:
    """Return each side of a transfer as (account, direction, status, other account, other's shard, ended)."""
    told = ("account", "direction", "status", "counter_account", "counter_shard")
    return [
        (*(document[field] for field in told), document["ended_at_us"] is not None)
        for document in folded(nodes, "transfers")
        if document["client_transfer_id"] == name
    ]


def books(nodes: list[Node]) -> dict[str, float]:
    lines = ledger.trial_balance(folded(nodes, "ledger"), folded(nodes, "balances"))["USD"]
    assert sum(lines.values()) == 0
    return {name: amount / UNIT for name, amount in lines.items() if amount}


@pytest.mark.parametrize("to_account", ["ann", "bob"])
def test_it_is_sent_until_it_is_completed_and_each_side_names_the_other(
    nodes: list[Node], to_account: str
) -> None:
    nodes[0].take(sending(nodes[0], "ann", "40", to_account))
    assert sides(nodes) == [("ann", "out", "sent", to_account, 1, False)]
    deliver(nodes)
    assert sides(nodes) == [
        ("ann", "out", "completed", to_account, 1, True),
        (to_account, "in", "completed", "ann", 0, True),
    ]


def test_a_returned_one_says_why_and_has_no_other_side(nodes: list[Node]) -> None:
    nodes[0].take(sending(nodes[0], "ann", "40", "nobody"))
    deliver(nodes)
    assert sides(nodes) == [("ann", "out", "returned", "nobody", 1, True)]
    (returned,) = [each for each in folded(nodes, "transfers") if each["status"] == "returned"]
    assert returned["reason"] == "unknown_account: account 'nobody' is not open"
    assert not PROJECTIONS["transfers"].ended({**returned, "status": "sent"}), "it can still change"


def test_what_is_in_transit_is_owed_and_in_no_account(nodes: list[Node]) -> None:
    nodes[0].take(sending(nodes[0], "ann", "40", "bob"))
    assert books(nodes) == {CUSTODY: 100, AVAILABLE: -60, IN_TRANSIT: -40}
    arriving = nodes[0].posted.pop().command
    nodes[1].take(arriving)
    assert books(nodes) == {CUSTODY: 100, AVAILABLE: -100}, "taken, though the sender does not know it yet"
    deliver(nodes)
    assert books(nodes) == {CUSTODY: 100, AVAILABLE: -100}


def test_what_is_returned_is_available_again(nodes: list[Node]) -> None:
    nodes[0].take(sending(nodes[0], "ann", "40", "nobody"))
    deliver(nodes)
    assert books(nodes) == {CUSTODY: 100, AVAILABLE: -100}


def test_the_journal_adds_up_to_the_books(nodes: list[Node]) -> None:
    for number, to_account in enumerate(["bob", "nobody", "ann"]):
        nodes[0].take(sending(nodes[0], "ann", "10", to_account, f"t{number}"))
        deliver(nodes)
    nodes[0].take(sending(nodes[0], "ann", "5", "bob", "last"))
    sums: Counter[str] = Counter()
    for document in folded(nodes, "transfers"):
        for entry in ledger.entries(document):
            sums[entry.debit] += entry.amount
            sums[entry.credit] -= entry.amount
    assert {name: amount / UNIT for name, amount in sums.items() if amount} == {
        CUSTODY: 100,
        f"{AVAILABLE}:ann": -85,
        f"{AVAILABLE}:bob": -10,
        IN_TRANSIT: -5,
    }


def test_ledgers_written_before_there_were_such_transfers_go_on() -> None:
    before = {name: "0" for name in ledger.SUMS if name != "in_transit"}
    part = ("ann", "USD", {"in_transit": 5})
    assert ledger.fold(before, part, At(0, 1, 1))["in_transit"] == "5"
