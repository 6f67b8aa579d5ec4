"""Transfers: available money moves from one account to another, at once."""

from domain.account import Posting
from tests.unit.domain.expectations import has, refused, traded
from tests.unit.domain.story import funded, given, listed_market, opened, resting
from tests.unit.domain.transfer_wishes import move
from tests.unit.domain.wishes import buy, deposit, sell


def test_a_transfer_moves_available_funds_at_once() -> None:
    story = given(listed_market(), funded("alice", USD=100), funded("bob", USD=1)).when(
        move("alice", "bob", 40, "USD")
    )
    story.then(has("alice", USD=60), has("bob", USD=41))
    assert [(event.account, event.kind) for event in story.of_type(Posting)] == [
        ("alice", "transfer_out"),
        ("bob", "transfer_in"),
    ]
    assert story.exchange.outside == {"USD": 1_010_000}


def test_what_was_received_can_be_traded_with() -> None:
    given(listed_market(), funded("alice", USD=100), opened("bob"), resting(sell("carol", 1, at=40))).when(
        move("alice", "bob", 40, "USD"), buy("bob", 1, at=40)
    ).then(traded(("carol", 1, 40)), has("bob", BTC=1, USD=0))


def test_a_transfer_needs_two_open_accounts_and_the_funds() -> None:
    story = given(listed_market(), funded("alice", USD=100), opened("bob"))
    story.when(move("alice", "alice", 1, "USD")).then(refused("same_account", "alice"))
    story.when(move("alice", "nobody", 1, "USD")).then(refused("unknown_account", "nobody"))
    story.when(move("nobody", "bob", 1, "USD")).then(refused("unknown_account", "nobody"))
    story.when(move("alice", "fees", 1, "USD")).then(refused("reserved_account"))
    story.when(move("fees", "alice", 1, "USD")).then(refused("reserved_account"))
    story.when(move("alice", "bob", "100.0001", "USD")).then(refused("insufficient_funds", "available 100"))
    story.when(move("bob", "alice", 1, "BTC")).then(refused("insufficient_funds", "available 0"))
    story.when(move("alice", "bob", 0, "USD")).then(refused("invalid_amount"))
    story.then(has("alice", USD=100), has("bob", USD=0))


LARGEST = "99999999999999.9999"  # 18 digits


def test_nobody_can_be_given_more_than_an_account_can_hold() -> None:
    story = given(listed_market(), funded("alice", USD=LARGEST), opened("bob"))
    story.when(*(deposit("bob", LARGEST, "USD", name=f"bob-{n}") for n in range(9)))
    story.when(move("alice", "bob", LARGEST, "USD")).then(refused("balance_limit", LARGEST))
