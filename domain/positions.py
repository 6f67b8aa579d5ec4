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

from typing import TYPE_CHECKING, NamedTuple

from domain.account import Fill
from domain.market import DAY_US
from domain.order import OrderFilled
from domain.state_hash import Part

if TYPE_CHECKING:
    from domain.accounts import Account
    from domain.exchange import Exchange


class Holding(NamedTuple):
    """``quantity`` in base units, negative when short; ``cost`` (what opening the present quantity cost, or
    for a short one brought; never negative) and ``realised`` in quote units.
    """

    quantity: int
    cost: int
    realised: int


def traded(holding: Holding, fill: Fill | OrderFilled) -> Holding:
    """Return the holding after ``fill``, by the rule above."""
    change = fill.quantity if fill.side == "buy" else -fill.quantity
    if holding.quantity * change >= 0:
        return Holding(holding.quantity + change, holding.cost + fill.notional, holding.realised)
    closed = min(abs(holding.quantity), fill.quantity)
    cost = holding.cost * closed // abs(holding.quantity)
    # Exact: the notional of each whole lot is a whole number of quote units.
    notional = fill.notional * closed // fill.quantity
    gain = notional - cost if holding.quantity > 0 else cost - notional
    opened = fill.notional - notional
    return Holding(holding.quantity + change, holding.cost - cost + opened, holding.realised + gain)


def day_of(now_us: int) -> int:
    """Return the number of the UTC day, counted from 1970."""
    return now_us // DAY_US


class Position:
    """An account's position on a market. ``net``: what was realised on the UTC day ``day``, less fees, in
    quote units; a day without fills has none.
    """

    __slots__ = ("account", "cost", "day", "digest", "net", "quantity", "symbol")

    def __init__(self, account: str, symbol: str) -> None:
        self.account = account
        self.symbol = symbol
        self.quantity = 0
        self.cost = 0
        self.day = 0
        self.net = 0
        self.digest = 0

    def parts(self) -> tuple[Part, ...]:
        return ("position", self.account, self.symbol, self.quantity, self.cost, self.day, self.net)


def position_filled(exchange: "Exchange", account: "Account", fill: OrderFilled) -> int:
    """Take a fill of the account into its position. Return what it realised, less its fee."""
    position = account.positions.get(fill.symbol)
    if position is None:
        position = account.positions[fill.symbol] = Position(fill.account, fill.symbol)
    position.quantity, position.cost, realised = traded(Holding(position.quantity, position.cost, 0), fill)
    day = day_of(exchange.now_us)
    if position.day != day:
        position.day, position.net = day, 0
    net = realised - fill.fee
    position.net += net
    exchange.hashed.changed(position)
    return net
