"""The demo's live table: what is sent, how quickly it is answered, and where the markets stand."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from domain.numbers import format_units
from stack.load.flow import MARKETS, PRICE_SCALE
from stack.load.trading import Trading


def screen(trading: Trading) -> Group:
    """Draw the state of now."""
    return Group(_figures(trading), Text(), _markets(trading), Text("Ctrl-C ends it.", style="dim"))


def _figures(trading: Trading) -> Table:
    measured = trading.measurements
    recent, visible = measured.recent_ms.histogram(), measured.recent_visible_ms.histogram()
    columns = ("orders", "orders/s", "commands/s", "trades", "rejected", "p50", "p99", "visible p50")
    table = Table(*columns, box=None)
    table.add_row(
        f"{measured.orders_sent:,}",
        f"{measured.orders_per_second:,.0f}",
        f"{trading.governor.per_s:,.0f}",
        f"{measured.trades:,}",
        f"{measured.orders_rejected.total():,}",
        _ms(recent.percentile(50)),
        _ms(recent.percentile(99)),
        _ms(visible.percentile(50)),
    )
    return table


def _markets(trading: Trading) -> Table:
    table = Table("market", "bid", "ask", "last", "trades", box=None)
    for plan in MARKETS:
        symbol = plan.spec.symbol
        bid, ask = trading.flow.best(symbol) or (None, None)
        last = trading.last_prices.get(symbol, "-")
        table.add_row(symbol, _price(bid), _price(ask), last, f"{trading.trades[symbol]:,}")
    return table


def _price(ticks: int | None) -> str:
    return "-" if ticks is None else format_units(ticks, PRICE_SCALE)


def _ms(duration_ms: float | None) -> str:
    return "-" if duration_ms is None else f"{duration_ms:,.0f} ms"
