"""A transfer between shards as the processors carry it: each step once, for ever, whatever comes again."""

from pathlib import Path

import msgspec
import pytest

from commands.courier import Courier
from commands.errands import COURIER, Errand, errand_of
from commands.messages import AnyCommand, CommandBatch, Outcome, decode_commands
from domain.account import OpenAccount
from domain.shard_transfer import (
    CompleteTransfer,
    FundsDeclined,
    FundsReceived,
    FundsSent,
    ReceiveFunds,
    ReturnFunds,
    SendFunds,
    TransferCompleted,
    TransferReturned,
)
from stack.audit.in_transit import differences
from streams.codec import RecordedEvent, encode
from tests.unit.commands.shards import PATIENCE, Node, deliver, opened, sending
from tests.unit.domain.shard_wishes import send
from tests.unit.domain.transfer_wishes import move

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture
def nodes() -> list[Node]:
    """Alice is on both shards, bob on the second only."""
    return [opened(Node(0), "alice", usd=100), opened(Node(1), "alice", "bob")]


def told(outcomes: list[Outcome]) -> list[tuple[str, str, bool]]:
    return [(outcome.status, outcome.code, outcome.replayed) for outcome in outcomes]


def kinds(node: Node) -> list[str]:
    """Return its events about transfers between shards."""
    about = (FundsSent, FundsReceived, FundsDeclined, TransferCompleted, TransferReturned)
    return [type(recorded.event).__name__ for recorded in node.store if isinstance(recorded.event, about)]


def posted(node: Node) -> Errand:
    """Return the only errand its courier has run since."""
    (errand,), node.posted = node.posted, []
    return errand


# --- The way of one -------------------------------------------------------------------------------------


def test_a_transfer_goes_there_and_its_answer_comes_back(nodes: list[Node]) -> None:
    source, destination = nodes
    assert told(source.take(sending(source, "alice", "40", "bob"))) == [("sent", "", False)]
    assert deliver(nodes) == 2
    assert kinds(source) == ["FundsSent", "TransferCompleted"]
    assert kinds(destination) == ["FundsReceived"]
    assert (source.usd("alice"), destination.usd("bob")) == (60, 40)
    assert source.courier.open == 0


