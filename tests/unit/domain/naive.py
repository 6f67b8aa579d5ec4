"""A second exchange, slow and obviously right, against which the real one is tested.

It shares no code with it. Money is counted in exact fractions of whole units; an account has one total per
asset, and what it holds is added up from its open orders whenever it is asked; the orders are a plain list,
searched anew for every single trade. Whatever can fail is tried on a copy.
"""

from collections.abc import Callable
from copy import copy
from fractions import Fraction

from tests.unit.domain.naive_busting import Deal, remember
from tests.unit.domain.naive_controls import NaiveControls, fits
from tests.unit.domain.naive_limits import DAY_US, Limiting, NaiveFill
from tests.unit.domain.naive_matching import is_met, meet, trades
from tests.unit.domain.naive_money import NaiveMoney
from tests.unit.domain.naive_orders import (
    ZERO,
    Meeting,
    NaiveOrder,
    Placing,
    RefusedError,
    Result,
    Rules,
    Trade,
    Trigger,
    down,
    is_price,
    is_quantity,
    number,
    plain,
)


class NaiveExchange(NaiveMoney):
    def __init__(self, markets: dict[str, Rules]) -> None:
        super().__init__()
        self.markets = markets
        self.limiting = Limiting()
        self.prices: dict[tuple[str, str], Fraction] = {}
        self.arrivals = 0
        self.now_us = 0
        self.result = Result()
        self.deals: dict[tuple[str, str], Deal] = {}
        self.controls = NaiveControls()

    # --- Money ---

    def held(self, account: str, asset: str) -> Fraction:
        mine = [order for order in self.orders if order.account == account]
        by_orders = sum((self.hold(order) for order in mine if self.held_asset(order) == asset), ZERO)
        return by_orders + self.leaving(account, asset)

    def available(self, account: str, asset: str) -> Fraction:
        return self.total(account, asset) - self.held(account, asset)

    def held_asset(self, order: NaiveOrder) -> str:
        rules = self.markets[order.symbol]
        return rules.quote if order.side == "buy" else rules.base

    def hold(self, order: NaiveOrder) -> Fraction:
        """Return the most that an open order can still cost."""
        if order.side == "sell":
            return order.remaining
        rules = self.markets[order.symbol]
        price = order.hold_price if order.price is None else order.price
        notional = down(price * order.remaining, rules.quote_scale)
        return notional + rules.fee(notional, max(order.maker_fee, order.taker_fee))

    def needs(self, order: NaiveOrder, meeting: Meeting) -> Fraction:
        """Return what a new order must have: a market order pays for what it meets, others for the worst."""
        if order.side == "sell" and order.budget is not None:
            return meeting.traded + meeting.decremented
        if order.side == "sell" or order.price is not None or order.trigger is not None:
            return self.hold(order)
        if order.budget is not None:
            return order.budget
        made = trades(self.markets[order.symbol], order, meeting)
        return sum((trade.price * trade.quantity + trade.taker_fee for trade in made), ZERO)

    def check_funds(self, order: NaiveOrder, needs: Fraction) -> None:
        if needs > self.available(order.account, self.held_asset(order)):
            raise RefusedError("insufficient_funds")

    def status_of(self, account: str) -> str:
        return self.controls.account(account)

    # --- Commands ---

    def do(self, what: Callable[[], None]) -> Result:
        """Do it, and whatever it triggers; or nothing of it, if it is refused."""
        before = dict(self.totals), [copy(order) for order in self.orders], dict(self.prices)
        self.result = Result()
        try:
            what()
        except RefusedError as refusal:
            self.totals, self.orders, self.prices = before
            return Result(refused=str(refusal))
        while self.follow():
            pass
        return self.result

    def follow(self) -> bool:
        """Do the next thing that follows from what has happened, if there is one."""
        fired = self.fired()
        if fired:
            self.fire(fired)
        return fired is not None

    def place(self, placing: Placing) -> None:
        try:
            self.enter_new(placing)
        finally:
            self.limiting.attempted(placing.account, self.now_us)

    def cancel(self, account: str, order_id: str) -> None:
        self.end(self.open_order(account, order_id), "requested")

    def cancel_all(self, account: str | None, symbol: str | None, side: str | None, session: str) -> None:
        for order in list(self.orders):
            named = account in {None, order.account} and symbol in {None, order.symbol}
            if named and side in {None, order.side} and session in {"", order.session}:
                self.end(order, "disconnected" if session else "requested")

    def replace(self, old: str, placing: Placing, *, allow_failure: bool) -> None:
        try:
            self.end_and_enter(old, placing, allow_failure=allow_failure)
        finally:
            self.limiting.attempted(placing.account, self.now_us)

    def end_and_enter(self, old: str, placing: Placing, *, allow_failure: bool) -> None:
        if placing.late:
            raise RefusedError("stale_command")
        try:
            self.end(self.open_order(placing.account, old), "replaced")
        except RefusedError:
            if not allow_failure:
                raise
        try:
            self.enter_new(placing)
        except RefusedError as refusal:
            if not allow_failure:
                raise
            self.result.refused = str(refusal)

    def amend(
        self, account: str, order_id: str, quantity: str | None, price: str | None, trigger: str | None
    ) -> None:
        order = self.open_order(account, order_id)
        changed = self.changed(order, quantity, price, trigger)
        if changed == order:
            return
        self.controls.check_amend(order, changed)
        same_price = changed.price == order.price
        self.orders.remove(order)
        if order.trigger is not None:
            if (changed.price, changed.trigger) != (order.price, order.trigger) or (
                changed.quantity > order.quantity
            ):
                self.check_limits(changed, None, order)
            self.check_funds(changed, self.hold(changed))
            self.orders.append(changed)
        elif same_price and changed.quantity < order.quantity:
            changed.shown = min(order.shown, changed.remaining)
            self.orders.append(changed)
        else:
            self.controls.check_band_of(self.markets[order.symbol], changed, self.reference(order.symbol))
            self.enter(changed, before=order)
            self.limiting.attempted(account, self.now_us)

    def check_limits(self, order: NaiveOrder, meeting: Meeting | None, before: NaiveOrder | None) -> None:
        self.limiting.check(self.orders, order, meeting, before, self.now_us)

    def check_rate(self, order: NaiveOrder) -> None:
        self.limiting.check_rate(order.account, self.now_us)

    def fits(self, rules: Rules, order: NaiveOrder) -> bool:
        return fits(rules, order)

    def set_mark(self, symbol: str, price: Fraction) -> None:
        self.controls.check_listed(symbol)
        self.price_is(symbol, "mark", price)

    def pass_time(self, now_us: int) -> None:
        self.now_us = now_us
        for order in list(self.orders):
            if 0 < order.expires <= now_us:
                self.end(order, "expired")

    def open_order(self, account: str, order_id: str) -> NaiveOrder:
        for order in self.orders:
            if (order.order_id, order.account) == (order_id, account):
                return order
        raise RefusedError("order_not_open")

    def end(self, order: NaiveOrder, reason: str) -> None:
        self.orders.remove(order)
        self.result.cancelled.append((order.order_id, order.remaining, reason))

    # --- What is asked for ---

    def enter_new(self, placing: Placing) -> None:
        self.check_order(placing)
        order = self.order_of(placing)
        if order.trigger is None:
            self.enter(order)
        else:
            self.check_rate(order)
            self.check_limits(order, None, None)
            self.check_funds(order, self.hold(order))
            self.orders.append(order)

    def order_of(self, placing: Placing) -> NaiveOrder:
        rules = self.markets[placing.symbol]
        quantity = rules.most if placing.quantity is None else Fraction(placing.quantity)
        order = NaiveOrder(
            placing.order_id,
            placing.account,
            placing.symbol,
            placing.side,
            number(placing.price),
            quantity,
            quantity,
            placing.time_in_force,
            number(placing.display_quantity) or ZERO,
            arrived=self.arrive(),
            self_trade=placing.self_trade,
            post_only=placing.post_only,
            budget=number(placing.quote_quantity),
            session=placing.session,
            expires=placing.expires_at_us or 0,
            group=self.groups.get(placing.account),
        )
        order.maker_fee, order.taker_fee = self.fees_for(placing.account, placing.symbol, rules)
        order.trigger = self.trigger_of(placing)
        if order.trigger is not None and order.price is None:
            order.hold_price = self.worst(rules, order.trigger.price)
        return order

    def agree(self, account: str, symbol: str | None, fees: tuple[Fraction, Fraction] | None) -> None:
        if symbol is not None:
            self.controls.check_listed(symbol)
        super().agree(account, symbol, fees)

    def arrive(self) -> int:
        """Return a place behind everybody's."""
        self.arrivals = 1 + max([self.arrivals, *(order.arrived for order in self.orders)])
        return self.arrivals

    def worst(self, rules: Rules, price: Fraction) -> Fraction:
        return down(price * (1 + rules.buffer), rules.price_decimals)

    def trigger_of(self, placing: Placing) -> Trigger | None:
        if placing.order_type in {"limit", "market"}:
            return None
        now = self.prices.get((placing.symbol, placing.trigger_source))
        rising = (placing.side == "buy") != placing.order_type.startswith("take_profit")
        if placing.order_type != "trailing_stop":
            trigger = Trigger(Fraction(placing.trigger_price or 0), rising, placing.trigger_source)
            if trigger.fires_at(now):
                raise RefusedError("would_trigger_at_once")
            return trigger
        if now is None:
            raise RefusedError("no_reference_price")
        trail, bps = number(placing.trailing_offset) or ZERO, placing.trailing_bps or 0
        price = self.behind(placing.symbol, now, Trigger(ZERO, rising, placing.trigger_source, trail, bps))
        if price <= 0:
            raise RefusedError("invalid_trigger")
        return Trigger(price, rising, placing.trigger_source, trail, bps)

    def behind(self, symbol: str, now: Fraction, trigger: Trigger) -> Fraction:
        """Return where a trailing trigger belongs: basis points round down, to no less than one unit."""
        unit = self.markets[symbol].price_unit
        by_bps = max(unit, down(now * trigger.bps / 10_000, self.markets[symbol].price_decimals))
        distance = trigger.trail or by_bps
        return now + distance if trigger.rising else now - distance

    def changed(
        self, order: NaiveOrder, quantity: str | None, price: str | None, trigger: str | None
    ) -> NaiveOrder:
        rules, changed = self.markets[order.symbol], copy(order)
        if quantity is not None:
            if not is_quantity(rules, quantity):
                raise RefusedError("invalid_quantity")
            changed.quantity = Fraction(quantity)
            changed.remaining = order.remaining + changed.quantity - order.quantity
            if changed.remaining <= 0:
                raise RefusedError("invalid_quantity")
        if price is not None:
            if order.price is None:
                raise RefusedError("price_forbidden")
            if not is_price(rules, price):
                raise RefusedError("invalid_price")
            changed.price = Fraction(price)
        if trigger is not None:
            changed.trigger = self.moved(order, Fraction(trigger))
        if changed.price is not None and changed.price * changed.quantity < rules.min_notional:
            raise RefusedError("min_notional")
        if changed.trigger is not None and changed != order:
            changed.hold_price = self.worst(rules, changed.trigger.price)
        return changed

    def moved(self, order: NaiveOrder, price: Fraction) -> Trigger:
        old = order.trigger
        if old is None or old.trail or old.bps:
            raise RefusedError("invalid_trigger")
        new = Trigger(price, old.rising, old.source)
        if new.fires_at(self.prices.get((order.symbol, old.source))):
            raise RefusedError("would_trigger_at_once")
        return new

    # --- Rules ---

    def check_order(self, placing: Placing) -> None:
        if placing.late:
            raise RefusedError("stale_command")
        rules = self.markets.get(placing.symbol)
        if rules is None:
            raise RefusedError("unknown_market")
        self.controls.check_listed(placing.symbol)
        if placing.account not in self.accounts:
            raise RefusedError("unknown_account")
        self.controls.check_place(placing)
        self.check_price(rules, placing)
        self.check_size(rules, placing)
        self.trigger_of(placing)
        if placing.expires_at_us is not None and placing.expires_at_us <= self.now_us:
            raise RefusedError("invalid_expiry")
        if (
            placing.price is not None
            and Fraction(placing.price) * Fraction(placing.quantity or 0) < rules.min_notional
        ):
            raise RefusedError("min_notional")
        self.check_band(rules, placing)
        self.controls.check_room(rules, placing, self.all_open())

    def check_band(self, rules: Rules, placing: Placing) -> None:
        self.controls.check_band(rules, placing, self.reference(placing.symbol))

    def all_open(self) -> list[NaiveOrder]:
        return self.orders

    def reference(self, symbol: str) -> Fraction | None:
        return self.prices.get((symbol, "mark"), self.prices.get((symbol, "last")))

    def check_price(self, rules: Rules, placing: Placing) -> None:
        if placing.order_type not in {"limit", "stop_limit", "take_profit_limit"}:
            if placing.price is not None:
                raise RefusedError("price_forbidden")
        elif placing.price is None:
            raise RefusedError("price_required")
        elif not is_price(rules, placing.price):
            raise RefusedError("invalid_price")

    def check_size(self, rules: Rules, placing: Placing) -> None:
        if placing.quantity is not None and not is_quantity(rules, placing.quantity):
            raise RefusedError("invalid_quantity")
        if placing.quote_quantity is not None:
            budget = plain(placing.quote_quantity, rules.quote_scale)
            if budget is None:
                raise RefusedError("invalid_quantity")
            if budget == 0 or budget < rules.min_notional:
                raise RefusedError("min_notional")
        shown = placing.display_quantity
        if shown is not None and (
            not is_quantity(rules, shown) or Fraction(shown) >= Fraction(placing.quantity or 0)
        ):
            raise RefusedError("invalid_quantity")

    # --- Matching ---

    def enter(
        self,
        order: NaiveOrder,
        purse: Fraction | None = None,
        *,
        before: NaiveOrder | None = None,
        fired: bool = False,
    ) -> None:
        """Let an order that is in nobody's list meet the book, and end or rest."""
        rules, reference = self.markets[order.symbol], self.reference(order.symbol)
        meeting = meet(rules, self.orders, order, order.budget if purse is None else purse, reference)
        if order.post_only and (meeting.parts or meeting.prevented):
            raise RefusedError("post_only_would_take")
        if not fired:
            self.check_rate(order)
            self.check_limits(order, meeting, before)
            self.check_funds(order, self.needs(order, meeting))
        if order.tif == "fok" and (meeting.decremented or not self.in_full(order, meeting)):
            budgeted = meeting.traded + meeting.decremented
            left = order.remaining if order.budget is None else budgeted
            self.result.cancelled.append((order.order_id, left, "fill_or_kill"))
            return
        self.carry_out(order, meeting)
        self.settle_rest(order, meeting)

    def in_full(self, order: NaiveOrder, meeting: Meeting) -> bool:
        return meeting.why == "budget_spent" if order.budget is not None else meeting.left == 0

    def settle_rest(self, order: NaiveOrder, meeting: Meeting) -> None:
        order.quantity -= meeting.decremented
        order.remaining = meeting.left
        why = meeting.why or "unfilled_remainder"
        if order.budget is not None:
            if not meeting.parts:
                decremented = "self_trade" if meeting.decremented else "unfilled_remainder"
                self.result.cancelled.append((order.order_id, ZERO, meeting.why or decremented))
        elif order.remaining == 0:
            if not meeting.parts:
                self.result.cancelled.append((order.order_id, ZERO, meeting.why or "self_trade"))
        elif order.price is None or order.tif in {"ioc", "fok"} or meeting.why is not None:
            self.result.cancelled.append((order.order_id, order.remaining, why))
        else:
            order.arrived = self.arrive()
            order.show()
            self.orders.append(order)

    def carry_out(self, taker: NaiveOrder, meeting: Meeting) -> None:
        """Put the makers back as the taker left them, and move the money."""
        made = trades(self.markets[taker.symbol], taker, meeting)
        owners = {order.order_id: order for order in self.orders}
        self.put_back(taker, meeting)
        for trade in made:
            self.settle(taker, trade, owners[trade.maker].account)
            remember(self, taker, trade, owners[trade.maker])
            self.price_is(taker.symbol, "last", trade.price)
        self.result.trades += made
        for maker, quantity in meeting.prevented:
            self.result.prevented.append((taker.order_id, maker.order_id, quantity))
        for maker in meeting.expired:
            left = maker.remaining or sum(part for own, part in meeting.prevented if own is maker)
            self.result.cancelled.append((maker.order_id, Fraction(left), "self_trade"))

    def put_back(self, taker: NaiveOrder, meeting: Meeting) -> None:
        left = {maker.order_id: maker for maker in meeting.makers}
        against = [order for order in self.orders if is_met(order, taker)]
        for order in against:
            where = self.orders.index(order)
            self.orders[where : where + 1] = [left[order.order_id]] if order.order_id in left else []

    def settle(self, taker: NaiveOrder, trade: Trade, maker: str) -> None:
        rules, notional = self.markets[taker.symbol], trade.price * trade.quantity
        sign = 1 if taker.side == "buy" else -1
        sides = ((taker.account, sign, trade.taker_fee), (maker, -sign, trade.maker_fee))
        for account, direction, fee in sides:
            self.add(account, rules.base, direction * trade.quantity)
            self.add(account, rules.quote, -direction * notional - fee)
            self.add("fees", rules.quote, fee)
            day = self.now_us // DAY_US
            self.limiting.fills.append(
                NaiveFill(account, taker.symbol, direction * trade.quantity, notional, fee, day)
            )

    # --- Triggers ---

    def price_is(self, symbol: str, source: str, price: Fraction) -> None:
        """Take over a price; trailing triggers follow where that brings them closer."""
        self.prices[symbol, source] = price
        for order in self.orders:
            old = order.trigger
            if order.symbol != symbol or old is None or old.source != source or not (old.trail or old.bps):
                continue
            closer = self.behind(symbol, price, old)
            if closer < old.price if old.rising else closer > old.price:
                order.trigger = Trigger(closer, old.rising, old.source, old.trail, old.bps)

    def fired(self) -> NaiveOrder | None:
        """Return the order that fires next: last before mark, rising before falling, nearest, oldest."""
        fired = []
        for order in self.orders:
            trigger = order.trigger
            if not self.controls.fires_on(order.symbol):
                continue
            if trigger is not None and trigger.fires_at(self.prices.get((order.symbol, trigger.source))):
                near = trigger.price if trigger.rising else -trigger.price
                rank = (order.symbol, trigger.source != "last", not trigger.rising, near, order.arrived)
                fired.append((rank, order))
        return min(fired, key=lambda entry: entry[0])[1] if fired else None

    def fire(self, order: NaiveOrder) -> None:
        purse = self.hold(order)
        self.orders.remove(order)
        self.result.triggered.append(order.order_id)
        order.trigger = None
        self.enter(order, purse if order.side == "buy" and order.price is None else None, fired=True)
