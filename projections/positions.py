"""Positions: what an account's trading on a market left it with, what that cost, and what it made.

The rule is that of the domain (``domain.positions``): average cost, fees beside it.

One document per account and symbol: ``quantity`` (base units, negative when short), ``cost`` (what opening
the present quantity cost, or for a short one brought; never negative), ``realised``, ``fees`` (quote units),
all as strings, since they add up. ``day_net``: realised less fees on the UTC day ``day``, that of the last
fill.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pymongo.database import Database

from domain.account import AccountPosted, Fill
from domain.positions import day_of, traded
from projections import by_account
from projections.by_account import Pair
from projections.projection import At, Document, Projection


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
    quantity, cost, realised = int(before["quantity"]), int(before["cost"]), 0
    for fill in part.fills:
        quantity, cost, gain = traded(quantity, cost, fill)
        realised += gain
    fees, day = sum(fill.fee for fill in part.fills), day_of(at.occurred_at_us)
    earlier = int(before["day_net"]) if before.get("day") == day else 0
    return {
        "account": part.account,
        "symbol": part.fills[0].symbol,
        "quantity": str(quantity),
        "cost": str(cost),
        "realised": str(int(before["realised"]) + realised),
        "fees": str(int(before["fees"]) + fees),
        "day": day,
        "day_net": str(earlier + realised - fees),
        "fills": before["fills"] + len(part.fills),
        "changed_at_us": at.occurred_at_us,
    }


PROJECTION = Projection(
    "positions", frozenset({AccountPosted}), parts, fold, indexes=(("account", "symbol"),)
)


def of_account(database: Database[Document], account: str, positions_max: int) -> list[Document]:
    """Return the account's positions by symbol, closed ones included: they show what was realised."""
    return list(database["positions"].find({"account": account}).sort("symbol", 1).limit(positions_max))


def scan(
    database: Database[Document],
    *,
    accounts: Sequence[str] | None,
    symbol: str | None,
    last: Pair | None,
    documents_max: int,
) -> list[Document]:
    """Return positions by account and symbol, from just after ``last`` on."""
    wanted: Document = {} if symbol is None else {"symbol": symbol}
    return by_account.after(database, "positions", "symbol", wanted, accounts, last, documents_max)
