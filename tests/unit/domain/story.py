"""given / when / then for the domain: tests that read as its specification.

    given(listed_market(), funded("alice", USD="1000"), resting(sell("bob", 5, at=100)))
    .when(buy("alice", 5, at=100))
    .then(traded(("bob", 5, 100)), has("alice", USD="500", BTC="5"))

An order goes by the name of its account unless it has a ``name`` of its own. Quantities, prices and amounts
are whole units, as a trader writes them. Everything happens at ``NOW_US``.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from domain.account import Deposit, OpenAccount
from domain.book import BookSide, Order
from domain.event import Command, Event, Side
from domain.exchange import Exchange, decide, evolve
from domain.ids import order_id, transfer_id
from domain.market import ListMarket
from domain.numbers import format_units
from domain.order import CancelOrder, OrderCancelled, OrderFilled, OrderPlaced, OrderRejected, PlaceOrder
from domain.rejections import RefusedError
from tests.unit.domain.dump import dump
from tests.unit.domain.invariants import check_invariants, cost_max, held_asset

NOW_US = 1_790_000_000_000_000
SHARD = 0
SYMBOL = "BTC-USD"

Number = int | str
Step = Callable[["Story"], None]
Expectation = Callable[["Story"], None]


class Story:
    """An exchange, and what the last ``when`` made of it."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.transfers = 0
        self.events: list[Event] = []
        self.refusal: RefusedError | None = None

    def when(self, *commands: Command) -> "Story":
        """Give the exchange the commands; the expectations see all their events, and the last refusal."""
        self.events, self.refusal = [], None
        for command in commands:
            try:
                self.events += self.handle(command)
            except RefusedError as refusal:
                self.refusal = refusal
        return self

    def then(self, *expectations: Expectation) -> "Story":
        for expectation in expectations:
            expectation(self)
        return self

    def handle(self, command: Command) -> list[Event]:
        events = decide_only(self.exchange, command)
        for event in events:
            evolve(self.exchange, event)
        check_invariants(self.exchange)
        return events

    def of_type(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def balance(self, account: str, asset: str) -> tuple[str, str]:
        """Return (available, held) in whole units."""
        balance = self.exchange.accounts[account].balances.get(asset)
        if balance is None:
            return "0", "0"
        scale = self.exchange.scales[asset]
        return format_units(balance.available, scale), format_units(balance.held, scale)


def decide_only(exchange: Exchange, command: Command, now_us: int = NOW_US) -> list[Event]:
    """Decide, and make sure that deciding changed nothing."""
    before = dump(exchange)
    try:
        return decide(exchange, command, now_us)
    finally:
        assert dump(exchange) == before


# --- Given ----------------------------------------------------------------------------------------------


def given(*steps: Step) -> Story:
    story = Story()
    for step in steps:
        step(story)
    return story


def listed_market(**rules: Any) -> Step:
    """BTC-USD without fees, in ticks of 0.01 and lots of 0.01, unless told otherwise."""
    return lambda story: _must(story, list_market(**rules))


def opened(account: str) -> Step:
    return lambda story: _must(story, open_account(account))


def funded(account: str, **amounts: Number) -> Step:
    def step(story: Story) -> None:
        _must(story, open_account(account))
        for asset, amount in amounts.items():
            story.transfers += 1
            _must(story, deposit(account, amount, asset, name=f"given-{story.transfers}"))

    return step


def resting(order: PlaceOrder) -> Step:
    """The order rests, and its account got just what the order holds."""

    def step(story: Story) -> None:
        asset, amount = _needs(story.exchange, order)
        funded(order.account, **{asset: amount})(story)
        _must(story, order)
        assert order.order_id in story.exchange.orders, f"{order.client_order_id} does not rest"

    return step


def _needs(exchange: Exchange, placing: PlaceOrder) -> tuple[str, str]:
    market = exchange.markets[placing.symbol]
    rules = market.rules
    assert placing.price is not None
    price, quantity = _units(placing.price, rules.price_scale), _units(placing.quantity, rules.base_scale)
    order = Order(placing.order_id, placing.account, "", placing.symbol, placing.side, price, quantity)
    asset = held_asset(market, order)
    return asset, format_units(cost_max(market, order), exchange.scales[asset])


def _units(text: str, scale: int) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole + fraction.ljust(scale, "0"))


