"""Positions: what an account's trading on a market left it with, what that cost, and what it made.

The rule is average cost, on the account's own fills alone (what was deposited is not part of a position, so
selling it opens a short one):

* A fill in the position's direction adds its quantity and its notional.
* A fill against it closes: the closed share of the cost leaves with it (rounded down to a minor unit; with
  the last of the position goes the last of the cost, so that nothing is lost), and notional less cost, or for
  a short position cost less notional, is realised.
* What is left of a fill once the position is closed opens one in the other direction.
* Fees never enter cost or realised PnL; they are summed beside them. Net is realised less fees.

One document per account and symbol: ``quantity`` (base units, negative when short), ``cost`` (what opening
the present quantity cost, or for a short one brought; never negative), ``realised``, ``fees`` (quote units),
all as strings, since they add up.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pymongo.database import Database

from domain.account import AccountPosted, Fill
from projections.projection import At, Document, Projection


class Holding(NamedTuple):
    """``quantity`` in base units, signed; ``cost`` and ``realised`` in quote units."""

    quantity: int
    cost: int
    realised: int


class AccountFills(NamedTuple):
    """An account's fills of one batch on one market."""

    account: str
    fills: list[Fill]


def parts(event: AccountPosted, _shard: int) -> Iterable[tuple[str, AccountFills]]:
    by_symbol: dict[str, list[Fill]] = {}
    for posting in event.postings:
        if posting.fill is not None:
            by_symbol.setdefault(posting.fill.symbol, []).append(posting.fill)
    for symbol, fills in by_symbol.items():
        yield f"{symbol}|{event.account}", AccountFills(event.account, fills)


def fold(document: Document | None, part: AccountFills, at: At) -> Document:
    before = document or {"quantity": "0", "cost": "0", "realised": "0", "fees": "0", "fills": 0}
    holding = Holding(int(before["quantity"]), int(before["cost"]), int(before["realised"]))
    for fill in part.fills:
        holding = traded(holding, fill)
    return {
        "account": part.account,
        "symbol": part.fills[0].symbol,
        "quantity": str(holding.quantity),
        "cost": str(holding.cost),
        "realised": str(holding.realised),
        "fees": str(int(before["fees"]) + sum(fill.fee for fill in part.fills)),
        "fills": before["fills"] + len(part.fills),
        "changed_at_us": at.occurred_at_us,
    }


def traded(holding: Holding, fill: Fill) -> Holding:
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


PROJECTION = Projection(
    "positions", frozenset({AccountPosted}), parts, fold, indexes=(("account", "symbol"),)
)


def of_account(database: Database[Document], account: str, positions_max: int) -> list[Document]:
    """Return the account's positions by symbol, closed ones included: they show what was realised."""
    return list(database["positions"].find({"account": account}).sort("symbol", 1).limit(positions_max))
