"""Order lists in the naive exchange.

A pending order stands among the others with nothing of it in force. After everything that happens, each list
is looked through from the top for something that has to follow.
"""

from copy import copy
from dataclasses import dataclass, field
from fractions import Fraction

from tests.unit.domain.naive import NaiveExchange
from tests.unit.domain.naive_limits import may_stay_open
from tests.unit.domain.naive_orders import (
    ZERO,
    Meeting,
    NaiveOrder,
    Placing,
    RefusedError,
    Rules,
    Trade,
    Trigger,
)

STOPS = {"stop", "stop_limit", "trailing_stop"}
PROFITS = {"limit", "take_profit", "take_profit_limit"}


@dataclass
class NaiveList:
    """``legs``: order ids, the working one first. ``given``: how much of each was brought into force."""

    list_id: str
    account: str
    symbol: str
    kind: str
    legs: list[str]
    stops: set[str]
    wanted: dict[str, Fraction] = field(default_factory=dict)
    given: dict[str, Fraction] = field(default_factory=dict)
    triggers: dict[str, Trigger | None] = field(default_factory=dict)
    lonely: bool = False  # one of the pair was ended for the other's sake

    @property
    def pair(self) -> list[str]:
        return [] if self.kind == "oto" else self.legs[-2:]

    @property
    def followers(self) -> list[str]:
        return [] if self.kind == "oco" else self.legs[1:]


