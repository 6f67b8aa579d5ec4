"""Ledger: the venue's books by double entry: every amount stands against another, so each asset sums to zero.

The venue's accounts, and the sign an amount has in them: ``custody`` (what is held in the outside world:
deposits less withdrawals) and ``adjustments`` (what the venue gave by correction less what it took) are
assets, positive; what the venue owes is negative: to its customers what they have ``available``, what is
``held_for_orders``, in ``withdrawals_in_flight`` and ``in_transit`` between shards; to itself the ``fees``.

One document per shard, asset and account, with what moved other than by trading, as strings. What an account
has stands in its balance already, so a trial balance joins the two. Both come from the topic ``accounts``, by
account: while trades are coming in, one side of a trade may be visible before the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pymongo.database import Database

from domain.account import FEES, AccountPosted, Posting
from projections import transfers
from projections.projection import At, Document, Projection

SUMS = ("deposited", "withdrawn", "credited", "debited", "in_flight", "in_transit")

# By kind of posting: to which sums it adds, or (-1) from which it takes.
ADDS: dict[str, tuple[tuple[str, int], ...]] = {
    "deposit": (("deposited", 1),),
    "withdraw": (("withdrawn", 1), ("in_flight", -1)),
    "credit": (("credited", 1),),
    "debit": (("debited", 1),),
    "send": (("in_transit", 1),),
    "give_back": (("in_transit", -1),),
    "take_in": (("in_transit", -1),),
}
ADDS_OF_TRANSFERS: dict[str, tuple[tuple[str, int], ...]] = {
    "hold": (("in_flight", 1),),
    "release": (("in_flight", -1),),
}

CUSTODY, ADJUSTMENTS, FEES_EARNED = "custody", "adjustments", "fees"
AVAILABLE, FOR_ORDERS, IN_FLIGHT = "available", "held_for_orders", "withdrawals_in_flight"
IN_TRANSIT = "in_transit"

Changes = dict[str, int]


def parts(event: AccountPosted, shard: int) -> Iterable[tuple[str, tuple[str, str, Changes]]]:
    by_asset: dict[str, Changes] = {}
    for posting in event.postings:
        for name, amount in _changes(posting).items():
            changes = by_asset.setdefault(posting.asset, {})
            changes[name] = changes.get(name, 0) + amount
    for asset, changes in by_asset.items():
        yield f"{shard}|{asset}|{event.account}", (event.account, asset, changes)


def _changes(posting: Posting) -> Changes:
    """Return what a posting adds to which sums; most are of trades, and add to none."""
    signs = ADDS.get(posting.kind)
    if signs is None and posting.transfer_id is not None:
        signs = ADDS_OF_TRANSFERS.get(posting.kind)
    return {name: sign * posting.amount for name, sign in signs} if signs else {}


def fold(document: Document | None, part: tuple[str, str, Changes], at: At) -> Document:
    account, asset, changes = part
    before = document or dict.fromkeys(SUMS, "0")
    sums = {name: str(int(before.get(name, "0")) + changes.get(name, 0)) for name in SUMS}
    return {"account": account, "asset": asset, **sums, "changed_at_us": at.occurred_at_us}


PROJECTION = Projection("ledger", frozenset({AccountPosted}), parts, fold)


# --- Trial balance --------------------------------------------------------------------------------------


def trial_balance(ledger: Iterable[Document], balances: Iterable[Document]) -> dict[str, dict[str, int]]:
    """Return for each asset, by name, the venue's accounts with their signed amounts in minor units. They sum
    to zero if the books are right, and both sides of every trade are visible.
    """
    books: dict[str, dict[str, int]] = {}
    for document in ledger:
        sums = {name: int(document.get(name, "0")) for name in SUMS}
        lines = _lines(books, document["asset"])
        lines[CUSTODY] += sums["deposited"] - sums["withdrawn"]
        lines[ADJUSTMENTS] += sums["credited"] - sums["debited"]
        lines[IN_FLIGHT] -= sums["in_flight"]
        lines[IN_TRANSIT] -= sums["in_transit"]  # of all shards together: one's credit is another's debit
        lines[FOR_ORDERS] += sums["in_flight"]  # it is among what the balance says is held
    for document in balances:
        available, held = int(document["available"]), int(document["held"])
        lines = _lines(books, document["asset"])
        lines[FEES_EARNED if document["account"] == FEES else AVAILABLE] -= available
        lines[FOR_ORDERS] -= held
    return dict(sorted(books.items()))


def _lines(books: dict[str, dict[str, int]], asset: str) -> dict[str, int]:
    names = (CUSTODY, ADJUSTMENTS, AVAILABLE, FOR_ORDERS, IN_FLIGHT, IN_TRANSIT, FEES_EARNED)
    return books.setdefault(asset, dict.fromkeys(names, 0))


def read_trial_balance(database: Database[Document]) -> dict[str, dict[str, int]]:
    """Read every account's balances once: for auditors, not for screens that refresh."""
    fields = {"account": 1, "asset": 1, "available": 1, "held": 1}
    return trial_balance(database["ledger"].find(), database["balances"].find({}, fields))


# --- Journal --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """``amount`` minor units of ``asset`` more in ``debit``, and as many less in ``credit``. A customer's
    account stands behind the venue's: ``available:alice``.
    """

    debit: str
    credit: str
    asset: str
    amount: int
    booked_at_us: int


def entries(transfer: Document) -> list[Entry]:
    """Return the entries of one account's side of a transfer. Those of a transfer between two accounts stand
    with the sender's, unless each is on a shard of its own: then each side has its own, against transit.
    """
    available, in_flight = (f"{name}:{transfer['account']}" for name in (AVAILABLE, IN_FLIGHT))
    begun, ended = transfer["begun_at_us"], transfer["ended_at_us"]
    if transfer["kind"] == transfers.WITHDRAWAL:
        sides = [(available, in_flight, begun)]
        if transfer["status"] == transfers.COMPLETED:
            sides.append((in_flight, CUSTODY, ended))
        elif transfer["status"] == transfers.CANCELLED:
            sides.append((in_flight, available, ended))
    elif transfer.get("counter_shard") is not None:
        sides = _between_shards(transfer, available)
    elif transfer["kind"] == transfers.TRANSFER:
        other = f"{AVAILABLE}:{transfer['counter_account']}"
        sides = [(available, other, begun)] if transfer["direction"] == transfers.OUT else []
    else:
        outside = CUSTODY if transfer["kind"] == transfers.DEPOSIT else ADJUSTMENTS
        given = transfer["direction"] == transfers.IN
        sides = [(outside, available, begun) if given else (available, outside, begun)]
    amount = int(transfer["amount"])
    return [Entry(debit, credit, transfer["asset"], amount, at_us) for debit, credit, at_us in sides]


def _between_shards(transfer: Document, available: str) -> list[tuple[str, str, int]]:
    begun, ended = transfer["begun_at_us"], transfer["ended_at_us"]
    if transfer["direction"] == transfers.IN:
        return [(IN_TRANSIT, available, begun)]
    sent = (available, IN_TRANSIT, begun)
    if transfer["status"] == transfers.RETURNED:
        return [sent, (IN_TRANSIT, available, ended)]
    return [sent]
