"""The markets and funded accounts a run trades with. Setting them up again changes nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, dataclass

import msgspec

from stack.load.client import CommandClient, RefusedByApiError

USD_SCALE = 10  # decimals of the finest tick and lot together, so that every notional is exact


@dataclass(frozen=True)
class MarketSpec:
    """A market as ``POST /v1/markets`` takes it. ``lot_size`` says how fine quantities are."""

    symbol: str
    base_asset: str
    lot_size: str
    max_quantity: str
    quote_asset: str = "USD"
    base_scale: int = 8
    quote_scale: int = USD_SCALE
    tick_size: str = "0.01"
    min_notional: str = "0"
    maker_fee_ppm: int = 1_000
    taker_fee_ppm: int = 2_000

    def body(self) -> dict[str, str | int]:
        return {**asdict(self), "min_quantity": self.lot_size}


@dataclass(frozen=True)
class Funds:
    """What one account gets at the beginning of a run."""

    account: str
    asset: str
    amount: str


Homes = dict[str, int]
"""The shard of each market, by symbol."""


class _ShardDone(msgspec.Struct):
    shard: int


class _Listed(msgspec.Struct):
    shards: list[_ShardDone] = []


async def prepare(
    client: CommandClient,
    run_id: str,
    markets: Iterable[MarketSpec],
    funds: Iterable[Funds],
    shards: int = 1,
) -> Homes:
    """List the markets, spread over the shards, open the accounts, and deposit what each gets in this run, on
    every shard that trades it. A market that is listed already stays where it is. Return where each is.
    """
    markets, funds = list(markets), list(funds)
    homes = {}
    for number, market in enumerate(markets):
        homes[market.symbol] = await _list(client, market, number % shards, several=shards > 1)
    for account in dict.fromkeys(fund.account for fund in funds):
        await client.administer("/v1/accounts", {"account": account})
    trading = _trading(markets, homes)
    await asyncio.gather(
        *(_deposit(client, run_id, fund, shard) for fund in funds for shard in trading.get(fund.asset, ()))
    )
    return homes


def _trading(markets: Iterable[MarketSpec], homes: Homes) -> dict[str, set[int]]:
    """Return by asset the shards it trades on."""
    trading: dict[str, set[int]] = {}
    for market in markets:
        for asset in (market.base_asset, market.quote_asset):
            trading.setdefault(asset, set()).add(homes[market.symbol])
    return trading


async def _list(client: CommandClient, market: MarketSpec, shard: int, *, several: bool) -> int:
    """Return the shard that the market is on."""
    wanted = {"shard": shard} if several else {}
    try:
        answer = await client.administer("/v1/markets", {**market.body(), **wanted})
    except RefusedByApiError as refusal:
        if not several or refusal.outcome.code != "market_exists":
            raise
        answer = await client.administer("/v1/markets", market.body())
    listed = msgspec.json.decode(answer, type=_Listed)
    return listed.shards[0].shard if listed.shards else 0


async def _deposit(client: CommandClient, run_id: str, fund: Funds, shard: int) -> None:
    path = f"/v1/accounts/{fund.account}/deposits"
    transfer = {"client_transfer_id": f"{run_id}-{fund.asset}", "asset": fund.asset, "amount": fund.amount}
    body = {**transfer, "shard": shard}
    try:
        await client.administer(path, body)
    except RefusedByApiError as refusal:
        # After very many runs an account holds all that one account can: that is rich enough.
        if refusal.outcome.code != "balance_limit":
            raise
