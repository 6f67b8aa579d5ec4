"""Order lists in the state: which orders belong together, and what became of each so far."""

from typing import TYPE_CHECKING

import msgspec

from domain.book import Order
from domain.order import OrderAmended, OrderCancelled, OrderFilled, OrderPlaced, Trigger
from domain.order_list import OrderListEnded, OrderListPlaced, OrderListRejected
from domain.state_hash import Hashed, Part

if TYPE_CHECKING:
    from domain.exchange import Exchange


# --- State ----------------------------------------------------------------------------------------------


class Leg:
    """An order of a list. ``wanted``: the quantity asked for; ``given``: how much of that is in force, all of
    it for a working leg. ``trigger``: what a pending leg will wait for.
    """

    __slots__ = ("given", "order_id", "trigger", "wanted")

    def __init__(self, order_id: str) -> None:
        self.order_id = order_id
        self.wanted = 0
        self.given = 0
        self.trigger: Trigger | None = None

    def parts(self) -> tuple[Part, ...]:
        trigger = msgspec.structs.astuple(self.trigger) if self.trigger else ()
        return (self.order_id, self.wanted, self.given, *trigger)


class OrderList(Hashed):
    """A list of which some order is open. ``filled``: how much its working leg has traded, which the pending
    ones follow; ``decided``: of the pair, one has cancelled the other and goes on alone; ``exiting``: one
    that follows has traded.
    """

    __slots__ = ("account", "decided", "exiting", "filled", "kind", "legs", "list_id", "symbol")

    def __init__(self, list_id: str, account: str, symbol: str, kind: str, legs: list[Leg]) -> None:
        super().__init__()
        self.list_id = list_id
        self.account = account
        self.symbol = symbol
        self.kind = kind
        self.legs = legs
        self.filled = 0
        self.decided = False
        self.exiting = False

    @property
    def lead(self) -> Leg | None:
        """The working leg that others follow, if they do."""
        return None if self.kind == "oco" else self.legs[0]

    @property
    def followers(self) -> list[Leg]:
        """The legs that follow the working one; in an ``oco`` nobody does."""
        return [] if self.kind == "oco" else self.legs[1:]

    @property
    def pair(self) -> list[Leg]:
        """The two legs of which one cancels the other, if there are."""
        return [] if self.kind == "oto" else self.legs[-2:]

    def leg(self, order_id: str) -> Leg:
        for leg in self.legs:
            if leg.order_id == order_id:
                return leg
        raise KeyError(order_id)

    def parts(self) -> tuple[Part, ...]:
        """Return all of its state, for the state hash."""
        legs = (part for leg in self.legs for part in leg.parts())
        names = ("list", self.list_id, self.account, self.symbol, self.kind)
        return (*names, self.filled, int(self.decided), int(self.exiting), *legs)


def open_legs(exchange: "Exchange", legs: list[Leg]) -> list[Order]:
    """Return those orders of ``legs`` that are not done."""
    return [exchange.orders[leg.order_id] for leg in legs if leg.order_id in exchange.orders]


# --- Evolution ------------------------------------------------------------------------------------------


def list_placed(exchange: "Exchange", event: OrderListPlaced) -> None:
    """Its legs' own events follow, and say how much of each is in force."""
    legs = [Leg(leg.order_id) for leg in event.legs]
    placed = OrderList(event.list_id, event.account, event.symbol, event.kind, legs)
    exchange.lists[event.list_id] = placed
    _touched(exchange, placed)


def list_rejected(exchange: "Exchange", event: OrderListRejected) -> None:
    """A rejected list never was part of the state."""


def list_ended(exchange: "Exchange", event: OrderListEnded) -> None:
    ended = exchange.lists.pop(event.list_id)
    exchange.touched.pop(event.list_id, None)
    exchange.hashed.gone(ended)


def leg_placed(exchange: "Exchange", order: Order, event: OrderPlaced) -> None:
    """A pending leg is accepted with nothing of it in force."""
    placed = exchange.lists[event.list_id]
    leg = placed.leg(event.order_id)
    leg.wanted = event.quantity
    if event.pending:
        leg.trigger = event.trigger
        order.quantity = order.remaining = 0
    else:
        leg.given = event.quantity
    _touched(exchange, placed)


def leg_filled(exchange: "Exchange", order: Order, event: OrderFilled) -> None:
    its_list = exchange.lists[order.list_id]
    lead = its_list.lead
    if lead is not None and lead.order_id == order.order_id:
        its_list.filled += event.quantity
    elif lead is not None:
        its_list.exiting = True
    _touched(exchange, its_list)


def leg_amended(exchange: "Exchange", order: Order, event: OrderAmended) -> None:
    """``order`` is as it was before: a pending leg that grows has more of it in force."""
    its_list = exchange.lists[order.list_id]
    if event.quantity > order.quantity:
        its_list.leg(order.order_id).given += event.quantity - order.quantity
    _touched(exchange, its_list)


def leg_triggered(exchange: "Exchange", order: Order) -> None:
    _touched(exchange, exchange.lists[order.list_id])


def leg_cancelled(exchange: "Exchange", order: Order, event: OrderCancelled) -> None:
    its_list = exchange.lists[order.list_id]
    its_list.decided = its_list.decided or event.reason == "list"
    _touched(exchange, its_list)


def _touched(exchange: "Exchange", its_list: OrderList) -> None:
    exchange.touched[its_list.list_id] = None
    exchange.hashed.changed(its_list)
