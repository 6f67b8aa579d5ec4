"""The history that is read: made with the domain itself, batch by batch, as a processor makes it.

Two markets with the flow of the engine benchmark. Beside them a little of everything else that events speak
of (mark prices, withdrawals, brackets, busts, limits, statuses), so that every projection has work.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from bench.engine.flow import ACCOUNTS
from bench.write import flow
from commands.batch import Batch, Placed
from commands.messages import AnyCommand, CommandMessage
from commands.shard import Shard
from domain.account import LimitsRequest, SetAccountLimits
from domain.control import AccountStatus, SetAccountStatus, SetVenueStatus, VenueStatus
from domain.event import Side
from domain.ids import list_id, order_id, transfer_id
from domain.market import SetMarkPrice
from domain.order import OrderRequest, PlaceOrder
from domain.order_list import ListLeg, PlaceOrderList
from domain.trade import BustTrade
from domain.transfer import CompleteWithdrawal, RequestWithdrawal
from streams.codec import join_slice
from streams.publisher import SLICE_BYTES_MAX
from streams.topics import TopicPartition

SYMBOLS = ("BTC-USD", "ETH-USD")
ASIDE = "SIDE-USD"
PARTITIONS = 4
START_US = 1_790_000_000_000_000
COMMANDS_PER_COMMIT = 50
COMMIT_US = 10_000  # so that there are 5,000 commands in a second, and a slice for each commit
ASIDE_EVERY_COMMITS = 10
EVENTS_PER_MESSAGE_MIN = 1.2  # fewer than there are: so the flow never runs dry
IDS_EXPECTED = 1_000_000

Commit = list[Placed]
Piece = tuple[TopicPartition, bytes]


def commits(events: int, seed: int) -> Iterator[Commit]:
    """Yield what a processor commits, until at least ``events`` events are made."""
    shard = Shard(flow.SHARD, PARTITIONS, IDS_EXPECTED)
    for number, commands in enumerate(_batches(events, seed)):
        batch = Batch(shard, START_US + number * COMMIT_US, {})
        for command in commands:
            batch.handle(CommandMessage(command, "bench"))
        yield batch.close()
        if shard.last_seq >= events:
            return


def until(commits: Iterator[Commit], events: int) -> Iterator[Commit]:
    """Yield commits until they have so many events; the others are left."""
    count = 0
    while count < events and (some := list(islice(commits, 1))):
        count += len(some[0])
        yield some[0]


def _batches(events: int, seed: int) -> Iterator[Sequence[AnyCommand]]:
    yield from _cut(flow.opening((*SYMBOLS, ASIDE)))
    for number, some in enumerate(_cut(_trading(int(events / EVENTS_PER_MESSAGE_MIN), seed))):
        aside = number % ASIDE_EVERY_COMMITS == 0
        yield [*some, *_aside(1 + number // ASIDE_EVERY_COMMITS)] if aside else some


def _cut(commands: Iterable[AnyCommand]) -> Iterator[list[AnyCommand]]:
    stream = iter(commands)
    while some := list(islice(stream, COMMANDS_PER_COMMIT)):
        yield some


def _trading(messages: int, seed: int) -> Iterator[AnyCommand]:
    """Yield the traders' commands, of one market and the other in turns."""
    each = messages // len(SYMBOLS)
    flows = [flow.steps(each, seed + number, symbol) for number, symbol in enumerate(SYMBOLS)]
    for number, steps in enumerate(zip(*flows, strict=False)):
        for place, (step, symbol) in enumerate(zip(steps, SYMBOLS, strict=True)):
            yield flow.command(step, number * len(SYMBOLS) + place, symbol)


# --- Beside the trading -----------------------------------------------------------------------------------


