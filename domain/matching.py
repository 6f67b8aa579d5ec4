"""Matching: what a new order meets, and how each trade is settled.

First a plan is made, without changing anything: which makers, how much of each, what self-trade prevention
forbids, where a budget ends it. Then the plan is settled, event by event.
"""

from collections.abc import Collection
from typing import NamedTuple

from domain.account import FEES, Fill
from domain.book import Match, Order
from domain.ending import cancel_order, held_asset
from domain.event import Liquidity
from domain.market import PPM
from domain.markets import Market, fee_on
from domain.order import CancelReason, OrderAmended, OrderFilled, SelfTrade, TradePrevented
from domain.price_bands import is_beyond, worst_price
from domain.step import Step


class Prevention(NamedTuple):
    """``quantity`` of ``maker`` that must not trade with the new order, and what happens instead."""

    maker: Order
    price: int
    quantity: int
    mode: SelfTrade


class Plan(NamedTuple):
    """What the order will meet: first what is prevented, then its trades in order, so that the last of them
    ends it. ``left`` of it will not trade now, and ``reason`` ends it there, if anything but the
    book does.
    """

    encounters: list[Match | Prevention]
    left: int
    reason: CancelReason | None

    @property
    def matches(self) -> list[Match]:
        return [met for met in self.encounters if isinstance(met, Match)]

    @property
    def decremented(self) -> int:
        """How much self-trade prevention takes from the order itself."""
        return sum(
            met.quantity for met in self.encounters if isinstance(met, Prevention) and met.mode == "decrement"
        )


def plan(
    market: Market, taker: Order, budget: int | None = None, without: Collection[str] = frozenset()
) -> Plan:
    """Return what ``taker`` meets; with a ``budget`` (quote units) only as much as that pays or earns.
    ``without``: orders that the same decision has ended already.
    """
    encounters: list[Match | Prevention] = []
    left = taker.remaining
    purse = None if budget is None else Purse(market, taker, budget)
    worst = worst_price(market, taker.side)
    gone = set(without)
    for price, maker, quantity, hidden in market.book.met(taker.side, taker.price):
        if maker.order_id in gone:
            continue
        if is_beyond(taker.side, price, worst):
            return Plan(_in_order(encounters), left, "price_band")
        may = left if purse is None else min(left, purse.pays_for(price))
        if may == 0:
            return Plan(_in_order(encounters), left, "budget_spent")
        if taker.self_trade != "none" and taker.owner == maker.owner:
            gone.add(maker.order_id)
            met: Match | Prevention = _prevention(taker, maker, price, may)
            taken, wanted = (met.quantity if taker.self_trade == "decrement" else 0), maker.remaining
        else:
            taken, wanted = min(may, quantity), quantity
            met = Match(maker, price, taken, maker.to_show(hidden) if taken == quantity and hidden else 0)
        encounters.append(met)
        left -= taken
        if purse is not None:
            purse.spend(price, taken)
        if isinstance(met, Prevention) and met.mode in {"expire_taker", "expire_both"}:
            return Plan(_in_order(encounters), left, "self_trade")
        if left == 0:
            break
        if 0 < taken < wanted:
            return Plan(_in_order(encounters), left, "budget_spent")
    return Plan(_in_order(encounters), left, _why_no_more(taker, left, purse, worst))


def _why_no_more(taker: Order, left: int, purse: "Purse | None", worst: int | None) -> CancelReason | None:
    """Return what ends a taker for which the book has no more: nothing may rest beyond the band."""
    if left and taker.price is not None and is_beyond(taker.side, taker.price, worst):
        return "price_band"
    return "budget_spent" if purse is not None and purse.is_empty else None


class Purse:
    """A taker's budget as it goes. It is counted in millionths of a quote unit, so that no fee is rounded:
    what one maker gets in several parts, rounded once, never costs more than was counted.
    """

    __slots__ = ("_left", "_per_unit", "_rules")

    def __init__(self, market: Market, taker: Order, budget: int) -> None:
        self._rules = market.rules
        self._left = budget * PPM
        self._per_unit = PPM + (taker.taker_fee_ppm if taker.side == "buy" else 0)

    @property
    def is_empty(self) -> bool:
        """Less than one quote unit buys nothing at any price."""
        return self._left < PPM

    def pays_for(self, price: int) -> int:
        """Return the quantity, in whole lots, that what is left pays for, fees included; or that earns it."""
        lot = self._rules.lot
        return self._left // (self._rules.notional(price, lot) * self._per_unit) * lot

    def spend(self, price: int, quantity: int) -> None:
        self._left -= self._rules.notional(price, quantity) * self._per_unit


def within_budget(order: Order, planned: Plan) -> Plan:
    """Give an order with a budget the quantity that its plan comes to. Return a plan that leaves none."""
    order.quantity = order.remaining = planned.decremented + sum(match.quantity for match in planned.matches)
    return Plan(planned.encounters, 0, planned.reason)


def would_take(market: Market, order: Order, without: Collection[str] = frozenset()) -> bool:
    """Whether the order would meet another at once."""
    return any(maker.order_id not in without for _, maker, _, _ in market.book.met(order.side, order.price))


def is_killed(order: Order, planned: Plan) -> bool:
    """Whether this is a fill-or-kill order that would not trade in full. What self-trade prevention takes
    from it is not traded.
    """
    if order.time_in_force != "fok":
        return False
    in_full = planned.reason == "budget_spent" if order.budget else planned.left == 0
    return planned.decremented > 0 or not in_full


def _prevention(taker: Order, maker: Order, price: int, left: int) -> Prevention:
    mode: SelfTrade = taker.self_trade  # type: ignore[assignment] # one of its values
    return Prevention(maker, price, min(left, maker.remaining), mode)


