"""An account's limits, for each shard those that it can hold: a shard knows only the assets and markets that
trade there, and refuses limits on others.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import cast

import msgspec

from api.command.directory import Directory
from api.problems import Problem
from commands.messages import AnyCommand
from domain.account import LimitsRequest, SetAccountLimits

AMOUNTS = ("max_order_notional", "max_open_notional", "daily_loss")


async def check(directory: Directory, limits: LimitsRequest) -> None:
    """See to it that every asset and market that is named trades on some shard, before any shard is told.

    Raises ``Problem`` (422), ``UnavailableError``.
    """
    if not directory.several:
        return
    assets = {asset for name in AMOUNTS for asset in getattr(limits, name)}
    await directory.learn(limits.max_position, assets)
    _refuse("unknown_asset", [asset for asset in assets if directory.scale(asset) is None])
    _refuse("unknown_market", [symbol for symbol in limits.max_position if directory.home(symbol) is None])


def _refuse(code: str, unknown: list[str]) -> None:
    if unknown:
        detail = f"no shard trades {', '.join(sorted(unknown))}; no limit was changed"
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, code, detail)


def of_shard(directory: Directory) -> Callable[[AnyCommand, int], AnyCommand]:
    """Return what leaves out of ``SetAccountLimits`` all that its shard does not trade."""

    def own(command: AnyCommand, shard: int) -> AnyCommand:
        limits = cast("SetAccountLimits", command).limits
        amounts = {name: _traded(directory, getattr(limits, name), shard) for name in AMOUNTS}
        positions = {
            symbol: quantity
            for symbol, quantity in limits.max_position.items()
            if directory.shard_of(symbol) == shard
        }
        kept = msgspec.structs.replace(limits, **amounts, max_position=positions)
        return msgspec.structs.replace(cast("SetAccountLimits", command), limits=kept)

    return own


def _traded(directory: Directory, amounts: dict[str, str], shard: int) -> dict[str, str]:
    return {asset: amount for asset, amount in amounts.items() if directory.trades(asset, shard)}
