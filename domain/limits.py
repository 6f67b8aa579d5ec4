"""Limits: what an account may do at most, checked before an order may hold funds.

A limit holds from the moment it is set, for what is asked from then on: no open order is cancelled for it.
"""

from typing import TYPE_CHECKING, NamedTuple

from domain.account import AccountLimits, AccountLimitsSet, LimitsRequest, SetAccountLimits
from domain.accounts import Account, check_open
from domain.book import Order
from domain.checks import AT_ONCE, known_market
from domain.event import Event
from domain.exposure import Exposure, counted, gone_from, worth
from domain.market import SECOND_US
from domain.markets import Market
from domain.matching import Plan
from domain.numbers import format_units, parse_units
from domain.positions import day_of
from domain.rejections import RefusedError
from domain.step import Step

if TYPE_CHECKING:
    from domain.exchange import Exchange

ORDER_RATE_MAX = 1_000_000
NONE = AccountLimits()


# --- Setting them ---------------------------------------------------------------------------------------


def set_limits(exchange: "Exchange", command: SetAccountLimits, _now_us: int) -> list[Event]:
    """Replace the account's limits; setting the same again changes nothing. Raises ``RefusedError``."""
    check_open(exchange, command.account)
    account = exchange.accounts[command.account]
    limits = _read(exchange, command.limits)
    return [] if limits == (account.limits or NONE) else [AccountLimitsSet(command.account, limits)]


def _read(exchange: "Exchange", asked: LimitsRequest) -> AccountLimits:
    rate = asked.order_rate
    if rate is not None and not 0 <= rate <= ORDER_RATE_MAX:
        raise RefusedError("invalid_limit", f"order_rate was {rate}; 0 to {ORDER_RATE_MAX} are allowed")
    return AccountLimits(
        _amounts(exchange, "max_order_notional", asked.max_order_notional),
        _amounts(exchange, "max_open_notional", asked.max_open_notional),
        _quantities(exchange, asked.max_position),
        rate,
        _amounts(exchange, "daily_loss", asked.daily_loss),
    )


def _amounts(exchange: "Exchange", name: str, asked: dict[str, str]) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for asset in sorted(asked):
        scale = exchange.scales.get(asset)
        if scale is None:
            known = ", ".join(exchange.scales) or "none"
            raise RefusedError("unknown_asset", f"{name} of {asset!r}; known are: {known}")
        amounts[asset] = _units(f"{name} of {asset}", asked[asset], scale)
    return amounts


def _quantities(exchange: "Exchange", asked: dict[str, str]) -> dict[str, int]:
    """A limit on a delisted market is taken: all are set at once, and it does no harm."""
    quantities: dict[str, int] = {}
    for symbol in sorted(asked):
        scale = known_market(exchange, symbol).rules.base_scale
        quantities[symbol] = _units(f"max_position on {symbol}", asked[symbol], scale)
    return quantities


def _units(name: str, text: str, scale: int) -> int:
    try:
        return parse_units(text, scale)
    except ValueError as error:
        raise RefusedError("invalid_limit", f"{name}: {error}") from None


# --- Evolution ------------------------------------------------------------------------------------------


def limits_set(exchange: "Exchange", event: AccountLimitsSet) -> None:
    account = exchange.accounts[event.account]
    account.limits = None if event.limits == NONE else event.limits
    if account.exposure is None:
        account.exposure = counted(exchange, account)
    if event.limits.order_rate is None:
        account.second = account.orders_in_second = 0
    exchange.hashed.changed(account)


def count_order(exchange: "Exchange", account: Account) -> None:
    """Take note that the account sent an order, whatever became of it."""
    if account.limits is None or account.limits.order_rate is None:
        return
    second = exchange.now_us // SECOND_US
    if account.second != second:
        account.second, account.orders_in_second = second, 0
    account.orders_in_second += 1
    exchange.hashed.changed(account)


# --- Checking -------------------------------------------------------------------------------------------


class Size(NamedTuple):
    """What an order can come to: its notional in quote units, its quantity in base units, and how much of the
    notional may stay open.
    """

    notional: int
    quantity: int
    open_notional: int


NOTHING = Size(0, 0, 0)


def check_order(step: Step, market: Market, order: Order, planned: Plan | None = None) -> None:
    """Raise ``RefusedError`` if a new order is beyond a limit. ``planned``: what it meets at once."""
    account = step.exchange.accounts[order.account]
    if account.limits is None and market.rules.max_position == 0:
        return
    limits = account.limits or NONE
    _check_rate(account, limits, step.now_us)
    check = Check(step, market, order, _size(market, order, planned), NOTHING, step.ended)
    check.sizes(limits)
    check.loss(limits)


def check_amendment(step: Step, market: Market, order: Order, changed: Order) -> None:
    """Raise ``RefusedError`` if what ``order`` is to become is beyond a limit. A size that does not grow is
    within its limit; an amendment that only takes quantity away is within all.
    """
    account = step.exchange.accounts[order.account]
    if account.limits is None and market.rules.max_position == 0:
        return
    if (changed.price, changed.trigger) == (order.price, order.trigger) and changed.quantity < order.quantity:
        return
    limits = account.limits or NONE
    if order.trigger is None:
        _check_rate(account, limits, step.now_us)
    before, after = _size(market, order, None), _size(market, changed, None)
    check = Check(step, market, changed, after, before, {order.order_id})
    check.sizes(limits)
    check.loss(limits)


