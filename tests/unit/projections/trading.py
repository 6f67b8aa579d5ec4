"""A venue for tests: commands go through the real ``decide`` and ``evolve``, batch by batch as the order
processor does it, and what comes out are the events as they are stored."""

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from commands.batch import Batch
from commands.messages import AnyCommand, CommandMessage
from commands.shard import Shard
from domain.account import Deposit, LimitsRequest, OpenAccount, SetAccountLimits
from domain.event import Side
from domain.ids import order_id, transfer_id
from domain.market import ListMarket, SetMarkPrice
from domain.order import AmendOrder, CancelOrder, OrderFilled, OrderRequest, PlaceOrder, TimeInForce
from domain.trade import BustTrade, CorrectTrade
from streams.codec import RecordedEvent, decode_recorded, join_slice
from streams.topics import TopicPartition, destination
from tests.unit.projections.money import money
from tests.unit.projections.wishes import Wishes

START_US = 1_700_000_000_000_000
SHARD = 0


def list_market(symbol: str = "BTC-USD", **rules: Any) -> ListMarket:
    base, quote = symbol.split("-")
    given: dict[str, Any] = {
        "base_scale": 8,
        "quote_scale": 8,
        "tick_size": "0.01",
        "lot_size": "0.0001",
        "min_quantity": "0.0001",
        "max_quantity": "1000",
        "min_notional": "0",
        "maker_fee_ppm": 1_000,
        "taker_fee_ppm": 2_000,
        **rules,
    }
    return ListMarket(
        command_id=f"list-{symbol}", actor="op", symbol=symbol, base_asset=base, quote_asset=quote, **given
    )


def open_account(account: str) -> OpenAccount:
    return OpenAccount(command_id=f"open-{account}", actor=account, account=account)


def deposit(account: str, asset: str, amount: str, name: str = "d") -> Deposit:
    name = f"{name}-{asset}"
    return Deposit(
        command_id=f"{account}-{name}",
        actor=account,
        transfer_id=transfer_id(SHARD, account, name),
        client_transfer_id=name,
        account=account,
        asset=asset,
        amount=amount,
    )


def place(
    account: str,
    name: str,
    side: Side,
    quantity: str,
    price: str | None,
    symbol: str = "BTC-USD",
    tif: TimeInForce = "gtc",
) -> PlaceOrder:
    return ask(
        account,
        name,
        symbol,
        side=side,
        order_type="limit" if price else "market",
        time_in_force=tif if price else "ioc",
        quantity=quantity,
        price=price,
    )


def ask(account: str, name: str, symbol: str = "BTC-USD", **request: Any) -> PlaceOrder:
    """Place an order of any kind: ``request`` has the fields of ``OrderRequest``."""
    return PlaceOrder(
        command_id=f"{account}-{name}",
        actor=account,
        order_id=order_id(SHARD, account, name),
        account=account,
        client_order_id=name,
        symbol=symbol,
        request=OrderRequest(**request),
    )


def amend(account: str, name: str, **changes: str) -> AmendOrder:
    return AmendOrder(
        command_id=f"amend-{account}-{name}",
        actor=account,
        order_id=order_id(SHARD, account, name),
        account=account,
        **changes,  # type: ignore[arg-type] # quantity, price, trigger_price
    )


def mark(price: str, symbol: str = "BTC-USD") -> SetMarkPrice:
    return SetMarkPrice(command_id=f"mark-{symbol}-{price}", actor="op", symbol=symbol, price=price)


def set_limits(account: str, limits: LimitsRequest) -> SetAccountLimits:
    return SetAccountLimits(command_id=f"limit-{account}", actor="risk-desk", account=account, limits=limits)


def cancel(account: str, name: str) -> CancelOrder:
    return CancelOrder(
        command_id=f"cancel-{account}-{name}",
        actor=account,
        order_id=order_id(SHARD, account, name),
        account=account,
    )


