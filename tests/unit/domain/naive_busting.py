"""What the naive exchange knows of trades that were made: a list of deals, each with the terms it counts at.
To bust or correct one is to undo it and, at the new price, to do it again; then to look who is poor."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from tests.unit.domain.naive_limits import DAY_US, NaiveFill
from tests.unit.domain.naive_orders import NaiveOrder, RefusedError, Trade, is_price

if TYPE_CHECKING:
    from tests.unit.domain.naive import NaiveExchange


@dataclass
class Deal:
    """``price`` 0: it was busted. The rates are parts of the notional."""

    symbol: str
    buyer: str
    seller: str
    quantity: Fraction
    price: Fraction
    buyer_rate: Fraction
    seller_rate: Fraction


def remember(naive: "NaiveExchange", taker: NaiveOrder, trade: Trade, maker: NaiveOrder) -> None:
    """No two orders trade twice with each other in one of the two roles: one of them is done."""
    sides = [(taker.account, taker.taker_fee), (maker.account, maker.maker_fee)]
    (buyer, buyer_rate), (seller, seller_rate) = sides if taker.side == "buy" else sides[::-1]
    assert (trade.maker, trade.taker) not in naive.deals
    naive.deals[trade.maker, trade.taker] = Deal(
        taker.symbol, buyer, seller, trade.quantity, trade.price, buyer_rate, seller_rate
    )


def bust(naive: "NaiveExchange", maker: str, taker: str) -> None:
    deal = found(naive, maker, taker)
    if deal.price:
        pay(naive, deal, deal.price, -1)
        check(naive, deal)
        note(naive, deal, deal.price, deal.seller, 1, -1)
        note(naive, deal, deal.price, deal.buyer, -1, -1)
        deal.price = Fraction(0)


def correct(naive: "NaiveExchange", maker: str, taker: str, text: str) -> None:
    deal = found(naive, maker, taker)
    if not deal.price:
        raise RefusedError("trade_already_busted")
    if not is_price(naive.markets[deal.symbol], text):
        raise RefusedError("invalid_price")
    price = Fraction(text)
    pay(naive, deal, deal.price, -1)
    pay(naive, deal, price, 1)
    check(naive, deal)
    if price != deal.price:
        note(naive, deal, deal.price, deal.buyer, -1, -1)
        note(naive, deal, deal.price, deal.seller, 1, -1)
        note(naive, deal, price, deal.buyer, 1, 1)
        note(naive, deal, price, deal.seller, -1, 1)
    deal.price = price


def found(naive: "NaiveExchange", maker: str, taker: str) -> Deal:
    if (maker, taker) not in naive.deals:
        raise RefusedError("unknown_trade")
    return naive.deals[maker, taker]


def pay(naive: "NaiveExchange", deal: Deal, price: Fraction, sign: int) -> None:
    rules, notional = naive.markets[deal.symbol], price * deal.quantity
    buyer_fee, seller_fee = rules.fee(notional, deal.buyer_rate), rules.fee(notional, deal.seller_rate)
    naive.add(deal.buyer, rules.base, sign * deal.quantity)
    naive.add(deal.buyer, rules.quote, -sign * (notional + buyer_fee))
    naive.add(deal.seller, rules.base, -sign * deal.quantity)
    naive.add(deal.seller, rules.quote, sign * (notional - seller_fee))
    naive.add("fees", rules.quote, sign * (buyer_fee + seller_fee))


def note(
    naive: "NaiveExchange", deal: Deal, price: Fraction, account: str, direction: int, sign: int
) -> None:
    """Let the position follow: a fill of the other side takes one back, and its fee comes back with it."""
    rules, notional = naive.markets[deal.symbol], price * deal.quantity
    rate = deal.buyer_rate if direction == sign else deal.seller_rate
    fee, day = sign * rules.fee(notional, rate), naive.now_us // DAY_US
    fill = NaiveFill(account, deal.symbol, direction * deal.quantity, notional, fee, day)
    naive.limiting.fills.append(fill)


def check(naive: "NaiveExchange", deal: Deal) -> None:
    rules = naive.markets[deal.symbol]
    for account in (deal.buyer, deal.seller, "fees"):
        if min(naive.available(account, asset) for asset in (rules.base, rules.quote)) < 0:
            raise RefusedError("bust_unfunded")