def _aside(number: int) -> list[AnyCommand]:
    """Return a trade that is busted, the ``number``-th of its market, and one of each other thing."""
    buyer, seller = flow.ACCOUNT_NAMES[number % ACCOUNTS], flow.ACCOUNT_NAMES[(number + 1) % ACCOUNTS]
    return [
        *(_mark(symbol, number) for symbol in SYMBOLS),
        _order(seller, f"maker-{number}", "sell"),
        _order(buyer, f"taker-{number}", "buy"),
        BustTrade(
            command_id=f"bust-{number}",
            actor=flow.ACTOR,
            symbol=ASIDE,
            trade_id=number,
            order_id=order_id(flow.SHARD, buyer, f"taker-{number}"),
            reason="erroneous",
        ),
        _bracket(buyer, f"bracket-{number}"),
        *_withdrawal(seller, f"out-{number}"),
        SetAccountLimits(
            command_id=f"limit-{number}",
            actor=flow.ACTOR,
            account=buyer,
            limits=LimitsRequest(order_rate=1_000_000),
        ),
        *(_account_status(seller, number, status) for status in ("cancel_only", "active")),
        *(_venue_status(number, status) for status in ("cancel_only", "open")),
    ]


def _mark(symbol: str, number: int) -> SetMarkPrice:
    price = f"{10_000 + number % 2}"
    return SetMarkPrice(command_id=f"mark-{symbol}-{number}", actor=flow.ACTOR, symbol=symbol, price=price)


def _account_status(account: str, number: int, status: AccountStatus) -> SetAccountStatus:
    return SetAccountStatus(
        command_id=f"{status}-{account}-{number}",
        actor=flow.ACTOR,
        account=account,
        status=status,
        reason="reviewed",
    )


def _venue_status(number: int, status: VenueStatus) -> SetVenueStatus:
    return SetVenueStatus(
        command_id=f"venue-{status}-{number}", actor=flow.ACTOR, status=status, reason="drilled"
    )


def _order(account: str, name: str, side: Side) -> PlaceOrder:
    return PlaceOrder(
        command_id=f"place-{name}",
        actor=account,
        order_id=order_id(flow.SHARD, account, name),
        account=account,
        client_order_id=name,
        symbol=ASIDE,
        request=OrderRequest(side=side, quantity="0.001", price="10000"),
    )


def _bracket(account: str, name: str) -> PlaceOrderList:
    """An entry that nobody takes, and its two exits, which wait for it."""
    asked = (
        OrderRequest(side="buy", quantity="0.001", price="5000"),
        OrderRequest(side="sell", quantity="0.001", price="20000"),
        OrderRequest(side="sell", order_type="stop", quantity="0.001", trigger_price="4000"),
    )
    names = [f"{name}-{leg}" for leg in range(len(asked))]
    ids = [order_id(flow.SHARD, account, one) for one in names]
    return PlaceOrderList(
        command_id=f"place-{name}",
        actor=account,
        list_id=list_id(flow.SHARD, account, name),
        account=account,
        client_list_id=name,
        symbol=ASIDE,
        kind="otoco",
        legs=tuple(ListLeg(*leg) for leg in zip(ids, names, asked, strict=True)),
    )


def _withdrawal(account: str, name: str) -> list[AnyCommand]:
    transfer = transfer_id(flow.SHARD, account, name)
    return [
        RequestWithdrawal(
            command_id=f"request-{name}",
            actor=account,
            transfer_id=transfer,
            client_transfer_id=name,
            account=account,
            asset="USD",
            amount="0.01",
            destination="bench",
        ),
        CompleteWithdrawal(
            command_id=f"complete-{name}",
            actor=flow.ACTOR,
            transfer_id=transfer,
            account=account,
            reference=name,
        ),
    ]


# --- As it is published -----------------------------------------------------------------------------------


def slices(made: Iterable[Commit]) -> Iterator[Piece]:
    """Yield the records a publisher makes: what it gathered of a commit for each partition, bounded."""
    previous: dict[TopicPartition, int] = {}
    for commit in made:
        gathered: dict[TopicPartition, list[Placed]] = {}
        for placed in commit:
            gathered.setdefault(placed.place, []).append(placed)
        for place, some in gathered.items():
            for part in _bounded(some):
                first, last = part[0].seq, part[-1].seq
                yield (
                    place,
                    join_slice(
                        flow.SHARD, previous.get(place, 0), first, last, [placed.state for placed in part]
                    ),
                )
                previous[place] = last


def _bounded(some: Sequence[Placed]) -> Iterator[list[Placed]]:
    part: list[Placed] = []
    size = 0
    for placed in some:
        if part and size + len(placed.state) > SLICE_BYTES_MAX:
            yield part
            part, size = [], 0
        part.append(placed)
        size += len(placed.state)
    yield part
