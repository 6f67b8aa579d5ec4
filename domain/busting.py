"""Busting: a trade is taken back, or made again at another price, by the venue. Any trade of the history can
be: what is on record of it comes with the command, and the state keeps only which trades were changed.

Both sides give back what the trade gave them, out of what they have available: holds stay untouched, and an
account that no longer has it is refused to be made poor beyond zero. Orders are not opened again, and the
market's last price stays what it was.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from domain.account import FEES, Fill
from domain.checks import limit_price_units
from domain.event import Event, Side, opposite
from domain.ledger import Ledger
from domain.market import MarketRules
from domain.markets import Market, fee_on
from domain.numbers import format_units
from domain.order import OrderFilled, OrderPlaced
from domain.positions import day_of, position_filled
from domain.rejections import RefusedError
from domain.state_hash import Part
from domain.trade import BustTrade, ChangeTrade, CorrectTrade, TradeBusted, TradeCorrected, TradeSide

if TYPE_CHECKING:
    from domain.exchange import Exchange


# --- State ----------------------------------------------------------------------------------------------


class ChangedTrade:
    """A trade that counts as made on other terms than it was: at ``price``, with these fees; 0: as busted."""

    __slots__ = ("buyer_fee", "digest", "price", "seller_fee", "symbol", "trade_id")

    def __init__(self, symbol: str, trade_id: int) -> None:
        self.symbol = symbol
        self.trade_id = trade_id
        self.price = 0
        self.buyer_fee = 0
        self.seller_fee = 0
        self.digest = 0

    def parts(self) -> tuple[Part, ...]:
        return ("trade", self.symbol, self.trade_id, self.price, self.buyer_fee, self.seller_fee)


# --- What is on record ----------------------------------------------------------------------------------


def on_record(wish: BustTrade | CorrectTrade, history: Callable[[str], Iterable[Event]]) -> ChangeTrade:
    """Return the wish with both sides of its trade; ``history`` gives all events of an order, by its id."""
    own = _side(wish, wish.order_id, history)
    other = None if own is None else _side(wish, own.filled.counter_order_id, history)
    sides = () if own is None or other is None else (own, other)
    return ChangeTrade(
        command_id=wish.command_id,
        actor=wish.actor,
        correlation_id=wish.correlation_id,
        valid_until_us=wish.valid_until_us,
        wish=wish,
        sides=sides,
    )


def _side(
    wish: BustTrade | CorrectTrade, order_id: str, history: Callable[[str], Iterable[Event]]
) -> TradeSide | None:
    placed: OrderPlaced | None = None
    for event in history(order_id):
        if isinstance(event, OrderPlaced):
            placed = event
        elif isinstance(event, OrderFilled) and placed is not None and _is_meant(event, wish):
            maker = event.liquidity == "maker"
            return TradeSide(event, placed.maker_fee_ppm if maker else placed.taker_fee_ppm)
    return None


def _is_meant(filled: OrderFilled, wish: BustTrade | CorrectTrade) -> bool:
    return (filled.symbol, filled.trade_id) == (wish.symbol, wish.trade_id)


# --- Decisions ------------------------------------------------------------------------------------------


class Terms(NamedTuple):
    """What a trade counts as made at: ``price`` in price units, all else in quote units."""

    price: int
    notional: int
    buyer_fee: int
    seller_fee: int


class Move(NamedTuple):
    """``amount`` comes to the account's available balance, or leaves it if it is negative."""

    account: str
    asset: str
    amount: int
    order_id: str
    fill: Fill | None = None


def change_trade(exchange: "Exchange", command: ChangeTrade, _now_us: int) -> list[Event]:
    """Bust or correct the trade; what it is already changes nothing. Raises ``RefusedError``."""
    wish = command.wish
    market = exchange.markets.get(wish.symbol)
    if market is None:
        raise RefusedError("unknown_market", f"market {wish.symbol!r} is not listed")
    if not command.sides:
        raise RefusedError(
            "unknown_trade", f"order {wish.order_id!r} has no trade {wish.trade_id} on {wish.symbol}"
        )
    first, second = command.sides
    buy, sell = (first, second) if first.filled.side == "buy" else (second, first)
    changed = market.changed_trades.get(wish.trade_id)
    if isinstance(wish, BustTrade):
        if changed is not None and changed.price == 0:
            return []
        return _bust(exchange, market, wish, buy.filled, sell.filled)
    if changed is not None and changed.price == 0:
        raise RefusedError("trade_already_busted", f"trade {wish.trade_id} on {wish.symbol} was busted")
    return _correct(exchange, market, wish, buy, sell)


