"""Rule changes: a market gets other rules while orders rest on it.

Its scales never change, so every price, quantity and notional keeps its meaning. An order stays, with the
fees it was placed under, if it is still on the tick and the lot; others would trade quantities at prices of
which the notional is not whole.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from domain.book import Order
from domain.checks import market_of
from domain.control import ChangeMarketRules, MarketRulesChanged
from domain.ending import cancel_order
from domain.event import Event
from domain.exposure import counted
from domain.market import MarketRules
from domain.markets import check_rules, positive_units, put_rules, units_of
from domain.statuses import orders_on
from domain.step import Step

if TYPE_CHECKING:
    from domain.exchange import Exchange


def change_rules(exchange: "Exchange", command: ChangeMarketRules, now_us: int) -> list[Event]:
    """Change the rules, and cancel the orders that are off the new tick or lot. Raises ``RefusedError``."""
    market = market_of(exchange, command.symbol)
    rules = _changed(market.rules, command)
    check_rules(rules)
    if rules == market.rules:
        return []
    step = Step(exchange, command.command_id, now_us)
    step.events.append(MarketRulesChanged(command.symbol, rules, actor=command.actor))
    for order in orders_on(exchange, command.symbol):
        if not still_fits(rules, order):
            cancel_order(step, market, order, "rules_changed")
    return step.events


def still_fits(rules: MarketRules, order: Order) -> bool:
    """Whether all that the order can trade is on the tick and the lot. A trigger's price is only compared
    with others, so it may be off the tick.
    """
    quantities = (order.quantity, order.remaining, order.shown, order.display)
    on_tick = order.price is None or order.price % rules.tick == 0
    return on_tick and not any(quantity % rules.lot for quantity in quantities)


def _changed(rules: MarketRules, command: ChangeMarketRules) -> MarketRules:
    return _with_numbers(_with_amounts(rules, command), command)


def _with_amounts(rules: MarketRules, command: ChangeMarketRules) -> MarketRules:
    base = rules.base_scale
    return replace(
        rules,
        tick=_positive("tick_size", command.tick_size, rules.price_scale, rules.tick),
        lot=_positive("lot_size", command.lot_size, base, rules.lot),
        min_quantity=_positive("min_quantity", command.min_quantity, base, rules.min_quantity),
        max_quantity=_positive("max_quantity", command.max_quantity, base, rules.max_quantity),
        min_notional=rules.min_notional
        if command.min_notional is None
        else units_of("min_notional", command.min_notional, rules.quote_scale),
        max_position=rules.max_position
        if command.max_position is None
        else units_of("max_position", command.max_position, base),
    )


def _positive(name: str, text: str | None, scale: int, before: int) -> int:
    return before if text is None else positive_units(name, text, scale)


def _with_numbers(rules: MarketRules, command: ChangeMarketRules) -> MarketRules:
    return replace(
        rules,
        maker_fee_ppm=_or(command.maker_fee_ppm, rules.maker_fee_ppm),
        taker_fee_ppm=_or(command.taker_fee_ppm, rules.taker_fee_ppm),
        market_buffer_ppm=_or(command.market_buffer_ppm, rules.market_buffer_ppm),
        session_end_s=_or(command.session_end_s, rules.session_end_s),
        max_open_orders=_or(command.max_open_orders, rules.max_open_orders),
        buy_band_up_ppm=_or(command.buy_band_up_ppm, rules.buy_band_up_ppm),
        buy_band_down_ppm=_or(command.buy_band_down_ppm, rules.buy_band_down_ppm),
        sell_band_up_ppm=_or(command.sell_band_up_ppm, rules.sell_band_up_ppm),
        sell_band_down_ppm=_or(command.sell_band_down_ppm, rules.sell_band_down_ppm),
    )


def _or(asked: int | None, before: int) -> int:
    return before if asked is None else asked


def market_rules_changed(exchange: "Exchange", event: MarketRulesChanged) -> None:
    """What waiting orders are worth depends on the buffer: whose are counted along are counted anew."""
    put_rules(exchange, exchange.markets[event.symbol], event.rules)
    for account in exchange.accounts.values():
        if account.exposure is not None and account.open_on.get(event.symbol):
            account.exposure = counted(exchange, account)