def _must(story: Story, command: Command) -> None:
    rejections = [event for event in story.handle(command) if isinstance(event, OrderRejected)]
    assert not rejections, rejections


# --- When -----------------------------------------------------------------------------------------------


def buy(account: str, quantity: Number, **more: Any) -> PlaceOrder:
    """``at``: the limit price; without one it is a market order. For more, see ``_place``."""
    return _place("buy", account, quantity, **more)


def sell(account: str, quantity: Number, **more: Any) -> PlaceOrder:
    """As ``buy``."""
    return _place("sell", account, quantity, **more)


def _place(
    side: Side,
    account: str,
    quantity: Number,
    *,
    at: Number | None = None,
    name: str = "",
    tif: str = "gtc",
    symbol: str = SYMBOL,
    until_us: int | None = None,
) -> PlaceOrder:
    name = name or account
    order = PlaceOrder(
        command_id=f"place-{name}",
        actor=account,
        valid_until_us=until_us,
        order_id=order_named(name),
        account=account,
        client_order_id=name,
        symbol=symbol,
        side=side,
        order_type="market" if at is None else "limit",
        time_in_force="ioc" if tif == "ioc" else "gtc",
        quantity=str(quantity),
        price=None if at is None else str(at),
    )
    return msgspec.convert(msgspec.to_builtins(order), PlaceOrder)


def order_named(name: str) -> str:
    """Return the order id; in a story a name is used once, whatever the account."""
    return order_id(SHARD, "story", name)


def cancel(account: str, name: str = "", until_us: int | None = None) -> CancelOrder:
    return CancelOrder(
        command_id=f"cancel-{name or account}",
        actor=account,
        valid_until_us=until_us,
        order_id=order_named(name or account),
        account=account,
    )


def open_account(account: str) -> OpenAccount:
    return OpenAccount(command_id=f"open-{account}", actor="operator", account=account)


def deposit(account: str, amount: Number, asset: str, name: str = "deposit") -> Deposit:
    return Deposit(
        command_id=f"deposit-{name}",
        actor="operator",
        transfer_id=transfer_id(SHARD, account, name),
        client_transfer_id=name,
        account=account,
        asset=asset,
        amount=str(amount),
    )


def list_market(**changes: Any) -> ListMarket:
    rules: dict[str, Any] = {
        "symbol": SYMBOL,
        "base_asset": "BTC",
        "quote_asset": "USD",
        "base_scale": 2,
        "quote_scale": 4,
        "tick_size": "0.01",
        "lot_size": "0.01",
        "min_quantity": "0.01",
        "max_quantity": "1000",
        "min_notional": "0",
        "maker_fee_ppm": 0,
        "taker_fee_ppm": 0,
    }
    return ListMarket(command_id="list", actor="operator", **(rules | changes))


# --- Then -----------------------------------------------------------------------------------------------


def traded(*trades: tuple[str, Number, Number]) -> Expectation:
    """These trades happened and no others, in this order: (maker's order, quantity, price)."""

    def expectation(story: Story) -> None:
        fills = [fill for fill in story.of_type(OrderFilled) if fill.liquidity == "maker"]
        assert [_trade(story, fill) for fill in fills] == [
            (order_named(name), str(quantity), str(price)) for name, quantity, price in trades
        ]

    return expectation


def _trade(story: Story, fill: OrderFilled) -> tuple[str, str, str]:
    rules = story.exchange.markets[fill.symbol].rules
    quantity, price = (
        format_units(fill.quantity, rules.base_scale),
        format_units(fill.price, rules.price_scale),
    )
    return fill.order_id, quantity, price