def _bust(
    exchange: "Exchange", market: Market, wish: BustTrade, buy: OrderFilled, sell: OrderFilled
) -> list[Event]:
    rules, old = market.rules, _standing(market, buy, sell)
    moves = [
        Move(buy.account, rules.quote_asset, old.notional + old.buyer_fee, buy.order_id),
        Move(buy.account, rules.base_asset, -buy.quantity, buy.order_id, _reversed(buy, old, old.buyer_fee)),
        Move(
            sell.account, rules.base_asset, sell.quantity, sell.order_id, _reversed(sell, old, old.seller_fee)
        ),
        Move(sell.account, rules.quote_asset, old.seller_fee - old.notional, sell.order_id),
        Move(FEES, rules.quote_asset, -old.buyer_fee, buy.order_id),
        Move(FEES, rules.quote_asset, -old.seller_fee, sell.order_id),
    ]
    event = TradeBusted(
        *_parties(buy, sell), old.price, old.notional, old.buyer_fee, old.seller_fee, wish.reason
    )
    return _settled(exchange, event, wish.command_id, moves)


def _correct(
    exchange: "Exchange", market: Market, wish: CorrectTrade, buying: TradeSide, selling: TradeSide
) -> list[Event]:
    rules, buy, sell = market.rules, buying.filled, selling.filled
    old = _standing(market, buy, sell)
    price = limit_price_units(rules, wish.price)
    if price == old.price:
        return []
    notional = rules.notional(price, buy.quantity)
    new = Terms(price, notional, fee_on(notional, buying.fee_ppm), fee_on(notional, selling.fee_ppm))
    event = TradeCorrected(*_parties(buy, sell), *old, *new, wish.reason)
    return _settled(exchange, event, wish.command_id, _correction(rules, buy, sell, old, new))


def _correction(
    rules: MarketRules, buy: OrderFilled, sell: OrderFilled, old: Terms, new: Terms
) -> list[Move]:
    """What was paid goes back, and what is due now is paid. Of an account's two fills the one taken back
    comes first: together they leave its position as if it had traded at the new price only.
    """
    quote = rules.quote_asset
    return [
        Move(
            buy.account, quote, old.notional + old.buyer_fee, buy.order_id, _reversed(buy, old, old.buyer_fee)
        ),
        Move(buy.account, quote, -new.notional - new.buyer_fee, buy.order_id, _made(buy, new, new.buyer_fee)),
        Move(
            sell.account,
            quote,
            new.notional - new.seller_fee,
            sell.order_id,
            _reversed(sell, old, old.seller_fee),
        ),
        Move(
            sell.account,
            quote,
            old.seller_fee - old.notional,
            sell.order_id,
            _made(sell, new, new.seller_fee),
        ),
        Move(FEES, quote, new.buyer_fee - old.buyer_fee, buy.order_id),
        Move(FEES, quote, new.seller_fee - old.seller_fee, sell.order_id),
    ]


def _standing(market: Market, buy: OrderFilled, sell: OrderFilled) -> Terms:
    """Return the terms that the trade counts as made at now."""
    changed = market.changed_trades.get(buy.trade_id)
    if changed is None:
        return Terms(buy.price, buy.notional, buy.fee, sell.fee)
    notional = market.rules.notional(changed.price, buy.quantity)
    return Terms(changed.price, notional, changed.buyer_fee, changed.seller_fee)


def _parties(buy: OrderFilled, sell: OrderFilled) -> tuple[str, int, str, str, str, str, int]:
    return buy.symbol, buy.trade_id, buy.order_id, buy.account, sell.order_id, sell.account, buy.quantity


def _made(filled: OrderFilled, terms: Terms, fee: int) -> Fill:
    return _fill(filled, filled.side, terms, fee)


def _reversed(filled: OrderFilled, terms: Terms, fee: int) -> Fill:
    return _fill(filled, opposite(filled.side), terms, -fee)


