"""What a new order meets in the naive exchange: copies of the resting orders, one after the other, the best
one looked for anew each time.
"""

from collections.abc import Iterable
from copy import copy
from fractions import Fraction
from math import floor

from tests.unit.domain.naive_orders import ZERO, Meeting, NaiveOrder, Rules, Trade


def is_met(order: NaiveOrder, taker: NaiveOrder) -> bool:
    return bool(order.shown) and order.symbol == taker.symbol and order.side != taker.side


def meet(
    rules: Rules,
    orders: Iterable[NaiveOrder],
    taker: NaiveOrder,
    purse: Fraction | None,
    reference: Fraction | None,
) -> Meeting:
    """Let the taker meet copies of the resting orders, one after the other, until something ends it.
    ``reference``: the price that the market's bands are about.
    """
    makers = [copy(order) for order in orders if is_met(order, taker)]
    meeting = Meeting(makers, taker.remaining, purse)
    while meeting.left and meeting.why is None:
        maker = best(taker, meeting.makers)
        if maker is None:
            break
        if is_too_far(rules, taker, maker.price, reference):
            meeting.why = "price_band"
            break
        meet_one(rules, taker, maker, meeting)
    if meeting.why is None and meeting.left and is_too_far(rules, taker, taker.price, reference):
        meeting.why = "price_band"
    if meeting.why is None and meeting.purse is not None and not buys(rules, meeting.purse):
        meeting.why = "budget_spent"
    return meeting


def is_too_far(rules: Rules, taker: NaiveOrder, price: Fraction | None, reference: Fraction | None) -> bool:
    lowest, highest = rules.band(taker.side, reference)
    worst = highest if taker.side == "buy" else lowest
    if price is None or worst is None:
        return False
    return price > worst if taker.side == "buy" else price < worst


def buys(rules: Rules, purse: Fraction) -> bool:
    """Say whether the purse could buy anything at all: it has a whole unit of the quote asset."""
    return purse >= Fraction(1, 10**rules.quote_scale)


def best(taker: NaiveOrder, makers: list[NaiveOrder]) -> NaiveOrder | None:
    """Return who trades next with the taker: best price first, then first come first."""
    willing = [
        (maker.price if taker.side == "buy" else -maker.price, maker.arrived, maker)
        for maker in makers
        if maker.price is not None and taker.accepts(maker.price)
    ]
    return min(willing, key=lambda rank: rank[:2])[2] if willing else None


def meet_one(rules: Rules, taker: NaiveOrder, maker: NaiveOrder, meeting: Meeting) -> None:
    may = meeting.left
    if meeting.purse is not None:
        may = min(may, lots_for(rules, taker, maker, meeting.purse))
    if may == 0:
        meeting.why = "budget_spent"
    elif taker.self_trade != "none" and taker.is_of_one_owner_with(maker):
        prevent(rules, taker, maker, meeting, may)
    else:
        quantity = min(may, maker.shown)
        meeting.parts.append((maker, quantity))
        meeting.turns.setdefault(maker.order_id, len(meeting.parts))
        take(rules, taker, maker, meeting, quantity)
        maker.shown -= quantity
        if maker.remaining and not maker.shown:
            maker.arrived = 1 + max(other.arrived for other in meeting.makers)
            maker.show()
            meeting.turns[maker.order_id] = len(meeting.parts)


def lots_for(rules: Rules, taker: NaiveOrder, maker: NaiveOrder, purse: Fraction) -> Fraction:
    lot = rules.lot
    return floor(purse / cost(rules, taker, maker, lot)) * lot


def cost(rules: Rules, taker: NaiveOrder, maker: NaiveOrder, quantity: Fraction) -> Fraction:
    """Return what a quantity costs a buyer or brings a seller, nothing rounded."""
    assert maker.price is not None
    fee = taker.taker_fee if taker.side == "buy" else ZERO
    return maker.price * quantity * (1 + fee)


def take(rules: Rules, taker: NaiveOrder, maker: NaiveOrder, meeting: Meeting, quantity: Fraction) -> None:
    maker.remaining -= quantity
    meeting.left -= quantity
    if meeting.purse is not None:
        meeting.purse -= cost(rules, taker, maker, quantity)
    if not maker.remaining:
        meeting.makers.remove(maker)


def prevent(rules: Rules, taker: NaiveOrder, maker: NaiveOrder, meeting: Meeting, may: Fraction) -> None:
    quantity = min(may, maker.remaining)
    meeting.prevented.append((maker, quantity))
    if taker.self_trade in {"expire_maker", "expire_both"}:
        meeting.makers.remove(maker)
        meeting.expired.append(maker)
    if taker.self_trade in {"expire_taker", "expire_both"}:
        meeting.why = "self_trade"
    if taker.self_trade == "decrement":
        meeting.decremented += quantity
        take(rules, taker, maker, meeting, quantity)
        maker.quantity -= quantity
        maker.shown = min(maker.shown, maker.remaining)
        if not maker.remaining:
            meeting.expired.append(maker)
        elif meeting.left:
            meeting.why = "budget_spent"


def trades(rules: Rules, taker: NaiveOrder, meeting: Meeting) -> list[Trade]:
    """Return one trade for each maker, of all its parts, in the order in which they happen: a position that
    both trades touch depends on it.
    """
    sums: dict[str, Fraction] = {}
    for maker, quantity in meeting.parts:
        sums[maker.order_id] = sums.get(maker.order_id, ZERO) + quantity
    makers = {maker.order_id: maker for maker, _ in meeting.parts}
    trades = []
    for maker_id, quantity in sorted(sums.items(), key=lambda made: meeting.turns[made[0]]):
        price = makers[maker_id].price or ZERO
        notional = price * quantity
        fees = rules.fee(notional, makers[maker_id].maker_fee), rules.fee(notional, taker.taker_fee)
        trades.append(Trade(maker_id, taker.order_id, price, quantity, *fees))
    return trades
