"""What the query API answers about an account's activity: what happened, newest first, and who did it."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get
from litestar.params import FromPath, QueryParameter
from msgspec import Meta

from api.permissions import may_read
from api.query.controllers import (
    PAGE_DEFAULT,
    SHARDS_MAX,
    AfterHeader,
    AfterQuery,
    AskedBy,
    Limit,
    Read,
    Reader,
    not_found,
)
from api.query.decimals import SymbolName, Time, base_of, price_of, quote_of, time_of
from domain.market import MarketRules
from domain.numbers import format_units
from projections import accounts, activity
from projections.activity import Entry, Key

# How the numbers of an entry are shown: in units of the market's price, its base and its quote asset.
PRICES = ("price", "old_price", "trigger_price")
QUANTITIES = ("quantity", "remaining")
NOTIONALS = ("fee",)
OWN_FIELDS = frozenset(
    {
        "what",
        "at_us",
        "seq",
        "n",
        "shard",
        "actor",
        "symbol",
        "order_id",
        "transfer_id",
        "trade_id",
        "list_id",
    }
)


class ActivityView(msgspec.Struct, frozen=True):
    """One thing that happened. ``actor``: who did it, where that is the account's business: who the other
    side of a trade was, is not. ``details``: whatever else there is to say of such a thing, amounts and
    prices as decimals; of ``limits_set`` the new limits, in minor units, as JSON.
    """

    what: Annotated[str, Meta(examples=["order_placed", "deposited"])]
    at: Time
    actor: str | None
    symbol: SymbolName | None
    order_id: str | None
    list_id: str | None
    trade_id: int | None
    transfer_id: str | None
    details: dict[str, str]
    shard: int
    seq: int


class ActivityPage(msgspec.Struct, frozen=True):
    """Newest first. ``next_cursor`` asks for the page after this one; ``null``: this was the last."""

    account: str
    activity: list[ActivityView]
    next_cursor: str | None


class Activity(Controller):
    """What happened to an account."""

    path = "/v1/accounts/{account:str}/activity"
    tags = ("accounts",)

    @get("/", operation_id="listActivity", summary="What happened to the account, newest first")
    async def of_account(
        self,
        request: AskedBy,
        reader: Read,
        account: FromPath[str],
        limit: Limit = PAGE_DEFAULT,
        cursor: Annotated[str | None, QueryParameter(pattern=r"^\d{1,17}-\d{1,4}-\d{1,19}-\d{1,6}$")] = None,
        after: AfterQuery = None,
        read_after: AfterHeader = None,
    ) -> Response[ActivityPage]:
        may_read(request, account)
        for projection in ("accounts", "order_activity"):
            await reader.freshness.reach(projection, after or read_after)

        def read() -> ActivityPage:
            return _page(reader, account, cursor, limit)

        return await reader.answer("activity", (after, read_after), read)


def _page(reader: Reader, account: str, cursor: str | None, limit: int) -> ActivityPage:
    shards = [document["shard"] for document in accounts.by_name(reader.database, account, SHARDS_MAX)]
    if not shards:
        raise not_found("account", account)
    before = None if cursor is None else Key(*map(int, cursor.split("-")))
    found = activity.of_account(reader.database, account, shards, before, limit + 1)
    page = found[:limit]
    next_cursor = "-".join(map(str, activity.key_of(page[-1]))) if len(found) > limit else None
    return ActivityPage(account, [_view(reader, entry) for entry in page], next_cursor)


def _view(reader: Reader, entry: Entry) -> ActivityView:
    return ActivityView(
        entry["what"],
        time_of(entry["at_us"]),
        entry.get("actor"),
        entry.get("symbol"),
        entry.get("order_id"),
        entry.get("list_id"),
        entry.get("trade_id"),
        entry.get("transfer_id"),
        _details(reader, {name: value for name, value in entry.items() if name not in OWN_FIELDS}, entry),
        entry["shard"],
        entry["seq"],
    )


def _details(reader: Reader, told: Mapping[str, Any], entry: Entry) -> dict[str, str]:
    rules = reader.rules(entry["symbol"]) if _is_of_a_market(told) else None
    scale = reader.scale(entry["asset"]) if "amount" in told else 0
    return {name: _shown(name, value, rules, scale) for name, value in told.items()}


def _is_of_a_market(told: Mapping[str, Any]) -> bool:
    return any(name in told for name in (*PRICES, *QUANTITIES, *NOTIONALS))


def _shown(name: str, value: Any, rules: MarketRules | None, scale: int) -> str:
    if name == "amount":
        return format_units(int(value), scale)
    if rules is not None and name in PRICES:
        return price_of(rules, value)
    if rules is not None and name in QUANTITIES:
        return base_of(rules, value)
    if rules is not None and name in NOTIONALS:
        return quote_of(rules, int(value))
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
