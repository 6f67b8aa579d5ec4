"""The flow of the engine benchmark, as commands for either door: the topic `orders`, or the API.

A modify is a cancel and a new order, as on a venue without amendments: the API's batches know no other way.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.engine.flow import ACCOUNTS, Shape, generate
from bench.engine.messages import Message
from commands.messages import AnyCommand
from domain.account import Deposit, OpenAccount
from domain.event import Side
from domain.ids import order_id, transfer_id
from domain.market import ListMarket
from domain.order import CancelOrder, OrderRequest, PlaceOrder
from stack.load.client import Cancel, Place

SHARD = 0
RESTING = Shape("write", 2_000)
FUNDS = {"BTC": "1000000", "USD": "1000000000"}
ACTOR = "bench"


@dataclass(frozen=True)
class Order:
    """What either door needs of a new order."""

    account: str
    name: str
    side: Side
    quantity: str
    price: str
    ioc: bool


@dataclass(frozen=True)
class Withdrawal:
    """A cancel: of the order that ``account`` calls ``name``."""

    account: str
    name: str


Step = Order | Withdrawal


def steps(messages: int, seed: int, run: str) -> Iterator[Step]:
    """Yield what the traders of ``generate`` send: the book's filling first. ``run`` keeps names apart."""
    flow = generate(RESTING, messages, seed)
    replaced: dict[int, int] = {}
    for message in (*flow.setup, *flow.measured):
        if message.kind in {"cancel", "modify"}:
            yield Withdrawal(_account(message), _name(run, message, replaced))
        if message.kind == "modify":
            replaced[message.order] = replaced.get(message.order, 0) + 1
        if message.kind != "cancel":
            yield _order(message, _name(run, message, replaced))


def command(step: Step, number: int, symbol: str, shard: int = SHARD) -> AnyCommand:
    """Return the step as the topic `orders` takes it; ``number`` makes its command id."""
    command_id = f"{number:032x}"
    order = order_id(shard, step.account, step.name)
    if isinstance(step, Withdrawal):
        return CancelOrder(command_id=command_id, actor=step.account, order_id=order, account=step.account)
    return PlaceOrder(
        command_id=command_id,
        actor=step.account,
        order_id=order,
        account=step.account,
        client_order_id=step.name,
        symbol=symbol,
        request=OrderRequest(
            side=step.side,
            time_in_force="ioc" if step.ioc else "gtc",
            quantity=step.quantity,
            price=step.price,
        ),
    )


def request(step: Step, symbol: str, shard: int = SHARD) -> Place | Cancel:
    """Return the step as the API takes it; ``shard``: the market's."""
    if isinstance(step, Withdrawal):
        return Cancel(step.account, order_id(shard, step.account, step.name))
    return Place(
        account=step.account,
        client_order_id=step.name,
        symbol=symbol,
        side=step.side,
        type="limit",
        quantity=step.quantity,
        price=step.price,
        time_in_force="ioc" if step.ioc else "gtc",
    )


def opening(symbols: Sequence[str], shard: int = SHARD) -> list[AnyCommand]:
    """List the markets on a shard, and fund the accounts there."""
    return [*map(_market, symbols), *(part for name in ACCOUNT_NAMES for part in _funded(name, shard))]


ACCOUNT_NAMES = tuple(f"account-{number}" for number in range(ACCOUNTS))


def _market(symbol: str) -> AnyCommand:
    return ListMarket(
        command_id=f"list-{symbol}",
        actor=ACTOR,
        symbol=symbol,
        base_asset="BTC",
        quote_asset="USD",
        base_scale=8,
        quote_scale=8,
        tick_size="0.01",
        lot_size="0.00001",
        min_quantity="0.00001",
        max_quantity="1000",
        min_notional="0",
        maker_fee_ppm=1_000,
        taker_fee_ppm=2_000,
    )


def _funded(account: str, shard: int) -> list[AnyCommand]:
    deposits: list[AnyCommand] = [
        Deposit(
            command_id=f"deposit-{account}-{asset}",
            actor=ACTOR,
            transfer_id=transfer_id(shard, account, asset),
            client_transfer_id=asset,
            account=account,
            asset=asset,
            amount=amount,
        )
        for asset, amount in FUNDS.items()
    ]
    return [OpenAccount(command_id=f"open-{account}", actor=ACTOR, account=account), *deposits]


def _account(message: Message) -> str:
    return ACCOUNT_NAMES[message.account]


def _name(run: str, message: Message, replaced: dict[int, int]) -> str:
    times = replaced.get(message.order, 0)
    return f"{run}-{message.order}" + (f"-{times}" if times else "")


def _order(message: Message, name: str) -> Order:
    return Order(
        _account(message),
        name,
        message.side,
        f"{message.quantity // 10**5}.{message.quantity % 10**5:05d}",
        f"{message.price // 100}.{message.price % 100:02d}",
        message.ioc,
    )
