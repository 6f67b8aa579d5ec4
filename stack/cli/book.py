"""`./oms book`."""

from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from stack.cli.asking import As, AsJson, Column, Every, Times, Watch, Watching, asking, table

if TYPE_CHECKING:
    from rich.table import Table

    from api.client.types import BookView


def book(
    symbol: Annotated[str, Argument(help="The market, such as BTC-USD.")],
    depth: Annotated[int, Option(min=1, max=1_000, help="So many prices of each side.")] = 10,
    role: As = None,
    watch: Watch = False,
    every: Every = 1.0,
    times: Times = 0,
    as_json: AsJson = False,
) -> None:
    """Show what is bid and asked on a market, best first.

    Example: ./oms book BTC-USD --watch
    """
    with asking(role) as client:
        Watching(watch, every, times).show(lambda: client.book(symbol, depth), _drawn, json_asked=as_json)


def _drawn(book: "BookView") -> "Table":
    shown = [
        Column("bid quantity", lambda row: row[0] and row[0].quantity, right=True),
        Column("bid", lambda row: row[0] and row[0].price, right=True),
        Column("ask", lambda row: row[1] and row[1].price),
        Column("ask quantity", lambda row: row[1] and row[1].quantity),
    ]
    return table(list(zip_longest(book.bids, book.asks)), shown)
