"""Two shards as their processors run them, without servers: batches, a store, a courier, and crashes."""

from collections.abc import Sequence
from fractions import Fraction

from commands.batch import Batch, asked_before
from commands.courier import Courier, CourierConfig
from commands.errands import OF_A_COURIER, Errand
from commands.messages import AnyCommand, CommandMessage, Outcome
from commands.paging import pages_of, shard_from
from commands.shard import Shard
from domain.account import Deposit, OpenAccount
from domain.exchange import Exchange, replay
from domain.ids import transfer_id
from domain.shard_transfer import SendFunds
from stack.audit.in_transit import Sightings
from streams.codec import RecordedEvent, decode_recorded
from tests.unit.domain.shard_wishes import send
from tests.unit.domain.wishes import list_market

NOW_US = 1_790_000_000_000_000
PARTITIONS, IDS_EXPECTED = 4, 1_000
PATIENCE = CourierConfig(again_ms_min=1_000, again_ms_max=8_000)


class Node:
    """One shard: what its store has, its memory, and what its courier has sent."""

    def __init__(self, number: int, shards: int = 2) -> None:
        self.number = number
        self.shards = shards
        self.store: list[RecordedEvent] = []
        self.posted: list[Errand] = []
        self.now_s = 0.0
        self.shard = Shard(number, PARTITIONS, IDS_EXPECTED)
        self.courier = self._new_courier()

    def take(self, *commands: AnyCommand) -> list[Outcome]:
        """One batch, its commit, and what follows it."""
        batch, events = self._decided(commands)
        self.store += events
        told = [event for event in events if _tag(event) in OF_A_COURIER]
        self.courier.committed([*told, *batch.arrived_before], self.now_s)
        return batch.outcomes.get("", [])

    def crash_before_commit(self, *commands: AnyCommand) -> None:
        self._decided(commands)
        self.start_again()

    def crash_after_commit(self, *commands: AnyCommand) -> None:
        """The store has it, and nobody was told."""
        self.store += self._decided(commands)[1]
        self.start_again()

    def start_again(self) -> None:
        self.shard = Shard(self.number, PARTITIONS, IDS_EXPECTED)
        self.shard.replay(self.store)
        self.courier = self._new_courier()

    def start_from_snapshot(self) -> None:
        self.shard = shard_from(pages_of(self.shard), PARTITIONS, IDS_EXPECTED)
        self.courier = self._new_courier()

    def let_pass(self, seconds: float) -> None:
        self.now_s += seconds
        self.courier.advance(self.now_s)

    def sightings(self) -> Sightings:
        """What an auditor sees in the store."""
        seen, exchange = Sightings(self.number), Exchange()
        for recorded in self.store:
            replay(exchange, recorded.event, recorded.occurred_at_us)
            seen.see(recorded.event, exchange.scales)
        seen.finish(exchange)
        assert exchange.state_hash == self.shard.exchange.state_hash
        return seen

    def usd(self, *accounts: str) -> float:
        """Return what these accounts have, in whole units; all, if none is named."""
        return float(self.exactly(*accounts))

    def exactly(self, *accounts: str) -> Fraction:
        exchange = self.shard.exchange
        held = [exchange.accounts[name].balances.get("USD") for name in accounts or exchange.accounts]
        units = sum(balance.available + balance.held for balance in held if balance)
        return Fraction(units, 10 ** exchange.scales["USD"])

    def _decided(self, commands: Sequence[AnyCommand]) -> tuple[Batch, list[RecordedEvent]]:
        ids = [each for command in commands for each in asked_before(self.shard.exchange, command)]
        suspects = self.shard.known.suspects(ids)
        earlier = {each: [event for event in self.store if event.stream == each] for each in suspects}
        found = {each: events for each, events in earlier.items() if events}
        batch = Batch(self.shard, NOW_US, found, shards=self.shards)
        for command in commands:
            batch.handle(CommandMessage(command, ""))
        return batch, [decode_recorded(placed.state) for placed in batch.close()]

    def _new_courier(self) -> Courier:
        courier = Courier(PATIENCE, self.shard.exchange.scales, self._post)
        open_transfers = self.shard.exchange.in_transit
        sent = [event for event in self.store if event.version == 1 and event.stream in open_transfers]
        courier.committed(sent, self.now_s)
        return courier

    def _post(self, shard: int, commands: Sequence[AnyCommand]) -> None:
        self.posted += [Errand(shard, command) for command in commands]


def _tag(recorded: RecordedEvent) -> str:
    return str(type(recorded.event).__struct_config__.tag)


def opened(node: Node, *accounts: str, usd: int = 0, quote_scale: int = 4) -> Node:
    """Return the node with a market and these accounts, each with so many USD."""
    node.take(list_market(quote_scale=quote_scale))
    for account in accounts:
        node.take(OpenAccount(command_id=f"open-{account}", actor="admin", account=account))
        if usd:
            node.take(
                Deposit(
                    command_id=f"deposit-{account}",
                    actor="admin",
                    transfer_id=transfer_id(node.number, account, "first"),
                    client_transfer_id="first",
                    account=account,
                    asset="USD",
                    amount=str(usd),
                )
            )
    return node


def sending(node: Node, account: str, amount: str, to_account: str = "", name: str = "send") -> SendFunds:
    """To the other one of two shards."""
    other = 1 - node.number
    return send(account, amount, "USD", to_account, other, name, from_shard=node.number)


def deliver(nodes: Sequence[Node]) -> int:
    """Hand over all that was posted, in order, until nothing is posted any more. Return how much it was."""
    count = 0
    while posted := [errand for node in nodes for errand in node.posted]:
        for node in nodes:
            node.posted = []
        for shard, command in posted:
            nodes[shard].take(command)
            count += 1
    return count
