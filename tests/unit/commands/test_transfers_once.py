"""Every transfer happens once, however often and whenever it is sent: as deposits do."""

from collections.abc import Sequence

import msgspec
import pytest

from commands.messages import AnyCommand, Outcome
from commands.shard import Shard
from domain.transfer import (
    CancelWithdrawal,
    CompleteWithdrawal,
    RequestWithdrawal,
    TransferFunds,
)
from tests.unit.commands.test_batch import FUNDED, decided, deposit, history, recorded
from tests.unit.domain.transfer_wishes import (
    adjust,
    cancel_withdrawal,
    complete_withdrawal,
    move,
    request_withdrawal,
    set_fees,
    set_group,
)

REQUEST = request_withdrawal("alice", "5", "USD")
COMPLETE = complete_withdrawal("alice")
CANCEL = cancel_withdrawal("alice")
MOVE = move("alice", "bob", "5", "USD")
ADJUST = adjust("alice", "debit", "5", "USD")


@pytest.fixture
def shard() -> Shard:
    fresh = Shard(0, partitions=4, ids_expected=1_000)
    decided(fresh, FUNDED)
    return fresh


def told(outcomes: Sequence[Outcome]) -> list[tuple[str, str, bool]]:
    return [(outcome.status, outcome.code, outcome.replayed) for outcome in outcomes]


def usd_of(shard: Shard, account: str) -> int:
    balance = shard.exchange.accounts[account].balances["USD"]
    return (balance.available + balance.held) // 10**10


ONE_STEP = [(REQUEST, "requested"), (MOVE, "transferred"), (ADJUST, "adjusted")]


@pytest.mark.parametrize(("command", "status"), ONE_STEP)
def test_a_repeat_in_the_same_batch_or_later_is_answered_as_the_first(
    shard: Shard, command: RequestWithdrawal, status: str
) -> None:
    as_text = msgspec.structs.replace(command, amount="5.00", command_id="again")
    both, placed = decided(shard, [command, as_text])
    later, none = decided(shard, [as_text], history(placed))
    assert told([*both, *later]) == [(status, "", False), (status, "", True), (status, "", True)]
    assert not none


@pytest.mark.parametrize(
    ("command", "field", "value"),
    [
        (REQUEST, "amount", "6"),
        (REQUEST, "asset", "BTC"),
        (REQUEST, "destination", "elsewhere"),
        (MOVE, "amount", "6"),
        (MOVE, "to_account", "carol"),
        (ADJUST, "side", "credit"),
        (ADJUST, "reason", "another"),
        (ADJUST, "approver", "another"),
    ],
)
def test_other_content_with_the_same_id_is_refused(
    shard: Shard, command: AnyCommand, field: str, value: str
) -> None:
    _, placed = decided(shard, [command])
    outcomes, none = decided(shard, [msgspec.structs.replace(command, **{field: value})], history(placed))
    assert told(outcomes) == [("refused", "id_reused", False)]
    assert not none


def test_one_id_is_one_transfer_of_whatever_kind(shard: Shard) -> None:
    _, placed = decided(shard, [deposit("alice", "USD", "5", "move")])
    outcomes, _ = decided(shard, [MOVE], history(placed))
    assert told(outcomes) == [("refused", "id_reused", False)]


@pytest.mark.parametrize(("end", "status"), [(COMPLETE, "completed"), (CANCEL, "cancelled")])
def test_an_end_is_answered_the_same_again_and_the_money_moves_once(
    shard: Shard, end: AnyCommand, status: str
) -> None:
    before = usd_of(shard, "alice")
    both, placed = decided(shard, [REQUEST, end, end])
    assert told(both) == [("requested", "", False), (status, "", False), (status, "", True)]
    later, none = decided(shard, [REQUEST, end], history(placed))
    assert told(later) == [("requested", "", True), (status, "", True)]
    assert not none
    assert usd_of(shard, "alice") == before - (5 if status == "completed" else 0)


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_withdrawal_that_has_ended_ends_in_no_other_way(shard: Shard, in_one_batch: bool) -> None:
    _, requested = decided(shard, [REQUEST])
    others: list[AnyCommand] = [complete_withdrawal("alice", reference="another"), CANCEL]
    if in_one_batch:
        (_, *outcomes), _ = decided(shard, [COMPLETE, *others])
    else:
        _, completed = decided(shard, [COMPLETE])
        outcomes, _ = decided(shard, others, history((*requested, *completed)))
    assert told(outcomes) == [("refused", "id_reused", False), ("refused", "withdrawal_not_open", False)]


def test_somebody_elses_account_learns_nothing_of_how_it_ended(shard: Shard) -> None:
    _, placed = decided(shard, [REQUEST, COMPLETE])
    stranger = complete_withdrawal("bob", owner="alice")
    outcomes, _ = decided(shard, [stranger], history(placed))
    assert told(outcomes) == [("refused", "withdrawal_not_open", False)]


def test_what_was_refused_may_be_sent_again(shard: Shard) -> None:
    poor = request_withdrawal("bob", "5", "USD")
    first, _ = decided(shard, [poor])
    then, _ = decided(shard, [deposit("bob", "USD", "5"), poor])
    assert told([*first, *then]) == [
        ("refused", "insufficient_funds", False),
        ("credited", "", False),
        ("requested", "", False),
    ]


def test_fees_and_groups_set_again_change_nothing(shard: Shard) -> None:
    commands: list[AnyCommand] = [set_fees("alice", 1, 2), set_group("alice", "desk")]
    outcomes, placed = decided(shard, [*commands, *commands])
    assert told(outcomes) == [("set", "", False)] * 2 + [("set", "", True)] * 2
    assert len(placed) == 2


def test_replaying_what_was_stored_gives_the_same_shard() -> None:
    lived, rebuilt = (Shard(0, partitions=4, ids_expected=1_000) for _ in range(2))
    second = request_withdrawal("alice", "7", "USD", name="second")
    placed = decided(lived, FUNDED)[1]
    placed += decided(lived, [REQUEST, second, MOVE, ADJUST, set_fees("bob", 1, 2)])[1]
    placed += decided(lived, [COMPLETE, set_group("bob", "desk")])[1]
    rebuilt.replay(recorded(placed))
    assert rebuilt.exchange.state_hash == lived.exchange.state_hash
    assert (rebuilt.versions, rebuilt.places) == (lived.versions, lived.places)
    assert second.transfer_id in lived.versions, "a withdrawal under way goes on"
    assert REQUEST.transfer_id not in lived.versions, "one that has ended does not"
    assert not any(lived.exchange.unaccounted().values())


def test_the_commands_are_read_as_they_were_written() -> None:
    kinds = {CancelWithdrawal, CompleteWithdrawal, RequestWithdrawal, TransferFunds}
    for command in (CANCEL, COMPLETE, REQUEST, MOVE, ADJUST):
        written = msgspec.json.encode(command)
        assert msgspec.json.decode(written, type=AnyCommand) == command
        kinds.discard(type(command))
    assert not kinds
