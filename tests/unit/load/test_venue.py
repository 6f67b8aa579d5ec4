"""Setting up a run's markets and accounts: spread over the shards, and funded where they trade."""

from typing import Any

import msgspec

from stack.load.client import Outcome, RefusedByApiError
from stack.load.venue import Funds, MarketSpec, prepare

MARKETS = [MarketSpec(f"{base}-USD", base, "1", "100") for base in ("BTC", "ETH", "SOL")]
FUNDS = [Funds("ann", asset, "5") for asset in ("USD", "BTC", "ETH")]


class Api:
    """Lists markets where it is asked to, unless they are somewhere already."""

    def __init__(self, **homes: int) -> None:
        self.homes = {f"{base}-USD": shard for base, shard in homes.items()}
        self.deposits: list[tuple[str, int]] = []

    async def administer(self, path: str, body: dict[str, Any]) -> bytes:
        if path == "/v1/markets":
            home = self.homes.setdefault(body["symbol"], body.get("shard", 0))
            if body.get("shard", home) != home:
                raise RefusedByApiError(path, Outcome(code="market_exists"))
            return msgspec.json.encode({"shards": [{"shard": home, "status": "listed"}]})
        if path.endswith("/deposits"):
            self.deposits.append((body["asset"], body["shard"]))
        return b"{}"


async def test_markets_are_spread_and_each_account_is_funded_where_it_trades() -> None:
    api = Api()
    homes = await prepare(api, "run", MARKETS, FUNDS, shards=2)  # type: ignore[arg-type] # the part it uses
    assert homes == {"BTC-USD": 0, "ETH-USD": 1, "SOL-USD": 0}
    assert sorted(api.deposits) == [("BTC", 0), ("ETH", 1), ("USD", 0), ("USD", 1)]


async def test_a_market_that_is_listed_stays_where_it_is() -> None:
    api = Api(BTC=1)
    homes = await prepare(api, "run", MARKETS, FUNDS, shards=2)  # type: ignore[arg-type] # the part it uses
    assert homes == {"BTC-USD": 1, "ETH-USD": 1, "SOL-USD": 0}


async def test_with_one_shard_nothing_names_one_but_deposits() -> None:
    api = Api()
    assert set((await prepare(api, "run", MARKETS, FUNDS)).values()) == {0}  # type: ignore[arg-type] # see above
