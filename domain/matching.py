"""Matching: what a new order meets, and how each trade is settled.

First a plan is made, without changing anything: which makers, how much of each, what self-trade prevention
forbids, where a budget ends it. Then the plan is settled, event by event.
"""

from collections.abc import Collection

from domain.account import FEES, Fill
from domain.book import Match, Order
from domain.ending import cancel_order, held_asset
from domain.event import Liquidity
from domain.markets import PPM, Market, fee_on
from domain.order import CancelReason, OrderAmended, OrderFilled, SelfTrade, TradePrevented
from domain.price_bands import is_beyond, worst_price
from domain.step import Step


class Prevention:
    """``quantity`` of ``maker`` that must not trade with the new order, and what happens instead."""

    __slots__ = ("maker", "mode", "price", "quantity")

    def __init__(self, maker: Order, price: int, quantity: int, mode: SelfTrade) -> None:
        self.maker = maker
        self.price = price
        self.quantity = quantity
        self.mode = mode


class Plan:
    """What the order will meet: first what is prevented, then its trades in order, so that the last of them
    ends it. ``left`` of it will not trade now, and ``reason`` ends it there, if anything but the
    book does.
    """

    __slots__ = ("left", "matches", "prevented", "reason")

    def __init__(
        self, prevented: list[Prevention], matches: list[Match], left: int, reason: CancelReason | None
    ) -> None:
        self.prevented = prevented
        self.matches = matches
        self.left = left
        self.reason = reason

    @property
    def decremented(self) -> int:
        """How much self-trade prevention takes from the order itself."""
        return sum([met.quantity for met in self.prevented if met.mode == "decrement"])


def plan(  # noqa: C901 - the matching loop: one look tells all that can end it
    market: Market, taker: Order, budget: int | None = None, without: Collection[str] = frozenset()
) -> Plan:
    """Return what ``taker`` meets; with a ``budget`` (quote units) only as much as that pays or earns.
    ``without``: orders that the same decision has ended already.
    """
    worst = worst_price(market, taker.side)
    if budget is None and not market.book.is_met(taker.side, taker.price):
        return Plan([], [], taker.remaining, _why_no_more(taker, taker.remaining, None, worst))
    prevented: list[Prevention] = []
    matches: list[Match] = []
    left = taker.remaining
    reason: CancelReason | None = None
    purse = None if budget is None else Purse(market, taker, budget)
    gone = set(without)
    for price, maker, quantity, hidden in market.book.met(taker.side, taker.price):
        if maker.order_id in gone:
            continue
        if is_beyond(taker.side, price, worst):
            reason = "price_band"
            break
        may = _affordable(left, price, purse)
        if may == 0:
            reason = "budget_spent"
            break
        if taker.self_trade != "none" and taker.owner == maker.owner:
            gone.add(maker.order_id)
            prevention = _prevention(taker, maker, price, may)
            prevented.append(prevention)
            taken, wanted = (prevention.quantity if taker.self_trade == "decrement" else 0), maker.remaining
            if taker.self_trade in {"expire_taker", "expire_both"}:
                reason = "self_trade"
                break
        else:
            taken, wanted = min(may, quantity), quantity
            matches.append(Match(maker, price, taken, _revealed(maker, taken, quantity, hidden)))
        left -= taken
        if purse is not None:
            purse.spend(price, taken)
        if left == 0:
            break
        if 0 < taken < wanted:
            reason = "budget_spent"
            break
    return Plan(prevented, _in_order(matches), left, reason or _why_no_more(taker, left, purse, worst))


def _affordable(left: int, price: int, purse: "Purse | None") -> int:
    return left if purse is None else min(left, purse.pays_for(price))


def _revealed(maker: Order, taken: int, shown: int, hidden: int) -> int:
    return maker.to_show(hidden) if taken == shown and hidden else 0


