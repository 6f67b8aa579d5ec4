"""Two shards, and between them a network that loses, doubles, delays and reorders what it carries; and either
shard dies whenever it likes, before or after a commit. Money is always conserved. And once the network is
fair, each transfer ends: credited exactly once, or returned.

``OMS_PROPERTY_EXAMPLES=10000`` looks harder.
"""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from commands.errands import Errand
from domain.account import OpenAccount
from domain.control import SetAccountStatus
from domain.ids import shard_of
from stack.audit.in_transit import Sightings, differences, in_transit
from tests.unit.commands.shards import PATIENCE, Node, deliver, opened, sending
from tests.unit.domain.flows import EXAMPLES, SECONDS_PER_EXAMPLE_MAX, SETTINGS

STAKE = 50
SCALES = (6, 4)
"""What the first shard sends with more than four decimals, the second declines."""
FAIR_ROUNDS_MAX = 5

which = st.integers(0, 99)
numbers = st.sampled_from([0, 1])
accounts = st.sampled_from(["alice", "bob"])
receivers = st.sampled_from(["alice", "bob", "late", "fees"])
amounts = st.sampled_from(["1", "2.5", "20", "0.0001", "0.000001"])
ends = st.sampled_from(["done", "done", "done", "crash before commit", "crash after commit"])


class Network(RuleBasedStateMachine):
    """``carried``: what is on its way. A shard's log is here as well: it may take it more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = [
            opened(Node(number), "alice", "bob", usd=STAKE, quote_scale=SCALES[number]) for number in (0, 1)
        ]
        self.carried: list[Errand] = []
        self.sent = 0

    # --- What clients do ----------------------------------------------------------------------------------

    @rule(number=numbers, account=accounts, to=receivers, amount=amounts, end=ends)
    def send(self, number: int, account: str, to: str, amount: str, end: str) -> None:
        self.sent += 1
        self.carried.append(Errand(number, sending(self.nodes[number], account, amount, to, f"t{self.sent}")))
        self.hand_over(len(self.carried) - 1, end)

    @rule(number=numbers, account=accounts, suspended=st.booleans())
    def set_status(self, number: int, account: str, suspended: bool) -> None:
        status: Any = "suspended" if suspended else "active"
        self.nodes[number].take(
            SetAccountStatus(
                command_id="status", actor="risk", account=account, status=status, reason="drawn"
            )
        )

    @rule(number=numbers)
    def open_late(self, number: int) -> None:
        self.nodes[number].take(OpenAccount(command_id="open", actor="admin", account="late"))

    # --- What the network does ----------------------------------------------------------------------------

    @precondition(lambda self: self.carried)
    @rule(which=which, end=ends)
    def deliver_one(self, which: int, end: str) -> None:
        self.hand_over(which, end)

    @precondition(lambda self: self.carried)
    @rule(first=which, second=which)
    def deliver_two_at_once(self, first: int, second: int) -> None:
        """They share a batch, if they are for one shard; they may be the same twice."""
        chosen = [self.carried[each % len(self.carried)] for each in (first, second)]
        for number, node in enumerate(self.nodes):
            node.take(*(errand.command for errand in chosen if errand.shard == number))

    @precondition(lambda self: self.carried)
    @rule(which=which)
    def double(self, which: int) -> None:
        self.carried.append(self.carried[which % len(self.carried)])

    @precondition(lambda self: self.carried)
    @rule(which=which)
    def lose(self, which: int) -> None:
        del self.carried[which % len(self.carried)]

    def hand_over(self, which: int, end: str) -> None:
        """A shard that dies before its commit is given the same again; after it, it is not."""
        index = which % len(self.carried)
        shard, command = self.carried[index]
        if end == "crash before commit":
            self.nodes[shard].crash_before_commit(command)
            return
        del self.carried[index]
        if end == "crash after commit":
            self.nodes[shard].crash_after_commit(command)
        else:
            self.nodes[shard].take(command)

    # --- What the shards do -------------------------------------------------------------------------------

    @rule(number=numbers, from_snapshot=st.booleans())
    def start_again(self, number: int, from_snapshot: bool) -> None:
        if from_snapshot:
            self.nodes[number].start_from_snapshot()
        else:
            self.nodes[number].start_again()

    @rule(seconds=st.integers(1, 5))
    def let_pass(self, seconds: int) -> None:
        for node in self.nodes:
            node.let_pass(seconds)

    # --- What is always so --------------------------------------------------------------------------------

    @invariant()
    def what_was_posted_is_carried(self) -> None:
        for node in self.nodes:
            self.carried += node.posted
            node.posted = []

    @invariant()
    def each_shards_books_balance(self) -> None:
        for node in self.nodes:
            assert not any(node.shard.exchange.unaccounted().values())

    @invariant()
    def money_is_conserved_over_both(self) -> None:
        seen = self.seen()
        assert list(differences(seen)) == []
        amount, _ = in_transit(seen).get("USD", ("0", 0))
        assert sum(node.exactly() for node in self.nodes) + Fraction(amount) == 4 * STAKE

    def seen(self) -> list[Sightings]:
        return [node.sightings() for node in self.nodes]

    # --- What comes of it in the end ----------------------------------------------------------------------

    def teardown(self) -> None:
        """From now on nothing is lost; what is still carried comes as well."""
        self.what_was_posted_is_carried()
        for shard, command in self.carried:
            self.nodes[shard].take(command)
        for _ in range(FAIR_ROUNDS_MAX):
            deliver(self.nodes)
            for node in self.nodes:
                node.let_pass(PATIENCE.again_ms_max / 1000)
        first, second = seen = self.seen()
        assert not any(node.shard.exchange.in_transit or node.courier.open for node in self.nodes)
        assert in_transit(seen) == {}
        assert list(differences(seen)) == []
        for source, destination in ((first, second), (second, first)):
            assert source.completed | source.returned == set(source.sent)
            assert source.completed == set(destination.received)
            assert source.returned == destination.declined
            assert {shard_of(transfer) for transfer in destination.received} <= {source.shard}


TestNetwork = Network.TestCase
TestNetwork.settings = SETTINGS
pytestmark = pytest.mark.timeout(120 + EXAMPLES * SECONDS_PER_EXAMPLE_MAX)