class NaiveExchangeWithLists(NaiveExchange):
    def __init__(self) -> None:
        super().__init__({})
        self.lists: list[NaiveList] = []
        self.traded: dict[str, Fraction] = {}
        self.filled: list[NaiveList] = []  # whose orders have traded since it was last looked, in this order
        self.pending = False  # whether the order that is being checked is to be pending
        self.drafted: list[NaiveOrder] = []  # of the list that is being checked, those that are to stay open

    # --- What is open, and what it holds ---

    def find(self, order_id: str) -> NaiveOrder | None:
        return next((order for order in self.orders if order.order_id == order_id), None)

    def open_of(self, ids: list[str]) -> list[NaiveOrder]:
        return [order for order in map(self.find, ids) if order is not None]

    def partner(self, order_id: str) -> NaiveOrder | None:
        """Return the other order of the pair, if it is open."""
        for its_list in self.lists:
            if order_id in its_list.pair:
                (other,) = (leg for leg in its_list.pair if leg != order_id)
                return self.find(other)
        return None

    def held(self, account: str, asset: str) -> Fraction:
        """Two that cancel each other hold as much as the dearer one."""
        total = super().held(account, asset)
        for its_list in self.lists:
            both = self.open_of(its_list.pair)
            if len(both) == 2 and its_list.account == account and self.held_asset(both[0]) == asset:
                total -= min(self.hold(order) for order in both)
        return total

    def check_funds(self, order: NaiveOrder, needs: Fraction) -> None:
        partner = self.partner(order.order_id)
        super().check_funds(order, needs if partner is None else max(ZERO, needs - self.hold(partner)))

    def settle(self, taker: NaiveOrder, trade: Trade, maker: str) -> None:
        super().settle(taker, trade, maker)
        for order_id in (trade.maker, trade.taker):
            self.traded[order_id] = self.traded.get(order_id, ZERO) + trade.quantity
        for order_id in (trade.taker, trade.maker):
            its_list = self.list_of(order_id)
            if its_list is not None and its_list not in self.filled:
                self.filled.append(its_list)

    # --- Commands ---

    def place_list(self, list_id: str, kind: str, placings: list[Placing]) -> None:
        try:
            self.place_all(list_id, kind, placings)
        finally:
            self.drafted = []
            for placing in placings:
                self.limiting.attempted(placing.account, self.now_us)

    def place_all(self, list_id: str, kind: str, placings: list[Placing]) -> None:
        orders = []
        for index, placing in enumerate(placings):
            self.pending = kind != "oco" and index > 0
            try:
                self.check_order(placing)
                orders.append(self.order_of(placing))
            finally:
                self.pending = False
            self.drafted += [order for order in orders[-1:] if may_stay_open(order)]
        self.drafted = []
        stops = {placing.order_id for placing in placings if placing.order_type in STOPS}
        first = placings[0]
        legs = [placing.order_id for placing in placings]
        its_list = NaiveList(list_id, first.account, first.symbol, kind, legs, stops)
        self.check_list(its_list, orders, placings)
        self.limiting.check_rate(first.account, self.now_us, len(placings))
        self.lists.append(its_list)
        try:
            self.enter_list(its_list, orders)
        except RefusedError:
            self.lists.remove(its_list)
            raise

    def check_band(self, rules: Rules, placing: Placing) -> None:
        """What is pending has its price looked at when it comes into force."""
        if not self.pending:
            super().check_band(rules, placing)

    def all_open(self) -> list[NaiveOrder]:
        return self.orders + self.drafted

    def check_rate(self, order: NaiveOrder) -> None:
        """A list is checked as a whole; what grows was not sent."""
        if self.list_of(order.order_id) is None:
            super().check_rate(order)

    def check_limits(self, order: NaiveOrder, meeting: Meeting | None, before: NaiveOrder | None) -> None:
        """Of a pair only one will trade, so the other is left aside."""
        partner = self.partner(order.order_id)
        others = [other for other in self.orders if other is not partner]
        self.limiting.check(others, order, meeting, before, self.now_us)

    def fits(self, rules: Rules, order: NaiveOrder) -> bool:
        """What may still grow has to come out on the lot."""
        its_list, order_id = self.list_of(order.order_id), order.order_id
        if its_list is not None and its_list.kind != "oco" and self.find(its_list.legs[0]) is not None:
            wanted = its_list.wanted[order_id]
            if its_list.given[order_id] < wanted and wanted % rules.lot:
                return False
        return super().fits(rules, order)

    def trigger_of(self, placing: Placing) -> Trigger | None:
        """A pending order does not wait yet: its price may be there already."""
        if not self.pending or placing.order_type in {"limit", "market", "trailing_stop"}:
            return super().trigger_of(placing)
        rising = (placing.side == "buy") != placing.order_type.startswith("take_profit")
        return Trigger(Fraction(placing.trigger_price or 0), rising, placing.trigger_source)

    def check_list(self, its_list: NaiveList, orders: list[NaiveOrder], placings: list[Placing]) -> None:
        wrong = any(order.budget is not None for order in orders)
        for order, placing in zip(orders[1:], placings[1:], strict=True):
            wrong |= its_list.kind != "oco" and self.cannot_follow(orders[0], order, placing)
        if its_list.kind != "oto":
            wrong |= self.is_no_pair(its_list, orders[-2:], placings[-2:])
        if wrong:
            raise RefusedError("invalid_order_list")

    def cannot_follow(self, lead: NaiveOrder, order: NaiveOrder, placing: Placing) -> bool:
        at_once = placing.order_type == "market" or (
            placing.order_type == "limit" and placing.time_in_force in {"ioc", "fok"}
        )
        opposite = order.side != lead.side and placing.order_type == "limit"
        meets = opposite and lead.price is not None and order.price is not None and order.accepts(lead.price)
        return at_once or order.quantity > lead.quantity or meets

    def is_no_pair(self, its_list: NaiveList, pair: list[NaiveOrder], placings: list[Placing]) -> bool:
        both = sorted(zip(pair, placings, strict=True), key=lambda entry: entry[1].order_type in STOPS)
        (profit, profit_sent), (stop, stop_sent) = both
        kinds = profit_sent.order_type in PROFITS and stop_sent.order_type in STOPS
        if not kinds or (profit.side, profit.quantity) != (stop.side, stop.quantity):
            return True
        if profit_sent.order_type == "limit" and profit_sent.time_in_force in {"ioc", "fok"}:
            return True
        if its_list.kind == "otoco" and stop_sent.order_type == "trailing_stop":
            return False
        high, low = (profit, stop) if profit.side == "sell" else (stop, profit)
        return level(high) <= level(low)

    def enter_list(self, its_list: NaiveList, orders: list[NaiveOrder]) -> None:
        its_list.wanted = {order.order_id: order.quantity for order in orders}
        if its_list.kind == "oco":
            its_list.given = dict(its_list.wanted)
            self.enter_pair(its_list, orders)
            return
        lead, *followers = orders
        its_list.given = {order.order_id: ZERO for order in followers} | {lead.order_id: lead.quantity}
        for order in followers:
            its_list.triggers[order.order_id] = order.trigger
            order.trigger, order.quantity, order.remaining = None, ZERO, ZERO
            self.orders.append(order)
        if lead.trigger is None:
            self.enter(lead)
        else:
            self.check_limits(lead, None, None)
            self.check_funds(lead, self.hold(lead))
            self.orders.append(lead)

    def enter_pair(self, its_list: NaiveList, orders: list[NaiveOrder]) -> None:
        """The one that takes profit may trade at once, so it comes last."""
        stop, profit = sorted(orders, key=lambda order: order.order_id not in its_list.stops)
        super().check_funds(profit, max(self.hold(profit), self.hold(stop)))
        self.check_limits(stop, None, None)
        self.orders.append(stop)
        if profit.trigger is None:
            self.enter(profit)
        else:
            self.check_limits(profit, None, None)
            self.orders.append(profit)

    def cancel_list(self, account: str, list_id: str) -> None:
        for its_list in self.lists:
            if (its_list.list_id, its_list.account) == (list_id, account):
                for order in self.open_of(its_list.legs):
                    self.end(order, "requested")
                self.lists.remove(its_list)
                return
        raise RefusedError("order_list_not_open")

    def list_of(self, order_id: str) -> NaiveList | None:
        return next((its_list for its_list in self.lists if order_id in its_list.legs), None)

    def changed(
        self, order: NaiveOrder, quantity: str | None, price: str | None, trigger: str | None
    ) -> NaiveOrder:
        if self.list_of(order.order_id):
            raise RefusedError("leg_of_order_list")
        return super().changed(order, quantity, price, trigger)

    def end(self, order: NaiveOrder, reason: str) -> None:
        if reason == "replaced" and self.list_of(order.order_id):
            raise RefusedError("leg_of_order_list")
        super().end(order, reason)

    # --- What follows ---

    def follow(self) -> bool:
        """What has to end ends first, then what follows a fill grows, then triggers fire."""
        for its_list in list(self.lists):
            if self.one_ends(its_list):
                return True
        while self.filled:
            if self.some_grow(self.filled[0]):
                return True
            del self.filled[0]
        return super().follow()

    def one_ends(self, its_list: NaiveList) -> bool:
        if not self.open_of(its_list.legs):
            self.lists.remove(its_list)
            return True
        order = self.doomed(its_list)
        if order is None:
            return False
        its_list.lonely = its_list.lonely or order.order_id in its_list.pair
        self.end(order, "list")
        return True

    def doomed(self, its_list: NaiveList) -> NaiveOrder | None:
        """Return the order that has to end because of another of its list."""
        both = self.open_of(its_list.pair)
        if its_list.pair and both and not its_list.lonely:
            started = [order for order in both if order.remaining < its_list.given[order.order_id]]
            if len(both) == 1:
                return both[0]
            if started:
                return next(order for order in both if order is not started[0])
        if its_list.kind == "oco":
            return None
        lead, followers = self.find(its_list.legs[0]), self.open_of(its_list.followers)
        if lead is None:
            return followers[0] if its_list.legs[0] not in self.traded else None
        over = not followers and any(leg in self.traded for leg in its_list.followers)
        return lead if over else None

    def some_grow(self, its_list: NaiveList) -> bool:
        if its_list.kind == "oco":
            return False
        filled = self.traded.get(its_list.legs[0], ZERO)
        growing = [
            order
            for order in self.open_of(its_list.followers)
            if its_list.given[order.order_id] < min(its_list.wanted[order.order_id], filled)
        ]
        if growing:
            self.grow(its_list, growing, filled)
        return bool(growing)

    def grow(self, its_list: NaiveList, growing: list[NaiveOrder], filled: Fraction) -> None:
        before = list(self.orders), dict(its_list.given)
        try:
            self.enlarge(its_list, [self.larger(its_list, order, filled) for order in growing])
        except RefusedError as refusal:
            self.orders, its_list.given = before
            for order in growing:
                if len(growing) == 2 and order is growing[1]:
                    its_list.lonely = True
                self.end(order, str(refusal))

    def larger(self, its_list: NaiveList, order: NaiveOrder, filled: Fraction) -> NaiveOrder:
        order_id, larger = order.order_id, copy(order)
        if not its_list.given[order_id]:
            larger.trigger = self.from_now_on(order.symbol, its_list.triggers[order_id])
            larger.arrived = self.arrive()
        more = min(its_list.wanted[order_id], filled) - its_list.given[order_id]
        its_list.given[order_id] += more
        larger.quantity += more
        larger.remaining += more
        if larger.trigger is not None and larger.price is None:
            larger.hold_price = self.worst(self.markets[order.symbol], larger.trigger.price)
        return larger

    def from_now_on(self, symbol: str, trigger: Trigger | None) -> Trigger | None:
        if trigger is None or not (trigger.trail or trigger.bps):
            return trigger
        price = self.behind(symbol, self.prices[symbol, trigger.source], trigger)
        if price <= 0:
            raise RefusedError("invalid_trigger")
        return Trigger(price, trigger.rising, trigger.source, trigger.trail, trigger.bps)

    def enlarge(self, its_list: NaiveList, larger: list[NaiveOrder]) -> None:
        account, asset = its_list.account, self.held_asset(larger[0])
        before = {order.order_id: self.find(order.order_id) for order in larger}
        self.orders = [order for order in self.orders if order.order_id not in before]
        if len(larger) == 2 and max(map(self.hold, larger)) > self.available(account, asset):
            raise RefusedError("insufficient_funds")
        for order in sorted(larger, key=lambda order: order.order_id not in its_list.stops):
            if order.trigger is None:
                rules, reference = self.markets[order.symbol], self.reference(order.symbol)
                self.controls.check_band_of(rules, order, reference)
                self.enter(order, before=before[order.order_id])
                continue
            self.check_limits(order, None, before[order.order_id])
            self.check_funds(order, self.hold(order))
            self.orders.append(order)

    # --- Triggers ---

    def fire(self, order: NaiveOrder) -> None:
        its_list = self.list_of(order.order_id)
        if its_list is not None and (its_list.kind == "oco" or order.order_id != its_list.legs[0]):
            partner = self.partner(order.order_id)
            if partner is not None and order.trigger is not None:
                order.hold_price = self.worst(self.markets[order.symbol], order.trigger.price)
            for other in self.open_of(its_list.legs):
                if other is not order:
                    its_list.lonely = True
                    self.end(other, "list")
        super().fire(order)


def level(order: NaiveOrder) -> Fraction:
    if order.trigger is not None:
        return order.trigger.price
    return order.price or ZERO
