"""Daily: what an account's trading on a market came to on each UTC day: realised PnL, turnover, fees, counts.

The rule of what is realised is that of the positions (``domain.positions``), so an account's days on a market
sum up to its position. A day's other figures stand by side: how many fills (``buys``, ``sells``), of how much
(``bought``, ``sold``, base units), for how much (``paid``, ``earned``, quote units), at which fees (quote
units); what adds up, as strings.

A trade that was busted or corrected changes the day on which that happens, since a day that is over stays
as it was reported: the fill taken back is subtracted from its own side, so that on the same day it leaves
nothing behind. A day on which only that happened may be negative.

One document per account and market, with the position carried from day to day and the latest
``DAYS_KEPT_MAX`` days on which it traded; what came before is one sum, ``earlier``, so that a document stays
small and nothing is lost.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pymongo.database import Database

from domain.account import AccountPosted, Posting
from domain.positions import day_of, traded
from projections import by_account
from projections.by_account import Pair
from projections.projection import At, Document, Projection

DAYS_KEPT_MAX = 400
SUMS = ("realised", "bought", "paid", "buy_fees", "sold", "earned", "sell_fees")
COUNTS = ("buys", "sells")
SIDES = {"buy": ("buys", "bought", "paid", "buy_fees"), "sell": ("sells", "sold", "earned", "sell_fees")}
OTHER = {"buy": "sell", "sell": "buy"}


class AccountFills(NamedTuple):
    """Postings of one batch with an account's fills on one market."""

    account: str
    symbol: str
    postings: list[Posting]


def parts(event: AccountPosted, _shard: int) -> Iterable[tuple[str, AccountFills]]:
    by_symbol: dict[str, list[Posting]] = {}
    for posting in event.postings:
        if posting.fill is not None:
            by_symbol.setdefault(posting.fill.symbol, []).append(posting)
    for symbol, postings in by_symbol.items():
        yield f"{symbol}|{event.account}", AccountFills(event.account, symbol, postings)


def fold(document: Document | None, part: AccountFills, at: At) -> Document:
    """Change the document in place: copying 400 days for each batch would cost more than the fold."""
    daily = document or _opened(part)
    sums = _sums(_day(daily, day_of(at.occurred_at_us)))
    quantity, cost = int(daily["quantity"]), int(daily["cost"])
    for posting in part.postings:
        quantity, cost, gain = traded(quantity, cost, posting.fill)  # type: ignore[arg-type] # all have one
        sums["realised"] += gain
        _count(sums, posting, daily["base_asset"])
    daily["days"][-1].update({name: str(sums[name]) if name in SUMS else sums[name] for name in sums})
    daily["quantity"], daily["cost"] = str(quantity), str(cost)
    daily["changed_at_us"] = at.occurred_at_us
    return daily


def _opened(part: AccountFills) -> Document:
    """A trade is made before it is taken back: so the first posting moves the traded asset."""
    return {
        "account": part.account,
        "symbol": part.symbol,
        "base_asset": part.postings[0].asset,
        "quantity": "0",
        "cost": "0",
        "earlier": None,
        "days": [],
    }


def _day(daily: Document, day: int) -> Document:
    """Return the day's sums, begun if it is new: the shard's time never goes back."""
    days = daily["days"]
    if not days or days[-1]["day"] != day:
        days.append({"day": day, **dict.fromkeys(SUMS, "0"), **dict.fromkeys(COUNTS, 0)})
        daily["last_day"] = day
        if len(days) > DAYS_KEPT_MAX:
            daily["earlier"] = _added(daily["earlier"], days.pop(0))
    found: Document = days[-1]
    return found


def _sums(day: Document) -> dict[str, int]:
    return {name: int(day[name]) for name in (*SUMS, *COUNTS)}


def _added(earlier: Document | None, day: Document) -> Document:
    """Return the sum of all days up to ``day``."""
    before = dict.fromkeys((*SUMS, *COUNTS), 0) if earlier is None else _sums(earlier)
    together = {name: before[name] + added for name, added in _sums(day).items()}
    return {"day": day["day"], **{name: str(together[name]) for name in SUMS}} | {
        name: together[name] for name in COUNTS
    }


def _count(sums: dict[str, int], posting: Posting, base_asset: str) -> None:
    fill = posting.fill
    if fill is None:
        return
    taken_back = _taken_back(posting, base_asset)
    side, sign = (OTHER[fill.side], -1) if taken_back else (fill.side, 1)
    fills, quantity, notional, fees = SIDES[side]
    sums[fills] += sign
    sums[quantity] += sign * fill.quantity
    sums[notional] += sign * fill.notional
    sums[fees] += fill.fee  # of a fill taken back it is negative


def _taken_back(posting: Posting, base_asset: str) -> bool:
    """Tell whether the fill is one taken back. Of a bust it stands on the posting that moves the traded asset
    back; of a correction on what is refunded, and the fill that stands instead on what is reclaimed.
    """
    if posting.kind == "refund":
        return True
    return posting.kind == "reclaim" and posting.asset == base_asset


PROJECTION = Projection(
    "daily",
    frozenset({AccountPosted}),
    parts,
    fold,
    indexes=(("account", "symbol"), ("last_day",)),
    relaxed=frozenset({AccountPosted}),
)


def scan(
    database: Database[Document],
    *,
    accounts: Sequence[str] | None,
    symbol: str | None,
    since_day: int,
    last: Pair | None,
    documents_max: int,
) -> list[Document]:
    """Return documents with any day from ``since_day`` on, by account and symbol, from just after ``last``
    on; ``accounts``: only of these.
    """
    wanted: Document = {"last_day": {"$gte": since_day}}
    if symbol is not None:
        wanted["symbol"] = symbol
    return by_account.after(database, "daily", "symbol", wanted, accounts, last, documents_max)


def of_pair(database: Database[Document], pair: Pair) -> list[Document]:
    """Return the document of an account and market, if there is one."""
    return list(database["daily"].find({"_id": f"{pair.value}|{pair.account}"}).limit(1))


def days_of(document: Document, first: int, last: int) -> list[Document]:
    """Return the document's days from ``first`` to ``last``, both included. Where all days before are asked
    for as well (``first`` is 0), the sum of those that are no longer kept comes before them.
    """
    earlier = document["earlier"]
    found = [day for day in document["days"] if first <= day["day"] <= last]
    return [earlier, *found] if earlier is not None and first == 0 and earlier["day"] <= last else found