def test_a_transfer_that_is_declined_comes_back(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40", "nobody"))
    deliver(nodes)
    assert kinds(source) == ["FundsSent", "TransferReturned"]
    assert kinds(destination) == ["FundsDeclined"]
    assert (source.usd(), destination.usd()) == (100, 0)
    assert source.courier.open == 0


def test_its_events_are_a_chain_of_causes_over_both_shards(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(msgspec.structs.replace(sending(source, "alice", "40"), correlation_id="rebalancing"))
    deliver(nodes)
    (sent,) = [each for each in source.store if isinstance(each.event, FundsSent)]
    (received,) = [each for each in destination.store if isinstance(each.event, FundsReceived)]
    (completed,) = [each for each in source.store if isinstance(each.event, TransferCompleted)]
    assert sent.causation_id == "send-send"
    assert received.causation_id == sent.event_id
    assert completed.causation_id == received.event_id
    assert (sent.actor, received.actor, completed.actor) == ("alice", COURIER, COURIER)
    assert {each.correlation_id for each in (sent, received, completed)} == {"rebalancing"}
    assert received.stream != sent.stream, "each shard's streams name that shard"


def test_what_is_carried_never_expires_and_nobody_waits_for_its_answer(nodes: list[Node]) -> None:
    nodes[0].take(sending(nodes[0], "alice", "40"))
    errand = posted(nodes[0])
    assert errand.command.valid_until_us is None
    (message,) = decode_commands(encode(CommandBatch((errand.command,), "")))
    assert (message.command, message.reply_to) == (errand.command, "")


def test_an_event_of_another_kind_calls_for_nothing(nodes: list[Node]) -> None:
    assert [errand_of(recorded, {}) for recorded in nodes[0].store] == [None] * len(nodes[0].store)


# --- What comes again -----------------------------------------------------------------------------------


def test_sending_again_is_answered_as_the_first_whatever_has_become_of_it(nodes: list[Node]) -> None:
    source = nodes[0]
    command = sending(source, "alice", "40")
    again = msgspec.structs.replace(command, amount="40.0", command_id="again")
    assert told(source.take(command, again)) == [("sent", "", False), ("sent", "", True)]
    deliver(nodes)
    assert told(source.take(again)) == [("sent", "", True)]
    assert kinds(source) == ["FundsSent", "TransferCompleted"]
    assert source.posted == []


@pytest.mark.parametrize(
    ("field", "value"), [("amount", "41"), ("to_account", "bob"), ("to_shard", 2), ("asset", "BTC")]
)
def test_sending_other_content_with_the_same_id_is_refused(field: str, value: object) -> None:
    source = opened(Node(0, shards=3), "alice", usd=100)
    command = sending(source, "alice", "40")
    source.take(command)
    other = msgspec.structs.replace(command, **{field: value})
    assert told(source.take(other)) == [("refused", "id_reused", False)]


def test_one_id_is_one_transfer_whether_it_stays_or_leaves(nodes: list[Node]) -> None:
    source = opened(Node(0), "alice", "bob", usd=100)
    source.take(move("alice", "bob", 1, "USD", name="stays"), sending(source, "alice", "1", name="leaves"))
    for command in (sending(source, "alice", "1", name="stays"), move("alice", "bob", 1, "USD", "leaves")):
        assert told(source.take(command)) == [("refused", "id_reused", False)]


@pytest.mark.parametrize("to_account", ["bob", "nobody"])
def test_what_arrives_again_is_answered_again_and_changes_nothing(nodes: list[Node], to_account: str) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40", to_account))
    arriving = posted(source).command
    destination.take(arriving, arriving)
    answer = posted(destination)
    before = list(destination.store)
    (outcome,) = destination.take(arriving)
    assert outcome.replayed
    assert destination.store == before
    assert posted(destination) == answer, "the answer, if it was lost, comes again"


def test_what_was_declined_is_never_credited_later(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40", "carol"))
    arriving = posted(source).command
    destination.take(arriving)
    destination.take(OpenAccount(command_id="open", actor="admin", account="carol"))
    (outcome,) = destination.take(arriving)
    assert (outcome.status, outcome.replayed) == ("declined", True)
    deliver(nodes)
    assert (source.usd("alice"), destination.usd("carol")) == (100, 0)


def test_an_answer_that_comes_again_is_no_news(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40"))
    destination.take(posted(source).command)
    answer = posted(destination).command
    assert told(source.take(answer)) == [("completed", "", False)]
    assert told(source.take(answer)) == [("refused", "transfer_not_in_transit", False)]
    assert kinds(source) == ["FundsSent", "TransferCompleted"]


def test_a_forged_arrival_of_a_known_transfer_is_refused_and_not_answered(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40"))
    arriving = posted(source).command
    destination.take(arriving)
    destination.posted = []
    for change in ({"amount": "41"}, {"account": "bob"}, {"from_account": "bob"}, {"asset": "BTC"}):
        forged = msgspec.structs.replace(arriving, **change)
        assert told(destination.take(forged)) == [("refused", "id_reused", False)]
    assert destination.posted == []
    assert destination.usd() == 40


# --- Which shard ----------------------------------------------------------------------------------------


def test_there_is_no_sending_to_a_shard_that_is_not_there(nodes: list[Node]) -> None:
    for shard in (2, -1):
        outcomes = nodes[0].take(send("alice", 1, "USD", to_shard=shard, name=f"to{shard}"))
        assert told(outcomes) == [("refused", "unknown_shard", False)]
    assert nodes[0].usd() == 100


def test_what_comes_to_the_wrong_shard_is_refused(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40"))
    arriving = posted(source).command
    assert told(source.take(arriving)) == [("refused", "wrong_shard", False)]
    assert source.posted == []
    assert destination.usd() == 0


def test_no_api_makes_what_only_a_courier_may_send() -> None:
    """Whoever asks for the later steps over HTTP or a WebSocket would be asking for money."""
    sources = [path.read_text() for path in (CHECKOUT / "api").rglob("*.py")]
    assert any(SendFunds.__name__ in source for source in sources)
    for kind in (ReceiveFunds, CompleteTransfer, ReturnFunds):
        assert not any(kind.__name__ in source for source in sources), kind


def test_an_amount_keeps_its_worth_where_another_shard_counts_in_other_units() -> None:
    nodes = [
        opened(Node(0), "alice", usd=100, quote_scale=10),
        opened(Node(1), "alice", quote_scale=4),
    ]
    nodes[0].take(sending(nodes[0], "alice", "2.5", name="fits"))
    nodes[0].take(sending(nodes[0], "alice", "0.0000000001", name="too-fine"))
    deliver(nodes)
    assert kinds(nodes[0]) == ["FundsSent", "FundsSent", "TransferCompleted", "TransferReturned"]
    assert (nodes[0].usd(), nodes[1].usd()) == (97.5, 2.5)
    assert list(differences(node.sightings() for node in nodes)) == []


# --- A shard starts again -------------------------------------------------------------------------------


def test_a_shard_rebuilt_from_its_events_remembers_what_is_in_transit(nodes: list[Node]) -> None:
    source = nodes[0]
    source.take(sending(source, "alice", "40"), sending(source, "alice", "1", name="second"))
    lived, (first, second) = source.shard, source.posted
    source.posted = []
    source.start_again()
    assert source.shard.exchange.state_hash == lived.exchange.state_hash
    assert (source.shard.versions, source.shard.places) == (lived.versions, lived.places)
    assert sorted(source.posted, key=str) == sorted([first, second], key=str), "all that is open is carried"


def test_a_shard_from_its_snapshot_knows_what_arrived(nodes: list[Node]) -> None:
    source, destination = nodes
    source.take(sending(source, "alice", "40"))
    arriving = posted(source).command
    destination.take(arriving)
    destination.start_from_snapshot()
    destination.take(arriving)
    assert destination.usd() == 40
    deliver(nodes)
    assert source.courier.open == 0


# --- The courier's patience ---------------------------------------------------------------------------------


def test_an_open_transfer_is_carried_again_less_and_less_often(nodes: list[Node]) -> None:
    source = nodes[0]
    source.take(sending(source, "alice", "40"))
    times = []
    for second in range(1, 32):
        source.posted = []
        source.let_pass(1)
        times += [second] * len(source.posted)
    assert times == [1, 3, 7, 15, 23, 31], "twice as long, up to 8 s"


def test_what_has_ended_is_carried_no_more(nodes: list[Node]) -> None:
    source = nodes[0]
    source.take(sending(source, "alice", "40"))
    deliver(nodes)
    source.let_pass(100)
    assert source.posted == []
    assert source.courier.advance(source.now_s) is None


def test_the_courier_says_when_it_is_due(nodes: list[Node]) -> None:
    source = nodes[0]
    assert source.courier.advance(0) is None
    source.take(sending(source, "alice", "40"))
    assert source.courier.advance(0.25) == pytest.approx(0.75)


def test_very_many_are_carried_in_lots_of_a_bounded_size() -> None:
    lots: list[int] = []
    courier = Courier(PATIENCE, {"USD": 4}, lambda _, commands: lots.append(len(commands)))
    courier.committed([sent_event(number) for number in range(1_201)], 0)
    assert lots == [500, 500, 201]
    lots.clear()
    waits = [courier.advance(1) for _ in range(4)]
    assert lots == [500, 500, 201]
    assert waits == [0, 0, 2, 2], "at once, while any are due; then twice as long"


def sent_event(number: int) -> RecordedEvent:
    event = FundsSent(f"t{number}", f"n{number}", "alice", 1, "bob", "USD", 1)
    return RecordedEvent(number, f"0-{number}", event.transfer_id, 1, 0, "alice", "c", event)


def test_commands_of_shard_transfers_are_read_as_they_were_written(nodes: list[Node]) -> None:
    source, destination = nodes
    first: list[AnyCommand] = [sending(source, "alice", "1"), sending(source, "alice", "1", "nobody", "n")]
    source.take(*first)
    carried = [errand.command for errand in source.posted]
    destination.take(*carried)
    commands = [*first, *carried, *(errand.command for errand in destination.posted)]
    assert {type(command) for command in commands} == {SendFunds, ReceiveFunds, CompleteTransfer, ReturnFunds}
    for command in commands:
        assert msgspec.json.decode(encode(command), type=AnyCommand) == command
