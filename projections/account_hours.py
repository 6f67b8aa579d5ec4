"""Account hours: what an account's trading on a market changed in each UTC hour. Summed up, and with the
marks of the hours (``market_hours``), these are its equity curve.

One document per account, market and UTC day, with an entry for each hour in which there was a fill:
``quantity`` (base units, what it bought less what it sold), ``cash`` (quote units, what it earned less what
it paid), ``fees`` (quote units), as strings, since they add up. A fill taken back is a fill of the other side
with a negative fee, so it undoes its own in the hour in which that happens.
"""

from collections.abc import Iterable, Iterator

from pymongo.database import Database

from domain.account import AccountPosted, Fill
from domain.market import DAY_US
from projections.positions import AccountFills
from projections.projection import At, Document, Projection

HOUR_US = 3_600_000_000
HOURS_A_DAY = 24
SUMS = ("quantity", "cash", "fees")


def parts(event: AccountPosted, at: At) -> Iterable[tuple[str, AccountFills]]:
    by_symbol: dict[str, list[Fill]] = {}
    for posting in event.postings:
        if posting.fill is not None:
            by_symbol.setdefault(posting.fill.symbol, []).append(posting.fill)
    day = at.occurred_at_us // DAY_US
    for symbol, fills in by_symbol.items():
        yield f"{symbol}|{event.account}|{day}", AccountFills(event.account, fills)


def fold(document: Document | None, part: AccountFills, at: At) -> Document:
    """Change the document in place, as ``daily`` does."""
    found = document or {
        "account": part.account,
        "symbol": part.fills[0].symbol,
        "day": at.occurred_at_us // DAY_US,
        "hours": [],
    }
    hour = at.occurred_at_us // HOUR_US
    if not found["hours"] or found["hours"][-1]["hour"] != hour:
        found["hours"].append({"hour": hour, **dict.fromkeys(SUMS, "0")})
    entry = found["hours"][-1]
    quantity, cash, fees = (int(entry[name]) for name in SUMS)
    for fill in part.fills:
        sign = 1 if fill.side == "buy" else -1
        quantity += sign * fill.quantity
        cash -= sign * fill.notional
        fees += fill.fee
    entry.update(quantity=str(quantity), cash=str(cash), fees=str(fees))
    return found


PROJECTION = Projection(
    "account_hours",
    frozenset({AccountPosted}),
    parts,
    fold,
    indexes=(("account", "day"),),
    by_seq=True,
    relaxed=frozenset({AccountPosted}),
)


def of_account(database: Database[Document], account: str, last_day: int) -> Iterator[Document]:
    """Yield the account's days up to ``last_day``, oldest first."""
    yield from database["account_hours"].find({"account": account, "day": {"$lte": last_day}}).sort("day", 1)
