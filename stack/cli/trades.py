"""`./oms trades`."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, BadParameter, Option

from stack.cli.asking import As, AsJson, Every, Limit, Times, Watch, Watching, asking, columns, table

if TYPE_CHECKING:
    from rich.table import Table

AMOUNTS = ("price", "quantity", "fee")


def trades(
    symbol: Annotated[str | None, Argument(help="The market; needed without --account.")] = None,
    account: Annotated[str, Option(help="This account's own side of its trades.")] = "",
    limit: Limit = 20,
    role: As = None,
    watch: Watch = False,
    every: Every = 1.0,
    times: Times = 0,
    as_json: AsJson = False,
) -> None:
    """Show the trades of a market, or an account's own, newest first.

    Example: ./oms trades BTC-USD --watch

    Example: ./oms trades --account alice
    """
    if symbol is None and not account:
        raise BadParameter("give a market, such as BTC-USD, or --account")
    with asking(role, account) as client:

        def read() -> dict[str, Any]:
            most = min(limit, 500)
            if account:
                return {"trades": list(islice(client.trades_of(account, symbol=symbol, limit=most), limit))}
            return {"trades": list(islice(client.trades(symbol or "", limit=most), limit))}

        Watching(watch, every, times).show(read, _own if account else _of_market, json_asked=as_json)


def _own(found: dict[str, Any]) -> "Table":
    names = ("traded_at", "trade_id", "symbol", "side", "liquidity", *AMOUNTS, "order_id", "status")
    return table(found["trades"], columns(*names, right=AMOUNTS))


def _of_market(found: dict[str, Any]) -> "Table":
    names = ("traded_at", "trade_id", "taker_side", "price", "quantity", "status")
    return table(found["trades"], columns(*names, right=AMOUNTS))