def _fill(filled: OrderFilled, side: Side, terms: Terms, fee: int) -> Fill:
    symbol, trade_id, quantity = filled.symbol, filled.trade_id, filled.quantity
    return Fill(symbol, trade_id, side, filled.liquidity, terms.price, quantity, terms.notional, fee)


def _settled(
    exchange: "Exchange", event: TradeBusted | TradeCorrected, command_id: str, moves: list[Move]
) -> list[Event]:
    """Post the moves: first what comes, then what goes, so that one account may be on both sides."""
    events: list[Event] = [event]
    ledger = Ledger(exchange.accounts, command_id, events)
    _check_funded(exchange, ledger, moves)
    for move in moves:
        if move.amount > 0:
            ledger.refund(move.account, move.asset, move.amount, move.order_id, move.fill)
    for move in moves:
        if move.amount < 0:
            ledger.reclaim(move.account, move.asset, -move.amount, move.order_id, move.fill)
    return events


def _check_funded(exchange: "Exchange", ledger: Ledger, moves: list[Move]) -> None:
    """Raise ``RefusedError`` if somebody has less available than is to be given back, all in all."""
    totals: dict[tuple[str, str], int] = {}
    for move in moves:
        key = (move.account, move.asset)
        totals[key] = totals.get(key, 0) + move.amount
    lacking = [
        _lack(account, asset, exchange.scales[asset], ledger.balance(account, asset)[0], -total)
        for (account, asset), total in totals.items()
        if ledger.balance(account, asset)[0] + total < 0
    ]
    if lacking:
        raise RefusedError("bust_unfunded", "; ".join(lacking))


def _lack(account: str, asset: str, scale: int, available: int, due: int) -> str:
    has, gives, lacks = (format_units(units, scale) for units in (available, due, due - available))
    return f"{account} has {has} {asset} available and would give back {gives}: {lacks} {asset} are lacking"


# --- Evolution ------------------------------------------------------------------------------------------


def trade_busted(exchange: "Exchange", event: TradeBusted) -> None:
    """The fills taken back enter the positions in the order in which their postings come."""
    _changed(exchange, event.symbol, event.trade_id, 0, 0, 0)
    price, notional = event.price, event.notional
    _filled(exchange, event, event.seller, "buy", price, notional, -event.seller_fee)
    _filled(exchange, event, event.buyer, "sell", price, notional, -event.buyer_fee)


def trade_corrected(exchange: "Exchange", event: TradeCorrected) -> None:
    """The same: first what comes, the fills taken back, then what goes, those that stand instead."""
    _changed(exchange, event.symbol, event.trade_id, event.price, event.buyer_fee, event.seller_fee)
    old_price, old_notional = event.old_price, event.old_notional
    _filled(exchange, event, event.buyer, "sell", old_price, old_notional, -event.old_buyer_fee)
    _filled(exchange, event, event.seller, "buy", old_price, old_notional, -event.old_seller_fee)
    _filled(exchange, event, event.buyer, "buy", event.price, event.notional, event.buyer_fee)
    _filled(exchange, event, event.seller, "sell", event.price, event.notional, event.seller_fee)


def _filled(
    exchange: "Exchange",
    event: TradeBusted | TradeCorrected,
    name: str,
    side: Side,
    price: int,
    notional: int,
    fee: int,
) -> None:
    account = exchange.accounts[name]
    fill = Fill(event.symbol, event.trade_id, side, "taker", price, event.quantity, notional, fee)
    net = position_filled(exchange, account, fill)
    if account.exposure is not None:
        quote_asset = exchange.markets[event.symbol].rules.quote_asset
        account.exposure.realise(quote_asset, day_of(exchange.now_us), net)


def _changed(
    exchange: "Exchange", symbol: str, trade_id: int, price: int, buyer_fee: int, seller_fee: int
) -> None:
    trades = exchange.markets[symbol].changed_trades
    trade = trades.get(trade_id)
    if trade is None:
        trade = trades[trade_id] = ChangedTrade(symbol, trade_id)
    trade.price, trade.buyer_fee, trade.seller_fee = price, buyer_fee, seller_fee
    exchange.hashed.changed(trade)