def nothing_traded(story: Story) -> None:
    assert not story.of_type(OrderFilled)


def nothing_happened(story: Story) -> None:
    assert story.events == []
    assert story.refusal is None


def bids(*orders: tuple[str, Number, Number], symbol: str = SYMBOL) -> Expectation:
    """These orders rest and no others, best first: (order, what remains of it, price)."""
    return lambda story: _rest(story, symbol, "buy", orders)


def asks(*orders: tuple[str, Number, Number], symbol: str = SYMBOL) -> Expectation:
    """As ``bids``."""
    return lambda story: _rest(story, symbol, "sell", orders)


def _rest(story: Story, symbol: str, side: Side, orders: Sequence[tuple[str, Number, Number]]) -> None:
    market = story.exchange.markets[symbol]
    rules = market.rules
    expected = [(name, str(quantity), str(price)) for name, quantity, price in orders]
    assert expected == [
        (
            order.client_order_id,
            format_units(order.remaining, rules.base_scale),
            format_units(price, rules.price_scale),
        )
        for price, order in _orders(market.book.side(side))
    ]


def _orders(side: BookSide) -> list[tuple[int, Order]]:
    return [(level.price, order) for level in side.best_first() for order in level]


def has(account: str, **amounts: Number) -> Expectation:
    """The account has these amounts available."""
    return lambda story: _balances(story, account, 0, amounts)


def holds(account: str, **amounts: Number) -> Expectation:
    """The account has these amounts held."""
    return lambda story: _balances(story, account, 1, amounts)


def _balances(story: Story, account: str, which: int, amounts: dict[str, Number]) -> None:
    expected = {asset: str(amount) for asset, amount in amounts.items()}
    assert {asset: story.balance(account, asset)[which] for asset in amounts} == expected, account


def accepted(name: str) -> Expectation:
    return lambda story: _one(story, OrderPlaced, order_id=order_named(name))


def filled(name: str) -> Expectation:
    """The order is filled to its end, and done."""

    def expectation(story: Story) -> None:
        fills = [fill for fill in story.of_type(OrderFilled) if fill.order_id == order_named(name)]
        assert fills[-1].remaining == 0
        assert order_named(name) not in story.exchange.orders

    return expectation


def cancelled(name: str, remaining: Number, because: str) -> Expectation:
    """The order is cancelled, and done; so much of it never traded."""

    def expectation(story: Story) -> None:
        event = _one(story, OrderCancelled, order_id=order_named(name), reason=because)
        scale = story.exchange.markets[event.symbol].rules.base_scale
        assert format_units(event.remaining, scale) == str(remaining)
        assert event.order_id not in story.exchange.orders

    return expectation


def rejected(code: str, *says: str) -> Expectation:
    """The only event is the order's rejection, and its detail says all of ``says``."""

    def expectation(story: Story) -> None:
        assert [type(event) for event in story.events] == [OrderRejected]
        event = story.events[0]
        assert isinstance(event, OrderRejected)
        _check_refusal((event.code, event.detail), code, says)

    return expectation


def refused(code: str, *says: str) -> Expectation:
    """The command is refused without leaving a trace, and the detail says all of ``says``."""

    def expectation(story: Story) -> None:
        assert story.events == []
        assert story.refusal is not None
        _check_refusal((story.refusal.code, story.refusal.detail), code, says)

    return expectation


def _check_refusal(refusal: tuple[str, str], code: str, says: Sequence[str]) -> None:
    assert refusal[0] == code, refusal
    assert [part for part in says if part not in refusal[1]] == [], refusal


def _one(story: Story, kind: type[Event], **fields: Any) -> Any:
    found = [
        event
        for event in story.of_type(kind)
        if all(getattr(event, name) == value for name, value in fields.items())
    ]
    assert len(found) == 1, story.events
    return found[0]
