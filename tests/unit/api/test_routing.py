"""Routing: each command goes to its shard, and what goes to several comes back as one answer."""

from collections.abc import Sequence
from typing import cast

import pytest

from api.command.directory import Directory
from api.command.fanout import Part, combined
from api.command.gateway import Answer, Gateway, OverloadedError, UnavailableError
from api.command.limits_by_shard import of_shard
from api.command.routing import Router
from api.problems import Problem
from commands.messages import AnyCommand, Outcome, Status
from domain import ids
from domain.account import Deposit, LimitsRequest, OpenAccount, SetAccountLimits
from domain.market import MarketRules, SetMarkPrice
from domain.order import CancelOrder, OrderRequest, PlaceOrder
from domain.trade import BustTrade

HOMES = {"BTC-USD": 0, "ETH-EUR": 1, "SOL-USD": 2}


class Shards:
    """The gateway's place: every shard answers with its number; ``away`` ones take nothing."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, list[str]]] = []
        self.away: dict[int, UnavailableError] = {}
        self.silent: set[int] = set()

    async def send(self, commands: Sequence[AnyCommand], shard: int, *, ack: bool = False) -> Answer:  # noqa: ARG002 - as the gateway's
        if shard in self.away:
            raise self.away[shard]
        self.sent.append((shard, [command.command_id for command in commands]))
        answer = Answer(len(commands))
        for index, command in enumerate(commands):
            if shard in self.silent:
                answer.pending(index)
            else:
                answer.decided(index, Outcome(command.command_id, "open", detail=str(shard)))
        answer.flush(f"a0.{shard}:7")
        return answer


@pytest.fixture
def shards() -> Shards:
    return Shards()


@pytest.fixture
def router(shards: Shards) -> Router:
    names = iter(f"copy-{number}" for number in range(100))
    return Router(cast("Gateway", shards), directory(), lambda: next(names))


class Nothing:
    async def read(self) -> list[tuple[int, MarketRules]]:
        return []


def directory() -> Directory:
    made = Directory(3, Nothing())
    for symbol, shard in HOMES.items():
        base, _, quote = symbol.partition("-")
        made.note_listed(shard, symbol, {base: 8, quote: 8})
    return made


def place(name: str, symbol: str) -> PlaceOrder:
    order_id = ids.order_id(HOMES.get(symbol, 0), "ann", name)
    return PlaceOrder(
        command_id=name,
        actor="ann",
        order_id=order_id,
        account="ann",
        client_order_id=name,
        symbol=symbol,
        request=OrderRequest(side="buy", quantity="1", price="1"),
    )


def test_a_command_goes_where_its_id_says_or_its_market_is(router: Router) -> None:
    order = ids.order_id(2, "ann", "1")
    cancel = CancelOrder(command_id="1", actor="a", order_id=order, account="ann")
    deposit = Deposit(
        command_id="2",
        actor="a",
        transfer_id=ids.transfer_id(1, "ann", "t"),
        client_transfer_id="t",
        account="ann",
        asset="USD",
        amount="1",
    )
    price = SetMarkPrice(command_id="3", actor="a", symbol="ETH-EUR", price="1")
    bust = BustTrade(command_id="4", actor="a", symbol="SOL-USD", trade_id=1, order_id=order, reason="r")
    unknown = SetMarkPrice(command_id="5", actor="a", symbol="NONE-USD", price="1")
    assert [router.shard_of(command) for command in (cancel, deposit, price, bust, unknown)] == [
        2,
        1,
        1,
        2,
        0,
    ]


def test_an_id_of_a_shard_that_is_not_there_goes_nowhere(router: Router) -> None:
    order = ids.order_id(3, "ann", "1")
    with pytest.raises(Problem, match="shards 0 to 2"):
        router.shard_of(CancelOrder(command_id="1", actor="a", order_id=order, account="ann"))


async def test_each_shard_gets_its_own_in_order_and_answers_come_in_the_order_of_the_commands(
    router: Router, shards: Shards
) -> None:
    symbols = ["BTC-USD", "ETH-EUR", "SOL-USD", "ETH-EUR", "BTC-USD"]
    outcomes, token = await router.send([place(str(number), symbol) for number, symbol in enumerate(symbols)])
    assert sorted(shards.sent) == [(0, ["0", "4"]), (1, ["1", "3"]), (2, ["2"])]
    assert [(outcome.command_id, outcome.detail) for outcome in outcomes if outcome] == [
        ("0", "0"),
        ("1", "1"),
        ("2", "2"),
        ("3", "1"),
        ("4", "0"),
    ]
    assert token == "a0.0:7,a0.1:7,a0.2:7"


async def test_a_shard_without_credit_refuses_its_own_and_no_other(router: Router, shards: Shards) -> None:
    shards.away[1] = overloaded()
    outcomes, _ = await router.send([place("1", "BTC-USD"), place("2", "ETH-EUR")])
    assert [(outcome.status, outcome.code) for outcome in outcomes if outcome] == [
        ("open", ""),
        ("refused", "overloaded"),
    ]
    with pytest.raises(UnavailableError):
        await router.send([place("3", "ETH-EUR")])


def overloaded() -> OverloadedError:
    error = OverloadedError.__new__(OverloadedError)
    UnavailableError.__init__(error, "full")
    error.retry_after_ms = 100
    return error


async def test_a_command_to_all_shards_has_an_id_of_its_own_on_each(router: Router, shards: Shards) -> None:
    parts, token = await router.send_everywhere(OpenAccount(command_id="open", actor="a", account="ann"))
    assert sorted(shards.sent) == [(0, ["open"]), (1, ["copy-0"]), (2, ["copy-1"])]
    assert [part.shard for part in parts] == [0, 1, 2]
    assert token == "a0.0:7,a0.1:7,a0.2:7"


async def test_a_shard_that_does_not_answer_is_named_and_a_retry_said_to_be_safe(
    router: Router, shards: Shards
) -> None:
    shards.silent, shards.away = {1}, {2: UnavailableError("Kafka is away")}
    parts, _ = await router.send_everywhere(OpenAccount(command_id="open", actor="a", account="ann"))
    outcome = combined(parts)
    assert (outcome.status, outcome.code) == ("pending", "")
    assert outcome.detail == "no answer yet from shards 1, 2; send it again: what is done stays done"


def answered(*outcomes: tuple[Status, str, str]) -> list[Part]:
    command = OpenAccount(command_id="open", actor="a", account="ann")
    return [
        Part(shard, command, Outcome("open", status, code=code, detail=detail))
        for shard, (status, code, detail) in enumerate(outcomes)
    ]


def test_what_all_shards_did_is_done() -> None:
    outcome = combined(answered(("set", "", ""), ("set", "", "2 orders cancelled")))
    assert (outcome.status, outcome.detail) == ("set", "shard 0: set; shard 1: 2 orders cancelled")


def test_what_all_shards_refuse_alike_is_refused() -> None:
    unknown: tuple[Status, str, str] = ("refused", "unknown_account", "there is no account ann")
    outcome = combined(answered(unknown, unknown))
    assert (outcome.code, outcome.detail) == ("unknown_account", "there is no account ann")


def test_what_some_shards_refuse_is_done_in_part() -> None:
    outcome = combined(answered(("set", "", ""), ("refused", "unknown_account", "no account ann")))
    assert (outcome.status, outcome.code) == ("refused", "partly_done")
    assert outcome.detail == "shard 0: set; shard 1: no account ann"


def test_what_reached_no_shard_did_not_happen() -> None:
    command = OpenAccount(command_id="open", actor="a", account="ann")
    outcome = combined([Part(shard, command, code="unavailable", error="away") for shard in range(2)])
    assert (outcome.status, outcome.code) == ("refused", "unavailable")


def test_limits_go_to_the_shards_that_trade_what_they_name() -> None:
    limits = LimitsRequest(
        max_order_notional={"USD": "5", "EUR": "6"},
        max_position={"BTC-USD": "1", "ETH-EUR": "2"},
        order_rate=9,
    )
    command = SetAccountLimits(command_id="1", actor="a", account="ann", limits=limits)
    own = [cast("SetAccountLimits", of_shard(directory())(command, shard)).limits for shard in range(3)]
    assert [each.max_order_notional for each in own] == [{"USD": "5"}, {"EUR": "6"}, {"USD": "5"}]
    assert [each.max_position for each in own] == [{"BTC-USD": "1"}, {"ETH-EUR": "2"}, {}]
    assert [each.order_rate for each in own] == [9, 9, 9]