class Venue:
    """Decides commands, one batch a call, a millisecond apart."""

    def __init__(self, partitions: int = 4, shard: int = SHARD) -> None:
        self.shard = Shard(shard, partitions, 100_000)
        self.states: list[bytes] = []
        self.now_us = START_US

    def batch(self, *commands: AnyCommand) -> list[RecordedEvent]:
        batch = Batch(self.shard, self.now_us, {}, self.stored)
        for command in commands:
            batch.handle(CommandMessage(command, "replies"))
        states = [bytes(placed.state) for placed in batch.close()]
        self.states += states
        self.now_us += 1_000
        return [decode_recorded(state) for state in states]

    def stored(self, stream: str) -> list[RecordedEvent]:
        return [recorded for recorded in self.events if recorded.stream == stream]

    @property
    def events(self) -> list[RecordedEvent]:
        return [decode_recorded(state) for state in self.states]


def opened(venue: Venue, *accounts: str, symbols: Sequence[str] = ("BTC-USD",)) -> Venue:
    """List the markets, and give the accounts plenty of everything."""
    venue.batch(*(list_market(symbol) for symbol in symbols))
    assets = sorted({asset for symbol in symbols for asset in symbol.split("-")})
    for account in accounts:
        funds = [deposit(account, asset, "100000000") for asset in assets]
        venue.batch(open_account(account), *funds)
    return venue


def trading(
    commands: int,
    seed: int = 1,
    symbols: Sequence[str] = ("BTC-USD", "ETH-USD"),
    accounts_count: int = 5,
    shard: int = SHARD,
    *,
    money_moves: bool = False,
) -> Venue:
    """Return a venue after ``commands`` random wishes of every kind, those included that are refused;
    ``money_moves``: with withdrawals, transfers and adjustments in between. At the end accounts get limits.
    """
    chance = random.Random(seed)  # noqa: S311 - to be repeatable
    accounts = [f"acc{seed}-{number}" for number in range(accounts_count)]
    venue = opened(Venue(shard=shard), *accounts, symbols=symbols)
    wishes = Wishes(chance, accounts, symbols, lambda account, name: order_id(SHARD, account, name))
    while wishes.count < commands:
        some = min(chance.randint(1, 40), commands - wishes.count)
        made = venue.batch(*(wishes.next(venue.now_us) for _ in range(some)))
        if wishes.count % 3 == 0:
            venue.batch(*changes(made))
        if money_moves:
            venue.batch(*money(accounts, symbols, f"m{wishes.count}"))
    venue.batch(*(set_limits(account, LimitsRequest(order_rate=50)) for account in accounts))
    return venue


def changes(made: Iterable[RecordedEvent]) -> list[AnyCommand]:
    """Return a bust of the first trade among the events, and a correction of the last, if there are any."""
    fills = [recorded.event for recorded in made if isinstance(recorded.event, OrderFilled)]
    return [bust(fills[0]), correct(fills[-1], "100")] if fills else []


def bust(fill: OrderFilled) -> BustTrade:
    return BustTrade(
        command_id=f"bust-{fill.trade_id}",
        actor="op",
        symbol=fill.symbol,
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        reason="erroneous",
    )


def correct(fill: OrderFilled, price: str) -> CorrectTrade:
    return CorrectTrade(
        command_id=f"correct-{fill.trade_id}",
        actor="op",
        symbol=fill.symbol,
        trade_id=fill.trade_id,
        order_id=fill.order_id,
        price=price,
        reason="stale quote",
    )


Piece = tuple[TopicPartition, bytes]


def slices(
    states: Iterable[bytes], events_max: Callable[[], int], partitions: int = 4, shard: int = SHARD
) -> Iterator[Piece]:
    """Yield the slices that a publisher would make of the events, each of up to ``events_max()`` events."""
    gathered: dict[TopicPartition, list[tuple[int, bytes]]] = {}
    previous: dict[TopicPartition, int] = {}

    def piece(place: TopicPartition) -> Piece:
        some = gathered.pop(place)
        value = join_slice(
            shard, previous.get(place, 0), some[0][0], some[-1][0], [state for _, state in some]
        )
        previous[place] = some[-1][0]
        return place, value

    for state in states:
        recorded = decode_recorded(state)
        place = destination(recorded.event, partitions)
        gathered.setdefault(place, []).append((recorded.seq, state))
        if len(gathered[place]) >= events_max():
            yield piece(place)
    for place in list(gathered):
        yield piece(place)
