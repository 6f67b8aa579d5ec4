"""Balances: what an account has of each asset, available and held, in the asset's minor units (as strings:
the venue's fees add up without limit).

One document per shard, account and asset: an account that trades on several shards has a balance on each,
and what it has is their sum. A posting states the balance after it, so the last one is all that counts.
"""

from collections.abc import Iterable, Sequence

from pymongo.database import Database

from domain.account import AccountPosted, Posting
from projections import by_account
from projections.by_account import Pair
from projections.projection import At, Document, Projection, always


def parts(event: AccountPosted, shard: int) -> Iterable[tuple[str, Posting]]:
    # Only operators name assets, none with a "|": so the id is unambiguous whatever the account's is.
    last = {posting.asset: posting for posting in event.postings}
    for asset, posting in last.items():
        yield f"{shard}|{asset}|{event.account}", posting


def fold(_document: Document | None, posting: Posting, at: At) -> Document:
    return {
        "account": posting.account,
        "asset": posting.asset,
        "available": str(posting.available),
        "held": str(posting.held),
        "changed_at_us": at.occurred_at_us,
    }


# Each posting states the whole balance, so none has to be loaded: it "begins" each time.
PROJECTION = Projection(
    "balances",
    frozenset({AccountPosted}),
    parts,
    fold,
    indexes=(("account", "asset"),),
    begins=always,
)


def of_account(database: Database[Document], account: str, balances_max: int) -> list[Document]:
    """Return the account's balances by asset, one for each shard it has any on."""
    return list(database["balances"].find({"account": account}).sort("asset", 1).limit(balances_max))


def scan(
    database: Database[Document],
    *,
    accounts: Sequence[str] | None,
    asset: str | None,
    last: Pair | None,
    documents_max: int,
) -> list[Document]:
    """Return balances by account and asset, one for each shard it has any on, from just after ``last`` on."""
    wanted: Document = {} if asset is None else {"asset": asset}
    return by_account.after(database, "balances", "asset", wanted, accounts, last, documents_max)
