"""What a story's ``then`` may expect."""

from collections.abc import Sequence
from typing import Any

from domain.book import BookSide, Order
from domain.event import Event, Side
from domain.numbers import format_units
from domain.order import (
    OrderCancelled,
    OrderFilled,
    OrderPlaced,
    OrderRejected,
    OrderTriggered,
    TradePrevented,
)
from tests.unit.domain.story import Expectation, Story
from tests.unit.domain.wishes import SYMBOL, Number, order_named


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


def showing(side: Side, *levels: tuple[Number, Number], symbol: str = SYMBOL) -> Expectation:
    """The book shows these (quantity, price) on that side and no others, best first."""

    def expectation(story: Story) -> None:
        market = story.exchange.markets[symbol]
        scales = market.rules.base_scale, market.rules.price_scale
        shown = [
            (format_units(level.quantity, scales[0]), format_units(level.price, scales[1]))
            for level in market.book.side(side).best_first()
        ]
        assert shown == [(str(quantity), str(price)) for quantity, price in levels]

    return expectation


def waits(*orders: tuple[str, Number], symbol: str = SYMBOL) -> Expectation:
    """These orders wait for these prices, and no others wait; oldest first."""

    def expectation(story: Story) -> None:
        scale = story.exchange.markets[symbol].rules.price_scale
        found = sorted(
            (order.priority, order.client_order_id, format_units(order.trigger.price, scale))
            for order in story.exchange.orders.values()
            if order.trigger is not None and order.symbol == symbol
        )
        assert [(name, price) for _, name, price in found] == [(name, str(price)) for name, price in orders]

    return expectation


def triggered(*names: str) -> Expectation:
    """These orders were triggered and no others, in this order."""

    def expectation(story: Story) -> None:
        assert [event.order_id for event in story.of_type(OrderTriggered)] == [
            order_named(name) for name in names
        ]

    return expectation


def prevented(*meetings: tuple[str, str, Number, Number]) -> Expectation:
    """These trades were prevented and no others: (new order, resting order, quantity, price)."""

    def expectation(story: Story) -> None:
        assert [_meeting(story, event) for event in story.of_type(TradePrevented)] == [
            (order_named(taker), order_named(maker), str(quantity), str(price))
            for taker, maker, quantity, price in meetings
        ]

    return expectation


def _meeting(story: Story, event: TradePrevented) -> tuple[str, str, str, str]:
    rules = story.exchange.markets[event.symbol].rules
    quantity = format_units(event.quantity, rules.base_scale)
    return (
        event.order_id,
        event.counter_order_id,
        quantity,
        format_units(event.price, rules.price_scale),
    )


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
