"""Transfers between shards: funds go into transit here, and arrive there, or come back."""

import pytest

from domain import shard_transfers
from domain.account import Posting
from domain.shard_transfer import FundsDeclined, FundsReceived, FundsSent, TransferCompleted, TransferReturned
from tests.unit.domain.dump import dump
from tests.unit.domain.expectations import has, nothing_happened, refused, traded
from tests.unit.domain.flow_of_snapshots import written_and_read
from tests.unit.domain.invariants import check_invariants
from tests.unit.domain.shard_wishes import OTHER, complete, give_back, receive, send
from tests.unit.domain.story import Expectation, Story, after, funded, given, listed_market, opened, resting
from tests.unit.domain.wishes import SHARD, account_is, buy, deposit, sell

LARGEST = "99999999999999.9999"  # 18 digits


def in_transit(*transfers: tuple[str, int]) -> Expectation:
    """These are in transit and no others: (account, whole USD)."""

    def expectation(story: Story) -> None:
        scale = 10 ** story.exchange.scales["USD"]
        found = [(each.account, each.amount // scale) for each in story.exchange.in_transit.values()]
        assert found == list(transfers)

    return expectation


def cleared(usd: int, shard: int = OTHER) -> Expectation:
    """The other shard has taken so much more than it has sent."""

    def expectation(story: Story) -> None:
        scale = 10 ** story.exchange.scales["USD"]
        assert story.exchange.cleared.get((shard, "USD"), 0) == usd * scale

    return expectation


def rich() -> Story:
    return given(listed_market(), funded("alice", USD=100), opened("bob"))


# --- The source -----------------------------------------------------------------------------------------


def test_what_is_sent_is_in_transit_and_no_longer_the_accounts() -> None:
    story = rich().when(send("alice", 40, "USD"))
    story.then(has("alice", USD=60), in_transit(("alice", 40)), cleared(0))
    (sent,), (posting,) = story.of_type(FundsSent), story.of_type(Posting)
    assert (sent.account, sent.to_shard, sent.to_account) == ("alice", OTHER, "alice")
    assert (posting.kind, posting.account, posting.transfer_id) == ("send", "alice", sent.transfer_id)
    assert story.exchange.outside == {"USD": 1_000_000}, "nothing has left the venue"


def test_it_may_go_to_another_account_than_the_senders() -> None:
    story = rich().when(send("alice", 40, "USD", to_account="dora"))
    (sent,) = story.of_type(FundsSent)
    assert sent.to_account == "dora"


def test_it_is_over_when_the_other_shard_has_credited_it() -> None:
    story = rich().when(send("alice", 40, "USD"), complete("alice"))
    story.then(has("alice", USD=60), in_transit(), cleared(40))
    assert len(story.of_type(TransferCompleted)) == 1


def test_what_the_other_shard_declines_comes_back_with_the_reason() -> None:
    story = rich().when(send("alice", 40, "USD"), give_back("alice"))
    story.then(has("alice", USD=100), in_transit(), cleared(0))
    (returned,) = story.of_type(TransferReturned)
    assert (returned.code, returned.detail) == ("unknown_account", "account 'alice' is not open")


def test_it_comes_back_to_an_account_that_was_suspended_meanwhile() -> None:
    story = rich().when(send("alice", 40, "USD"), account_is("alice", "suspended"), give_back("alice"))
    story.then(has("alice", USD=100))


def test_it_comes_back_to_an_account_that_is_full_by_now() -> None:
    story = given(listed_market(), funded("alice", USD=LARGEST)).when(send("alice", LARGEST, "USD"))
    story.when(*(deposit("alice", LARGEST, "USD", name=f"more-{n}") for n in range(9)))
    story.when(give_back("alice")).then(in_transit(), has("alice", USD="999999999999999.999"))


@pytest.mark.parametrize("end", [complete("alice"), give_back("alice")])
def test_it_ends_once_whatever_is_said_again(end: object) -> None:
    story = rich().when(send("alice", 40, "USD"), end)  # type: ignore[arg-type] # either command
    before = dump(story.exchange)
    for again in (complete("alice"), give_back("alice")):
        story.when(again).then(refused("transfer_not_in_transit", again.transfer_id))
    assert dump(story.exchange) == before


def test_what_was_never_sent_is_neither_completed_nor_returned() -> None:
    rich().when(complete("alice")).then(refused("transfer_not_in_transit"))
    rich().when(give_back("alice")).then(refused("transfer_not_in_transit"), has("alice", USD=100))


def test_sending_needs_an_open_account_another_shard_and_the_funds() -> None:
    story = rich()
    story.when(send("nobody", 1, "USD")).then(refused("unknown_account", "nobody"))
    story.when(send("fees", 1, "USD")).then(refused("reserved_account"))
    story.when(send("alice", 1, "USD", to_account="fees")).then(refused("reserved_account"))
    story.when(send("alice", 1, "USD", to_shard=SHARD)).then(refused("same_shard", f"shard {SHARD}"))
    story.when(send("alice", "100.0001", "USD")).then(refused("insufficient_funds", "available 100"))
    story.when(send("alice", 1, "DOGE")).then(refused("unknown_asset"))
    story.when(send("alice", 0, "USD")).then(refused("invalid_amount"))
    story.then(has("alice", USD=100), in_transit())


def test_what_orders_hold_cannot_be_sent() -> None:
    given(listed_market(), resting(buy("alice", 1, at=40))).when(send("alice", 1, "USD")).then(
        refused("insufficient_funds", "available 0")
    )


def test_one_account_has_only_so_many_in_transit() -> None:
    limit = 100
    story = given(listed_market(), funded("alice", USD=1_000), funded("bob", USD=1))
    story.when(*(send("alice", 1, "USD", name=f"n{number}") for number in range(limit)))
    assert story.refusal is None
    story.when(send("alice", 1, "USD", name="one-more")).then(refused("max_in_transit", f"alice has {limit}"))
    story.when(send("bob", 1, "USD"))
    assert story.refusal is None, "another account still may"
    story.when(complete("alice", "n0"), send("alice", 1, "USD", name="one-more"))
    assert story.refusal is None, "one of them has arrived"


def test_all_accounts_have_only_so_many_in_transit() -> None:
    story = given(listed_market(), funded("alice", USD=1_000))
    for number in range(shard_transfers.IN_TRANSIT_MAX):
        one = shard_transfers.Transit(f"t{number}", f"a{number}", OTHER, "bob", "USD", 1)
        shard_transfers.begin_transit(story.exchange, one)
    story.when(send("alice", 1, "USD")).then(refused("max_in_transit", "all accounts have 10000"))


# --- The destination ------------------------------------------------------------------------------------


def test_what_arrives_is_available_at_once() -> None:
    story = given(listed_market(), opened("alice")).when(receive("alice", 40, "USD"))
    story.then(has("alice", USD=40), cleared(-40))
    (received,), (posting,) = story.of_type(FundsReceived), story.of_type(Posting)
    assert (received.from_shard, received.from_account, received.account) == (OTHER, "alice", "alice")
    assert (posting.kind, posting.transfer_id) == ("take_in", received.transfer_id)
    assert story.exchange.outside == {}, "nothing has come from outside the venue"


def test_what_arrived_can_be_traded_with() -> None:
    given(listed_market(), opened("bob"), resting(sell("carol", 1, at=40))).when(
        receive("bob", 40, "USD", from_account="alice"), buy("bob", 1, at=40)
    ).then(traded(("carol", 1, 40)), has("bob", BTC=1, USD=0))


def test_what_cannot_be_credited_is_declined_on_the_record() -> None:
    story = given(listed_market(), opened("alice"), opened("bob"), after(account_is("bob", "suspended")))
    for command, code in (
        (receive("nobody", 1, "USD"), "unknown_account"),
        (receive("fees", 1, "USD"), "unknown_account"),
        (receive("bob", 1, "USD"), "account_restricted"),
        (receive("alice", 1, "DOGE"), "unknown_asset"),
        (receive("alice", "0.00001", "USD"), "invalid_amount"),
    ):
        story.when(command)
        (declined,) = story.events
        assert isinstance(declined, FundsDeclined)
        assert declined.code == code
        assert declined.detail
        assert (declined.transfer_id, declined.amount) == (command.transfer_id, command.amount)
    story.then(has("alice", USD=0), cleared(0))


def test_an_account_that_may_only_cancel_is_credited_all_the_same() -> None:
    given(listed_market(), opened("bob"), after(account_is("bob", "cancel_only"))).when(
        receive("bob", 1, "USD")
    ).then(has("bob", USD=1))


def test_more_than_an_account_can_hold_is_declined() -> None:
    story = given(listed_market(), funded("alice", USD=LARGEST))
    story.when(*(deposit("alice", LARGEST, "USD", name=f"more-{n}") for n in range(8)))
    story.when(receive("alice", LARGEST, "USD"))
    (declined,) = story.of_type(FundsDeclined)
    assert declined.code == "balance_limit"


def test_two_shards_may_count_an_asset_in_units_of_their_own() -> None:
    """The amount travels in whole units."""
    given(listed_market(quote_scale=8), opened("alice")).when(receive("alice", "0.5", "USD")).then(
        has("alice", USD="0.5")
    )


# --- The state ------------------------------------------------------------------------------------------


def test_what_is_in_transit_and_cleared_is_part_of_a_snapshot_and_of_the_hash() -> None:
    story = given(listed_market(), funded("alice", USD=100), funded("bob", USD=1)).when(
        send("alice", 40, "USD"),
        send("alice", 2, "USD", name="second"),
        send("bob", 1, "USD"),
        complete("alice"),
        receive("bob", 5, "USD"),
    )
    copy = written_and_read(story.exchange)
    assert dump(copy) == dump(story.exchange)
    check_invariants(copy)
    assert copy.in_transit_of == {"alice": 1, "bob": 1}
    assert copy.cleared == {(OTHER, "USD"): 350_000}


def test_the_hash_tells_who_is_owed_what_is_in_transit() -> None:
    one, other = (
        given(listed_market(), funded("alice", USD=2)).when(send("alice", 1, "USD", to_account=to))
        for to in ("bob", "carol")
    )
    assert one.exchange.state_hash != other.exchange.state_hash


def test_nothing_sent_leaves_the_hash_as_it_was_before_there_were_shard_transfers() -> None:
    """So the version of the state hash stays: hashes of histories without them still compare."""
    story = given(listed_market(), funded("alice", USD=100))
    before = story.exchange.state_hash
    story.when(send("alice", 40, "USD"), give_back("alice"))
    assert story.exchange.state_hash == before
    story.when().then(nothing_happened)
