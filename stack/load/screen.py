"""The demo's live table: what is sent, how quickly it is answered, and where the markets stand."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from stack.load.flow import MARKETS
from stack.load.trading import Trading


def screen(trading: Trading) -> Group:
    """Draw the state of now."""
    return Group(_figures(trading), Text(), _markets(trading), Text("Ctrl-C ends it.", style="dim"))


def _figures(trading: Trading) -> Table:
    measured = trading.measurements
    recent, visible = measured.recent_ms.histogram(), measured.recent_visible_ms.histogram()
    table = _table(
        "orders", "orders/s", "commands/s", "trades", "rejected", "P50", "P99", "visible P50", "visible P99"
    )
    table.add_row(
        f"{measured.orders_sent:,}",
        f"{measured.orders_per_second:,.0f}",
        f"{trading.commands_sent / measured.elapsed_s:,.0f}",
        f"{measured.trades:,}",
        f"{measured.orders_rejected.total():,}",
        _ms(recent.percentile(50)),
        _ms(recent.percentile(99)),
        _ms(visible.percentile(50)),
        _ms(visible.percentile(99)),
    )
    return table


def _markets(trading: Trading) -> Table:
    table = _table("market", "bid", "ask", "last", "trades")
    for plan in MARKETS:
        symbol = plan.spec.symbol
        bid, ask = trading.best.get(symbol, ("-", "-"))
        last = trading.last_prices.get(symbol, "-")
        table.add_row(symbol, bid, ask, last, f"{trading.trades[symbol]:,}")
    return table


def _table(*columns: str) -> Table:
    """Make a table of figures that stay in place while they change."""
    table = Table(box=None)
    for column in columns:
        table.add_column(column, justify="right", min_width=9)
    return table


def _ms(duration_ms: float | None) -> str:
    return "-" if duration_ms is None else f"{duration_ms:,.0f} ms"