def settle(step: Step, market: Market, taker: Order, planned: Plan) -> None:
    """Trade with each maker of the plan; ``taker`` is the decision's own copy, and keeps what is left."""
    trade_id = market.last_trade_id
    for met in planned.encounters:
        if isinstance(met, Prevention):
            _prevent(step, market, taker, met)
            continue
        trade_id += 1
        taken = _fill(step, market, taker, met.maker.order_id, "taker", trade_id, met)
        _fill(step, market, met.maker, taker.order_id, "maker", trade_id, met)
        taker.remaining, taker.held = taken.remaining, taken.held


def cost_max(market: Market, order: Order, price: int, quantity: int) -> int:
    """Return the most that buying ``quantity`` at ``price`` can cost this order, in quote units."""
    notional = market.rules.notional(price, quantity)
    return notional + fee_on(notional, max(order.maker_fee_ppm, order.taker_fee_ppm))


def taker_cost(market: Market, order: Order, match: Match) -> int:
    """Return what a taker that buys pays for a match, in quote units."""
    notional = market.rules.notional(match.price, match.quantity)
    return notional + fee_on(notional, order.taker_fee_ppm)


def _in_order(encounters: list[Match | Prevention]) -> list[Match | Prevention]:
    """Put what is prevented first, and make one match of all that an iceberg trades, where it last revealed a
    part: there it queued again, and those that revealed a part after it stand behind it.
    """
    prevented = [met for met in encounters if isinstance(met, Prevention)]
    by_maker: dict[str, Match] = {}
    for met in encounters:
        if isinstance(met, Match):
            _add(by_maker, met)
    return [*prevented, *by_maker.values()]


def _add(by_maker: dict[str, Match], match: Match) -> None:
    maker = match.maker.order_id
    before = by_maker.get(maker)
    if before is None:
        by_maker[maker] = match
        return
    if match.revealed:
        del by_maker[maker]
    by_maker[maker] = before._replace(
        quantity=before.quantity + match.quantity, revealed=before.revealed + match.revealed
    )


def _fill(
    step: Step,
    market: Market,
    order: Order,
    counter_order_id: str,
    liquidity: Liquidity,
    trade_id: int,
    match: Match,
) -> OrderFilled:
    """Settle one side of a trade: what is paid leaves the hold, what the hold has too much is released."""
    rules, ledger, traded = market.rules, step.ledger, match.quantity
    notional = rules.notional(match.price, traded)
    fee = fee_on(notional, order.maker_fee_ppm if liquidity == "maker" else order.taker_fee_ppm)
    remaining = order.remaining - traded
    held = _held_after(market, order, remaining, traded, notional + fee)
    fill = Fill(order.symbol, trade_id, order.side, liquidity, match.price, traded, notional, fee)
    filled = OrderFilled(
        order.order_id,
        order.account,
        order.symbol,
        order.side,
        liquidity,
        trade_id,
        counter_order_id,
        match.price,
        traded,
        notional,
        fee,
        remaining,
        held,
        match.revealed if liquidity == "maker" else 0,
    )
    step.events.append(filled)
    if order.side == "sell":
        ledger.pay(order.account, rules.base_asset, traded, order.order_id, fill)
        ledger.release(order.account, rules.base_asset, order.held - traded - held, order.order_id)
        ledger.receive(order.account, rules.quote_asset, notional - fee, order.order_id)
    else:
        ledger.pay(order.account, rules.quote_asset, notional + fee, order.order_id)
        ledger.release(order.account, rules.quote_asset, order.held - notional - fee - held, order.order_id)
        ledger.receive(order.account, rules.base_asset, traded, order.order_id, fill)
    ledger.receive(FEES, rules.quote_asset, fee, order.order_id)
    return filled


def _held_after(market: Market, order: Order, remaining: int, traded: int, cost: int) -> int:
    if remaining == 0:
        return 0
    if order.side == "sell":
        return order.held - traded
    return order.held - cost if order.price is None else cost_max(market, order, order.price, remaining)


def _prevent(step: Step, market: Market, taker: Order, prevented: Prevention) -> None:
    """Record what must not trade, and expire or shrink the maker; the taker ends when it is settled."""
    maker = prevented.maker
    step.events.append(
        TradePrevented(
            taker.order_id,
            taker.account,
            taker.symbol,
            maker.order_id,
            prevented.price,
            prevented.quantity,
            prevented.mode,
            maker.account if maker.account != taker.account else "",
        )
    )
    if prevented.mode == "decrement":
        shrink(step, market, taker, prevented.quantity)
        if maker.remaining == prevented.quantity:
            cancel_order(step, market, maker, "self_trade")
        else:
            shrink(step, market, maker, prevented.quantity)
    elif prevented.mode != "expire_taker":
        cancel_order(step, market, maker, "self_trade")


def shrink(step: Step, market: Market, order: Order, by: int) -> None:
    """Make the order smaller in its place, and release what it need not hold any more.

    An order that is the decision's own copy, not in the state yet, is changed as well.
    """
    quantity, remaining = order.quantity - by, order.remaining - by
    held = _held_after(market, order, remaining, by, 0)
    shown = min(order.shown, remaining)
    step.events.append(
        OrderAmended(
            order.order_id,
            order.account,
            order.symbol,
            order.side,
            order.price,
            order.price,
            quantity,
            remaining,
            leaves=order.shown - shown,
            resting=0,
            held=held,
            keeps_priority=True,
            trigger=order.trigger,
        )
    )
    asset = held_asset(market, order)
    step.ledger.release(order.account, asset, order.held - held, order.order_id)
    if step.exchange.orders.get(order.order_id) is not order:
        order.quantity, order.remaining, order.held = quantity, remaining, held