def _size(market: Market, order: Order, planned: Plan | None) -> Size:
    """A market order comes to what it trades at once, or to its budget; others to all that is left."""
    rules = market.rules
    if order.price is not None or order.trigger is not None:
        notional = worth(rules, order)
        opens = order.trigger is not None or order.time_in_force not in AT_ONCE
        return Size(notional, order.remaining, notional if opens else 0)
    matches = planned.matches if planned is not None else []
    quantity = sum([match.quantity for match in matches])
    cost = sum([rules.notional(match.price, match.quantity) for match in matches])
    return Size(order.budget or cost, quantity, 0)


def _check_rate(account: Account, limits: AccountLimits, now_us: int) -> None:
    rate = limits.order_rate
    if rate is None:
        return
    sent = account.orders_in_second if account.second == now_us // SECOND_US else 0
    if sent >= rate:
        raise RefusedError(
            "order_rate", f"{account.account} has sent {sent} orders in this second; {rate} are allowed"
        )


class Check:
    """One order against its account's limits. ``before``: what it was until now, if it is an amended one;
    ``gone``: the open orders that it takes the place of.
    """

    __slots__ = (
        "account",
        "before",
        "exposure",
        "market",
        "now_us",
        "open_notional",
        "order",
        "queued",
        "size",
    )

    def __init__(
        self, step: Step, market: Market, order: Order, size: Size, before: Size, gone: set[str]
    ) -> None:
        self.account = step.exchange.accounts[order.account]
        self.market = market
        self.order = order
        self.size = size
        self.before = before
        self.now_us = step.now_us
        self.exposure: Exposure = self.account.exposure or counted(step.exchange, self.account)
        notional, quantity = gone_from(step.exchange, market.rules, order.side, gone)
        self.open_notional = self.exposure.notional.get(market.rules.quote_asset, 0) - notional
        self.queued = self.exposure.quantity.get((order.symbol, order.side), 0) - quantity

    def sizes(self, limits: AccountLimits) -> None:
        """Check what may grow to a limit, and no further. Raises ``RefusedError``."""
        quote_asset = self.market.rules.quote_asset
        self._order_notional(limits.max_order_notional.get(quote_asset))
        self._open_notional(limits.max_open_notional.get(quote_asset))
        most = limits.max_position.get(self.order.symbol)
        self._position(self.market.rules.max_position or None if most is None else most)

    def _order_notional(self, most: int | None) -> None:
        worth_now = self.size.notional
        if most is not None and worth_now > most and worth_now > self.before.notional:
            raise RefusedError(
                "max_order_notional", f"worth {self._quote(worth_now)}; up to {self._quote(most)} are allowed"
            )

    def _open_notional(self, most: int | None) -> None:
        adds = self.size.open_notional
        if most is not None and self.open_notional + adds > most and adds > self.before.open_notional:
            raise RefusedError(
                "max_open_notional",
                f"worth {self._quote(adds)}, other open orders {self._quote(self.open_notional)}; up to "
                f"{self._quote(most)} together are allowed",
            )

    def _position(self, most: int | None) -> None:
        """If all open orders of its side traded, and none of the other."""
        adds = self.size.quantity
        worst = self._towards() + self.queued + adds
        if most is not None and worst > most and adds > self.before.quantity:
            raise RefusedError(
                "max_position",
                f"{self._base(adds)} to {self.order.side}, other open orders to {self.order.side} "
                f"{self._base(self.queued)}, position {self._base(self._held())}; up to {self._base(most)} "
                "are allowed",
            )

    def loss(self, limits: AccountLimits) -> None:
        """Once the day's loss is there, only let pass what reduces a position. Raises ``RefusedError``."""
        quote_asset = self.market.rules.quote_asset
        most = limits.daily_loss.get(quote_asset)
        if most is None:
            return
        net = self.exposure.net_on(day_of(self.now_us), quote_asset)
        if net <= -most and self._towards() + self.queued + self.size.quantity > 0:
            raise RefusedError(
                "daily_loss",
                f"{self._quote(-net)} lost today, up to {self._quote(most)} are allowed: an order may only "
                f"reduce the position of {self._base(self._held())}, other open orders to {self.order.side} "
                f"{self._base(self.queued)} included",
            )

    def _held(self) -> int:
        position = self.account.positions.get(self.order.symbol)
        return position.quantity if position is not None else 0

    def _towards(self) -> int:
        """Return the position, counted in the direction of the order."""
        return self._held() if self.order.side == "buy" else -self._held()

    def _quote(self, units: int) -> str:
        rules = self.market.rules
        return f"{format_units(units, rules.quote_scale)} {rules.quote_asset}"

    def _base(self, units: int) -> str:
        rules = self.market.rules
        return f"{format_units(units, rules.base_scale)} {rules.base_asset}"
