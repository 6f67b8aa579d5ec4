"""Positions: what an account's trading on a market left it with, and what it made of it today.

The rule is average cost, on the account's own fills alone (what was deposited is not part of a position, so
selling it opens a short one):

* A fill in the position's direction adds its quantity and its notional.
* A fill against it closes: the closed share of the cost leaves with it (rounded down to a minor unit; with
  the last of the position goes the last of the cost, so that nothing is lost), and notional less cost, or for
  a short position cost less notional, is realised.
* What is left of a fill once the position is closed opens one in the other direction.
* Fees never enter cost or realised PnL. Net is realised less fees.
"""

from typing import TYPE_CHECKING

from domain.account import Fill
from domain.market import DAY_US
from domain.order import OrderFilled
from domain.state_hash import Part

if TYPE_CHECKING:
    from domain.accounts import Account
    from domain.exchange import Exchange


def traded(quantity: int, cost: int, fill: Fill | OrderFilled) -> tuple[int, int, int]:
    """Return a position's quantity and cost after ``fill``, and what the fill realised, by the rule above.

    Quantities are in base units, negative when short; ``cost`` is what opening the present quantity cost, or
    for a short one brought, in quote units; it is never negative.
    """
    change = fill.quantity if fill.side == "buy" else -fill.quantity
    if quantity * change >= 0:
        return quantity + change, cost + fill.notional, 0
    closed = min(abs(quantity), fill.quantity)
    closed_cost = cost * closed // abs(quantity)
    # Exact: the notional of each whole lot is a whole number of quote units.
    notional = fill.notional * closed // fill.quantity
    gain = notional - closed_cost if quantity > 0 else closed_cost - notional
    return quantity + change, cost - closed_cost + fill.notional - notional, gain


def day_of(now_us: int) -> int:
    """Return the number of the UTC day, counted from 1970."""
    return now_us // DAY_US


class Position:
    """An account's position on a market. ``net``: what was realised on the UTC day ``day``, less fees, in
    quote units; a day without fills has none.
    """

    __slots__ = ("cost", "day", "digest", "name", "net", "quantity", "symbol")

    def __init__(self, account: str, symbol: str) -> None:
        self.name = f"position\0{account}\0{symbol}"  # as it goes into the state hash, put together once
        self.symbol = symbol
        self.quantity = 0
        self.cost = 0
        self.day = 0
        self.net = 0
        self.digest = 0

    def parts(self) -> tuple[Part, ...]:
        return (self.name, self.quantity, self.cost, self.day, self.net)


def position_filled(exchange: "Exchange", account: "Account", fill: Fill | OrderFilled) -> int:
    """Take a fill of the account into its position. Return what it realised, less its fee."""
    position = account.positions.get(fill.symbol)
    if position is None:
        position = account.positions[fill.symbol] = Position(account.account, fill.symbol)
    position.quantity, position.cost, realised = traded(position.quantity, position.cost, fill)
    day = exchange.now_us // DAY_US
    if position.day != day:
        position.day, position.net = day, 0
    net = realised - fill.fee
    position.net += net
    exchange.hashed.changed(position)
    return net
