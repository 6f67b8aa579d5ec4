"""`./oms markets`: a group of its own."""

from typing import TYPE_CHECKING, Annotated

from typer import Argument, Typer

from stack.cli.asking import (
    As,
    AsJson,
    Every,
    Times,
    Watch,
    Watching,
    answer,
    asking,
    columns,
    details,
    table,
)

if TYPE_CHECKING:
    from rich.table import Table

    from api.client.types import MarketsView, MarketView

markets = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)


@markets.callback()
def group() -> None:
    """Look at what is traded.

    Example: ./oms markets list
    """


@markets.command("list")
def list_markets(
    role: As = None, watch: Watch = False, every: Every = 1.0, times: Times = 0, as_json: AsJson = False
) -> None:
    """List all markets, with their prices.

    Example: ./oms markets list --watch
    """
    with asking(role) as client:
        Watching(watch, every, times).show(client.markets, _list, json_asked=as_json)


@markets.command()
def show(
    symbol: Annotated[str, Argument(help="The market, such as BTC-USD.")],
    role: As = None,
    as_json: AsJson = False,
) -> None:
    """Show a market's rules and prices.

    Example: ./oms markets show BTC-USD
    """
    with asking(role) as client:
        answer(client.market(symbol), _one, json_asked=as_json)


def _list(found: "MarketsView") -> "Table":
    names = ("symbol", "status", "last_price", "mark_price", "tick_size", "lot_size", "min_notional", "shard")
    return table(found.markets, columns(*names, right=names[2:7]))


def _one(market: "MarketView") -> "Table":
    return details(market, *market.__struct_fields__)
