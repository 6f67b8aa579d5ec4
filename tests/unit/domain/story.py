"""given / when / then for the domain: tests that read as its specification.

    given(listed_market(), funded("alice", USD="1000"), resting(sell("bob", 5, at=100)))
    .when(buy("alice", 5, at=100))
    .then(traded(("bob", 5, 100)), has("alice", USD="500", BTC="5"))

An order goes by the name of its account unless it has a ``name`` of its own. Quantities, prices and amounts
are whole units, as a trader writes them. Everything happens at ``NOW_US``, until time passes.
"""

from collections.abc import Callable, Sequence
from typing import Any

from domain.account import Posting
from domain.accounts import Account, Balance
from domain.busting import on_record
from domain.event import Command, Event
from domain.exchange import Exchange, carry_out, decide, pass_time
from domain.market import MarketRules
from domain.numbers import format_units
from domain.order import OrderPlaced, OrderRejected, PlaceOrder
from domain.rejections import RefusedError
from domain.snapshots import restored, taken
from domain.trade import BustTrade, CorrectTrade
from tests.unit.domain.dump import dump
from tests.unit.domain.invariants import check_invariants, held_asset
from tests.unit.domain.wishes import SYMBOL, Number, buy, deposit, list_market, mark, open_account, sell

NOW_US = 1_790_000_000_000_000

Step = Callable[["Story"], None]
Expectation = Callable[["Story"], None]


class Story:
    """An exchange, and what the last ``when`` made of it."""

    def __init__(self) -> None:
        self.exchange = Exchange()
        self.transfers = 0
        self.now_us = NOW_US
        self.events: list[Event] = []
        self.history: list[Event] = []
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

    def time_passes(self, until_us: int) -> "Story":
        """Nothing else happens until then; the expectations see what time itself does."""
        self.now_us, self.refusal = until_us, None
        self.events = pass_time(self.exchange, until_us)
        check_invariants(self.exchange)
        return self

    def handle(self, command: Command) -> list[Event]:
        events = do(self.exchange, with_records(command, self.history), self.now_us)
        self.history += events
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


def with_records(command: Command, history: Sequence[Event]) -> Command:
    """Return what the exchange decides: a wish about a trade comes with what ``history`` has on it."""
    if not isinstance(command, BustTrade | CorrectTrade):
        return command
    return on_record(
        command, lambda order_id: [event for event in history if getattr(event, "order_id", "") == order_id]
    )


def market_rules(story: Story, symbol: str = SYMBOL) -> MarketRules:
    return story.exchange.markets[symbol].rules


def decide_only(exchange: Exchange, command: Command, now_us: int = NOW_US) -> list[Event]:
    """Decide, and make sure that deciding changed nothing."""
    before = dump(exchange), list(exchange.moved)
    try:
        return decide(exchange, command, now_us)
    finally:
        assert (dump(exchange), list(exchange.moved)) == before


def do(exchange: Exchange, command: Command, now_us: int = NOW_US) -> list[Event]:
    """Decide twice, and carry out: deciding changes nothing, and says the same again; a posting moves what it
    says it does.
    """
    decided = decide_only(exchange, command, now_us)
    events = carry_out(exchange, command, now_us)
    assert events[: len(decided)] == decided
    assert all(event.amount > 0 for event in events if isinstance(event, Posting)), events
    return events


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
        _stand(story, order)
        assert story.exchange.orders[order.order_id].shown, f"{order.client_order_id} does not rest"

    return step


def waiting(order: PlaceOrder) -> Step:
    """The order waits for its trigger, and its account got just what the order holds."""

    def step(story: Story) -> None:
        _stand(story, order)
        assert story.exchange.orders[order.order_id].trigger, f"{order.client_order_id} does not wait"

    return step


def last_price(price: Number, symbol: str = SYMBOL) -> Step:
    """Two strangers trade the least quantity at that price."""

    def step(story: Story) -> None:
        story.transfers += 1
        maker, taker = f"maker-{story.transfers}", f"taker-{story.transfers}"
        least = story.exchange.markets[symbol].rules
        quantity = format_units(least.min_quantity, least.base_scale)
        resting(sell(maker, quantity, at=price, symbol=symbol))(story)
        _stand(story, buy(taker, quantity, at=price, symbol=symbol))

    return step


def mark_price(price: Number) -> Step:
    return lambda story: _must(story, mark(price))


def after(*commands: Command) -> Step:
    """These were carried out before."""

    def step(story: Story) -> None:
        for command in commands:
            _must(story, command)

    return step


def _stand(story: Story, order: PlaceOrder) -> None:
    asset, amount = _needs(story.exchange, order)
    funded(order.account, **{asset: amount})(story)
    _must(story, order)


def _needs(exchange: Exchange, order: PlaceOrder) -> tuple[str, str]:
    """Return what the order would hold: it is tried on a copy of the exchange, by an account that is rich."""
    trial = restored(taken(exchange))
    rules = trial.markets[order.symbol].rules
    rich = trial.accounts[order.account] = Account(order.account)
    for asset in (rules.base_asset, rules.quote_asset):
        rich.balances[asset] = Balance(order.account, asset)
        rich.balances[asset].available = 10**40
    placed = decide(trial, order, NOW_US)[0]
    assert isinstance(placed, OrderPlaced), placed
    asset = held_asset(trial.markets[order.symbol], placed.side)
    return asset, format_units(placed.held, exchange.scales[asset])


def _must(story: Story, command: Command) -> None:
    rejections = [event for event in story.handle(command) if isinstance(event, OrderRejected)]
    assert not rejections, rejections
