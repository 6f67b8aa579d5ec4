"""What an auditor sees of transfers between shards, with both sides' events before him."""

import msgspec
import pytest

from commands.errands import COURIER
from domain.shard_transfer import CompleteTransfer, FundsReceived, ReceiveFunds, ReturnFunds, SendFunds
from stack.audit import parts
from stack.audit.findings import Findings
from stack.audit.in_transit import Sightings, differences, in_transit
from stack.load.proofs import Proofs, compare_shards
from tests.unit.commands.shards import Node, deliver, opened, sending


@pytest.fixture
def nodes() -> list[Node]:
    """Alice is on both shards, bob on the second only."""
    return [opened(Node(0), "alice", usd=100), opened(Node(1), "alice", "bob")]


def test_what_is_sent_and_not_taken_is_in_transit_to_the_unit(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40"), sending(source, "alice", "2.5", "bob", "second"))
    source.take(sending(source, "alice", "1", "nobody", "third"))
    destination.take(source.posted[0].command)
    seen = [node.sightings() for node in nodes]
    assert in_transit(seen) == {"USD": ("3.5", 2)}
    assert list(differences(seen)) == []
    deliver(nodes)
    seen = [node.sightings() for node in nodes]
    assert in_transit(seen) == {}
    assert list(differences(seen)) == []


def found(nodes: list[Node]) -> str:
    return "\n".join(differences([node.sightings() for node in nodes]))


def test_an_auditor_finds_what_was_credited_and_never_sent(nodes: list[Node]) -> None:
    source, destination = nodes
    forged = sending(source, "mallory", "40")
    arriving = ReceiveFunds(
        command_id="0-99",
        actor=COURIER,
        transfer_id=forged.transfer_id,
        client_transfer_id="send",
        from_account="mallory",
        to_shard=1,
        account="bob",
        asset="USD",
        amount="40",
    )
    destination.take(arriving)
    assert not any(destination.shard.exchange.unaccounted().values()), "its own books balance"
    assert "shard 1 credited what was never sent: 40 USD from mallory on shard 0 to bob" in found(nodes)
    assert "between shards 0 and 1 0 USD are in transit by their events, -40 by their books" in found(nodes)


def test_an_auditor_finds_what_was_credited_twice(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40"))
    deliver(nodes)
    seen = [node.sightings() for node in nodes]
    (received,) = [each.event for each in destination.store if isinstance(each.event, FundsReceived)]
    seen[1].see(received, {"USD": 4})
    assert any("shard 1 credited transfer" in each and "twice" in each for each in differences(seen))


def test_an_auditor_finds_what_was_credited_otherwise_than_it_was_sent(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40"))
    destination.take(msgspec.structs.replace(source.posted.pop().command, amount="41"))
    assert "sent was 40 USD from alice on shard 0 to alice on shard 1, credited was 41 USD" in found(nodes)


def test_an_auditor_finds_what_was_closed_without_the_other_shards_word(nodes: list[Node]) -> None:
    source = nodes[0]
    first, second = sending(source, "alice", "1"), sending(source, "alice", "2", name="second")
    source.take(first, second)
    source.take(CompleteTransfer(command_id="1-98", actor=COURIER, transfer_id=first.transfer_id))
    source.take(forged_return(second))
    assert "completed, but never credited: 1 USD" in found(nodes)
    assert "returned, but never declined: 2 USD" in found(nodes)


def test_an_auditor_finds_what_was_returned_and_credited(nodes: list[Node]) -> None:
    source, destination = nodes
    command = sending(source, "alice", "1")
    source.take(command)
    destination.take(source.posted.pop().command)
    source.take(forged_return(command))
    assert "returned, and credited as well: 1 USD" in found(nodes)


def forged_return(sent: SendFunds) -> ReturnFunds:
    return ReturnFunds(
        command_id="1-99", actor=COURIER, transfer_id=sent.transfer_id, code="code", detail="detail"
    )


# --- Who says so ----------------------------------------------------------------------------------------


@pytest.fixture
def forged(nodes: list[Node]) -> list[Node]:
    """The second shard credits what the first has never sent."""
    command = sending(nodes[0], "alice", "40")
    lost = Node(0)
    opened(lost, "alice", usd=100).take(command)
    nodes[1].take(lost.posted.pop().command)
    return nodes


def found_by_verifying(sightings: list[Sightings], *, all_shards: bool = True) -> Findings:
    findings = Findings()
    parts.compare_shards(sightings, findings, all_shards=all_shards)
    return findings


def test_the_verification_says_that_money_is_not_conserved(forged: list[Node]) -> None:
    found = found_by_verifying([node.sightings() for node in forged])
    assert not found.holds("money_conserved")
    assert "never sent" in found.differences[0]


def test_the_verification_shows_what_is_in_transit(nodes: list[Node]) -> None:
    nodes[0].take(sending(nodes[0], "alice", "40"))
    found = found_by_verifying([node.sightings() for node in nodes])
    assert found.all_well
    assert found.as_object()["in_transit"] == {"USD": "40"}


def test_a_history_that_does_not_replay_is_not_taken_for_a_forgery_on_another_shard(
    nodes: list[Node],
) -> None:
    nodes[0].take(sending(nodes[0], "alice", "40"))
    deliver(nodes)
    found = found_by_verifying([Sightings(0), nodes[1].sightings()])
    assert found.differences == []


def test_of_one_shard_alone_it_says_what_it_did_not_look_at(forged: list[Node]) -> None:
    found = found_by_verifying([forged[1].sightings()], all_shards=False)
    assert found.all_well
    assert "not compared" in found.notes[0]


def test_the_proofs_of_a_run_say_so_as_well(forged: list[Node]) -> None:
    proofs = Proofs()
    compare_shards(proofs, [node.sightings() for node in forged])
    assert not proofs.money_conserved
    assert "never sent" in proofs.differences[0]