def _why_no_more(taker: Order, left: int, purse: "Purse | None", worst: int | None) -> CancelReason | None:
    """Return what ends a taker for which the book has no more: nothing may rest beyond the band."""
    if left and taker.price is not None and is_beyond(taker.side, taker.price, worst):
        return "price_band"
    return "budget_spent" if purse is not None and purse.is_empty else None


class Purse:
    """A taker's budget as it goes. It is counted in millionths of a quote unit, so that no fee is rounded:
    what one maker gets in several parts, rounded once, never costs more than was counted.
    """

    __slots__ = ("_left", "_market", "_per_unit")

    def __init__(self, market: Market, taker: Order, budget: int) -> None:
        self._market = market
        self._left = budget * PPM
        self._per_unit = PPM + (taker.taker_fee_ppm if taker.side == "buy" else 0)

    @property
    def is_empty(self) -> bool:
        """Less than one quote unit buys nothing at any price."""
        return self._left < PPM

    def pays_for(self, price: int) -> int:
        """Return the quantity, in whole lots, that what is left pays for, fees included; or that earns it."""
        lot = self._market.lot
        return self._left // (self._market.notional(price, lot) * self._per_unit) * lot

    def spend(self, price: int, quantity: int) -> None:
        self._left -= self._market.notional(price, quantity) * self._per_unit


def within_budget(order: Order, planned: Plan) -> Plan:
    """Give an order with a budget the quantity that its plan comes to. Return a plan that leaves none."""
    traded = sum([match.quantity for match in planned.matches])
    order.quantity = order.remaining = planned.decremented + traded
    return Plan(planned.prevented, planned.matches, 0, planned.reason)


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
    for prevention in planned.prevented:
        _prevent(step, market, taker, prevention)
    trade_id = market.last_trade_id
    for match in planned.matches:
        trade_id += 1
        taken = _fill(step, market, taker, match.maker.order_id, "taker", trade_id, match)
        _fill(step, market, match.maker, taker.order_id, "maker", trade_id, match)
        taker.remaining, taker.held = taken.remaining, taken.held


def cost_max(market: Market, order: Order, price: int, quantity: int) -> int:
    """Return the most that buying ``quantity`` at ``price`` can cost this order, in quote units."""
    notional = market.notional(price, quantity)
    return notional + fee_on(notional, max(order.maker_fee_ppm, order.taker_fee_ppm))


def taker_cost(market: Market, order: Order, match: Match) -> int:
    """Return what a taker that buys pays for a match, in quote units."""
    notional = market.notional(match.price, match.quantity)
    return notional + fee_on(notional, order.taker_fee_ppm)


def _in_order(matches: list[Match]) -> list[Match]:
    """Make one match of all that an iceberg trades, where it last revealed a part: there it queued again,
    and those that revealed a part after it stand behind it.
    """
    if not any(match.revealed for match in matches):
        return matches
    by_maker: dict[str, Match] = {}
    for match in matches:
        before = by_maker.get(match.maker.order_id)
        if before is None:
            by_maker[match.maker.order_id] = match
            continue
        if match.revealed:
            del by_maker[match.maker.order_id]
        quantity, revealed = before.quantity + match.quantity, before.revealed + match.revealed
        by_maker[match.maker.order_id] = Match(before.maker, before.price, quantity, revealed)
    return list(by_maker.values())


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
    ledger, traded = step.ledger, match.quantity
    notional = market.notional(match.price, traded)
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
        ledger.pay(order.account, market.base_asset, traded, order.order_id, fill)
        ledger.release(order.account, market.base_asset, order.held - traded - held, order.order_id)
        ledger.receive(order.account, market.quote_asset, notional - fee, order.order_id)
    else:
        ledger.pay(order.account, market.quote_asset, notional + fee, order.order_id)
        ledger.release(order.account, market.quote_asset, order.held - notional - fee - held, order.order_id)
        ledger.receive(order.account, market.base_asset, traded, order.order_id, fill)
    ledger.receive(FEES, market.quote_asset, fee, order.order_id)
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
