"""The markets and funded accounts a run trades with. Setting them up again changes nothing."""

import asyncio
from collections.abc import Iterable
from dataclasses import asdict, dataclass

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


async def prepare(
    client: CommandClient, run_id: str, markets: Iterable[MarketSpec], funds: Iterable[Funds]
) -> None:
    """List the markets, open the accounts, and deposit what each gets in this run."""
    funds = list(funds)
    for market in markets:
        await client.administer("/v1/markets", market.body())
    for account in dict.fromkeys(fund.account for fund in funds):
        await client.administer("/v1/accounts", {"account": account})
    await asyncio.gather(*(_deposit(client, run_id, fund) for fund in funds))


async def _deposit(client: CommandClient, run_id: str, fund: Funds) -> None:
    path = f"/v1/accounts/{fund.account}/deposits"
    body = {"client_transfer_id": f"{run_id}-{fund.asset}", "asset": fund.asset, "amount": fund.amount}
    try:
        await client.administer(path, body)
    except RefusedByApiError as refusal:
        # After very many runs an account holds all that one account can: that is rich enough.
        if refusal.outcome.code != "balance_limit":
            raise
