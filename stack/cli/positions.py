"""`./oms positions`."""

from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from stack.cli.asking import As, AsJson, Every, Limit, Times, Watch, Watching, asking, columns, table

if TYPE_CHECKING:
    from rich.table import Table

AMOUNTS = ("quantity", "average_cost", "cost", "realised_pnl", "fees", "net_realised_pnl")


def positions(
    account: Annotated[str, Option(help="Of this account; without: of all.")] = "",
    symbol: Annotated[str | None, Option(help="Only on this market.")] = None,
    limit: Limit = 100,
    role: As = None,
    watch: Watch = False,
    every: Every = 1.0,
    times: Times = 0,
    as_json: AsJson = False,
) -> None:
    """Show what trading left accounts with.

    Example: ./oms positions --account alice --watch
    """
    from itertools import islice

    with asking(role, account) as client:

        def read() -> dict[str, Any]:
            found = client.search_positions(account=account or None, symbol=symbol, limit=min(limit, 500))
            return {"positions": list(islice(found, limit))}

        Watching(watch, every, times).show(read, _drawn, json_asked=as_json)


def _drawn(found: dict[str, Any]) -> "Table":
    return table(found["positions"], columns("account", "symbol", *AMOUNTS, right=AMOUNTS))
