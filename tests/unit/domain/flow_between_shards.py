"""Random transfers to and from other shards, as part of the random flows of orders."""

from collections import Counter, defaultdict
from fractions import Fraction

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from domain.ids import transfer_id
from domain.shard_transfer import (
    CompleteTransfer,
    FundsDeclined,
    FundsReceived,
    ReceiveFunds,
    ReturnFunds,
    SendFunds,
)
from tests.unit.domain.both_exchanges import Both
from tests.unit.domain.flows import ACCOUNTS, ASSETS, rarely, text
from tests.unit.domain.naive_orders import RefusedError
from tests.unit.domain.wishes import SHARD

parties = st.sampled_from([*ACCOUNTS * 4, "fees", "nobody"])
assets = st.sampled_from(ASSETS)
stakes = st.one_of(st.integers(1, 20), st.integers(1, 200))
other_shards = st.sampled_from([1, 2])


class BetweenShards(Both):
    """``on_the_way``: (shard, account, asset, amount) by transfer; ``taken``: by shard and asset, as the
    exchange counts what is cleared.
    """

    def __init__(self) -> None:
        super().__init__()
        self.on_the_way: dict[str, tuple[int, str, str, Fraction]] = {}
        self.over: list[str] = []
        self.taken: defaultdict[tuple[int, str], Fraction] = defaultdict(Fraction)

    @rule(account=parties, to=parties, asset=assets, stakes=stakes, shard=other_shards, own=rarely)
    def send_funds(self, account: str, to: str, asset: str, stakes: int, shard: int, own: bool) -> None:
        amount, name = stakes * self.stake(asset), f"t{self.commands}"
        to_shard = SHARD if own else shard
        command = SendFunds(
            command_id=self.command_id(),
            actor=account,
            transfer_id=transfer_id(SHARD, account, name),
            client_transfer_id=name,
            account=account,
            to_shard=to_shard,
            to_account=to,
            asset=asset,
            amount=text(amount),
        )

        def naively() -> None:
            self.naive.check(account)
            self.naive.check_free(account)
            if to == "fees":
                raise RefusedError("reserved_account")
            if own:
                raise RefusedError("same_shard")
            self.naive.check(account, asset, amount)
            self.naive.add(account, asset, -amount)
            self.on_the_way[command.transfer_id] = (to_shard, account, asset, amount)

        self.both(command, naively)

    @rule(which=st.integers(0, 9), completes=st.booleans(), again=rarely)
    def hear_of_it(self, which: int, completes: bool, again: bool) -> None:
        """Mostly of one that is in transit."""
        known = self.over if again else list(self.on_the_way)
        if not known:
            return
        transfer = known[which % len(known)]

        def naively() -> None:
            if transfer not in self.on_the_way:
                raise RefusedError("transfer_not_in_transit")
            shard, account, asset, amount = self.on_the_way.pop(transfer)
            self.over.append(transfer)
            if completes:
                self.taken[shard, asset] += amount
            else:
                self.naive.add(account, asset, amount)

        origin = self.command_id()
        if completes:
            self.both(CompleteTransfer(command_id=origin, actor="courier", transfer_id=transfer), naively)
        else:
            command = ReturnFunds(
                command_id=origin, actor="courier", transfer_id=transfer, code="code", detail="detail"
            )
            self.both(command, naively)

    @rule(account=parties, asset=assets, stakes=stakes, shard=other_shards)
    def receive_funds(self, account: str, asset: str, stakes: int, shard: int) -> None:
        """What cannot be credited is declined, and that is no refusal: it is on record."""
        amount, name = stakes * self.stake(asset), f"t{self.commands}"
        command = ReceiveFunds(
            command_id=self.command_id(),
            actor="courier",
            transfer_id=transfer_id(shard, account, name),
            client_transfer_id=name,
            from_account="alice",
            to_shard=SHARD,
            account=account,
            asset=asset,
            amount=text(amount),
        )
        events, refusal = self.tried(command)
        assert refusal is None
        if account not in ACCOUNTS or self.naive.controls.account(account) == "suspended":
            assert [type(event) for event in events] == [FundsDeclined]
            return
        assert isinstance(events[0], FundsReceived)
        self.naive.add(account, asset, amount)
        self.taken[shard, asset] -= amount

    @invariant()
    def the_same_is_in_transit(self) -> None:
        ours = {
            transfer: (each.to_shard, each.account, each.asset, self.whole(each.asset, each.amount))
            for transfer, each in self.exchange.in_transit.items()
        }
        assert ours == self.on_the_way
        assert self.exchange.in_transit_of == Counter(account for _, account, _, _ in ours.values())

    @invariant()
    def the_same_is_cleared(self) -> None:
        ours = {
            (shard, asset): self.whole(asset, amount)
            for (shard, asset), amount in self.exchange.cleared.items()
        }
        assert ours == dict(self.taken)

    def whole(self, asset: str, units: int) -> Fraction:
        return Fraction(units, 10 ** self.scales[asset])
