"""What an analyst can ask of the query API, in pictures: run it beside a demo, and go on from here.

    ./oms demo --for 60s
    OMS_TOKEN=$(./oms token --role analyst) python docs/analysis.py --output pictures

with the Python of the environment that ./oms prepared, or any that has httpx and matplotlib. It reads the
query API over HTTP, as anybody would, and writes a picture (PNG) for each question and the figures as JSON. A
picture is a function of what was read: another question is another function in ``PICTURES``.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

API = "http://127.0.0.1:8002"
ACCOUNTS = [f"demo-maker-{number}" for number in range(1, 5)]
ACCOUNTS += [f"demo-taker-{number}" for number in range(1, 9)]
TRADES_MAX = 500
PAGE_ORDERS = 500
ORDERS_MAX = 5_000  # of one account
DEPTH = 200
BARS = 50
WAIT_S = 30.0

BUY, SELL, NEUTRAL, PALE = "#2a7f62", "#c0504d", "#3b5b92", "#b8b8b8"
STATUSES = ("filled", "partially_filled", "open", "waiting", "pending", "cancelled", "rejected")
STATUS_COLOURS = dict(zip(STATUSES, (BUY, "#8cc7a8", NEUTRAL, "#8fa6cf", "#c9d3e6", PALE, SELL), strict=True))

STYLE: Any = {
    "figure.constrained_layout.use": True,
    "savefig.dpi": 110,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#ececec",
    "legend.frameon": False,
}

Rows = list[dict[str, Any]]

mpl.use("Agg")  # pictures go to files: no window is needed


# --- What is read -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """All that the pictures are made of, as the API answered: by market, and by account."""

    trades: dict[str, Rows]
    books: dict[str, dict[str, Any]]
    orders: dict[str, Rows]
    positions: dict[str, Rows]


class Client:
    """The query API; what it refuses ends the program with its own words."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=WAIT_S)

    def get(self, path: str, **asked: Any) -> Any:
        answer = self._http.get(path, params=asked)
        if answer.is_error:
            raise SystemExit(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
        return answer.json()

    def orders(self, account: str) -> Rows:
        """Return the account's newest orders, page by page, about ``ORDERS_MAX`` at most."""
        found: Rows = []
        page: dict[str, Any] = {"next_cursor": None}
        while not found or (page["next_cursor"] and len(found) < ORDERS_MAX):
            cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
            page = self.get(f"/v1/accounts/{account}/orders", limit=PAGE_ORDERS, **cursor)
            found += page["orders"]
            if not page["orders"]:
                break
        return found


def read(client: Client, accounts: list[str]) -> Read:
    symbols = [market["symbol"] for market in client.get("/v1/markets")["markets"]]
    return Read(
        {each: client.get(f"/v1/markets/{each}/trades", limit=TRADES_MAX)["trades"] for each in symbols},
        {each: client.get(f"/v1/markets/{each}/book", depth=DEPTH) for each in symbols},
        {each: client.orders(each) for each in accounts},
        {each: client.get(f"/v1/accounts/{each}/positions")["positions"] for each in accounts},
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def waits_ms(found: Rows) -> list[float]:
    """Return how long each order that traded waited for its first fill, where all its fills are there."""
    return [
        (moment(order["fills"][0]["filled_at"]) - moment(order["created_at"])).total_seconds() * 1_000
        for order in found
        if order["fills"] and order["fills_count"] == len(order["fills"])
    ]


# --- Pictures ---------------------------------------------------------------------------------------------


def trades_over_time(found: Read) -> Figure:
    """Price of each trade, and below it what takers bought and sold, in equal spans of time."""
    traded = {symbol: trades[::-1] for symbol, trades in found.trades.items() if trades}
    columns = max(1, len(traded))
    figure, axes = plt.subplots(
        2, columns, figsize=(5 * columns, 5.5), height_ratios=(3, 1), sharex="col", squeeze=False
    )
    if not traded:
        nothing(axes[0][0], "no trade was made yet")
    for column, (symbol, trades) in enumerate(traded.items()):
        prices(axes[0][column], symbol, trades)
        volumes(axes[1][column], trades)
    axes[0][0].set_ylabel("price")
    axes[1][0].set_ylabel("quantity")
    return figure


def prices(axes: Axes, symbol: str, trades: Rows) -> None:
    times = [date2num(moment(trade["traded_at"])) for trade in trades]
    colours = [BUY if trade["taker_side"] == "buy" else SELL for trade in trades]
    axes.plot(times, [float(trade["price"]) for trade in trades], color=PALE, linewidth=0.8, zorder=1)
    axes.scatter(times, [float(trade["price"]) for trade in trades], c=colours, s=9, zorder=2)
    axes.set_title(f"{symbol}, the last {len(trades)} trades")


def volumes(axes: Axes, trades: Rows) -> None:
    times = [float(date2num(moment(trade["traded_at"]))) for trade in trades]
    edges = [times[0] + (times[-1] - times[0] or 1e-6) * bar / BARS for bar in range(BARS + 1)]
    for side, colour, sign in (("buy", BUY, 1.0), ("sell", SELL, -1.0)):
        signed = [sign * float(trade["quantity"]) * (trade["taker_side"] == side) for trade in trades]
        axes.hist(times, edges, weights=signed, color=colour, label=f"takers {side}")
    axes.axhline(0, color=PALE, linewidth=0.8)
    axes.legend(fontsize="x-small", loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    clock(axes)


def clock(axes: Axes) -> None:
    locator = AutoDateLocator(maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def spreads(found: Read) -> Figure:
    """What trading at once costs: takers' last buying price less their last selling price."""
    figure, axes = plt.subplots(figsize=(9, 4))
    for symbol, colour in zip(found.trades, cycle((BUY, NEUTRAL, SELL, "black", PALE)), strict=False):
        times, points = paid(found.trades[symbol][::-1])
        if points:
            label = f"{symbol}, median {median(points):.1f}"
            axes.step(times, points, where="post", color=colour, linewidth=1, label=label)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_title("Spread as takers paid it, after each trade")
    axes.set_ylabel("basis points")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize="small")
        clock(axes)
    else:
        nothing(axes, "too few trades")
    return figure


def paid(trades: Rows) -> tuple[list[float], list[float]]:
    """Return times and basis points, once both sides have traded. Below zero: the price has moved on
    since the last trade of the other side.
    """
    last: dict[str, float] = {}
    times, points = [], []
    for trade in trades:
        last[trade["taker_side"]] = float(trade["price"])
        if len(last) == 2:
            times.append(float(date2num(moment(trade["traded_at"]))))
            points.append((last["buy"] - last["sell"]) / (last["buy"] + last["sell"]) * 20_000)
    return times, points


def books(found: Read) -> Figure:
    """What is bid and asked now, summed from the best price outwards; ask while a demo trades."""
    open_books = {symbol: book for symbol, book in found.books.items() if book["bids"] or book["asks"]}
    figure, axes = plt.subplots(
        1, max(1, len(open_books)), figsize=(5 * max(1, len(open_books)), 3.8), squeeze=False
    )
    for column, (symbol, book) in enumerate(open_books.items()):
        depth(axes[0][column], symbol, book)
    if not open_books:
        nothing(axes[0][0], "no order rests in any book")
    axes[0][0].set_ylabel("quantity, from the best price on")
    return figure


def depth(axes: Axes, symbol: str, book: dict[str, Any]) -> None:
    for side, colour in (("bids", BUY), ("asks", SELL)):
        levels, total, sums = book[side], 0.0, []
        for level in levels:
            total += float(level["quantity"])
            sums.append(total)
        at = [float(level["price"]) for level in levels]
        axes.step(at, sums, where="post", color=colour, label=side)
        axes.fill_between(at, sums, step="post", color=colour, alpha=0.15)
    axes.set_title(f"{symbol}, {spread(book)}")
    axes.set_xlabel("price")
    axes.legend(fontsize="x-small")
    axes.tick_params(axis="x", labelrotation=20)


def spread(book: dict[str, Any]) -> str:
    """Say how far the best prices are apart."""
    if not book["bids"] or not book["asks"]:
        return "one side is empty"
    bid, ask = float(book["bids"][0]["price"]), float(book["asks"][0]["price"])
    return f"spread {ask - bid:g} ({(ask - bid) / (ask + bid) * 20_000:.1f} bp)"


def profit(found: Read) -> Figure:
    """What each account has made: realised by average cost, its fees, and what is left."""
    figure, axes = plt.subplots(figsize=(9, 4.5))
    traded = [account for account, positions in found.positions.items() if positions]
    realised = [sum(float(each["realised_pnl"]) for each in found.positions[account]) for account in traded]
    fees = [-sum(float(each["fees"]) for each in found.positions[account]) for account in traded]
    places = range(len(traded))
    over, under = [place - 0.2 for place in places], [place + 0.2 for place in places]
    axes.barh(over, realised, height=0.38, color=NEUTRAL, label="realised, before fees")
    axes.barh(under, fees, height=0.38, color=SELL, label="fees")
    nets = [made + fee for made, fee in zip(realised, fees, strict=True)]
    axes.scatter(nets, list(places), color="black", s=22, zorder=3, label="net")
    axes.set_yticks(list(places), traded)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("in the quote asset, all markets together")
    axes.set_title("Profit and loss by account")
    if traded:
        axes.legend(fontsize="small")
    else:
        nothing(axes, "none of these accounts has traded")
    return figure


def orders(found: Read) -> Figure:
    """What became of each account's orders, and how long those that traded waited for it."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8))
    outcomes(left, {account: orders for account, orders in found.orders.items() if orders})
    waits(right, [order for orders in found.orders.values() for order in orders])
    for axes in (left, right):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
        else:
            nothing(axes, "no orders")
    return figure


def outcomes(axes: Axes, by_account: dict[str, Rows]) -> None:
    counts = {account: Counter(order["status"] for order in found) for account, found in by_account.items()}
    ends = [0] * len(counts)
    for status, colour in STATUS_COLOURS.items():
        widths = [count[status] for count in counts.values()]
        if any(widths):
            axes.barh(list(counts), widths, left=ends, color=colour, label=status.replace("_", " "))
            ends = [end + width for end, width in zip(ends, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_title("What became of the orders")
    axes.set_xlabel("orders")


def waits(axes: Axes, found: Rows) -> None:
    """Of orders that rested: one that trades as it comes waits for nothing."""
    times = sorted(time for time in waits_ms(found) if time > 0)
    if times:
        shares = [100 * rank / len(times) for rank in range(1, len(times) + 1)]
        axes.step(times, shares, where="post", color=NEUTRAL, label=f"{len(times)} orders")
        axes.set_xscale("log")
    axes.set_ylim(0, 100)
    axes.set_title("How long resting orders wait for their first fill")
    axes.set_xlabel("milliseconds, by the exchange's clock")
    axes.set_ylabel("% of those that traded")


def nothing(axes: Axes, why: str) -> None:
    axes.text(0.5, 0.5, why, ha="center", va="center", transform=axes.transAxes, color="grey")


PICTURES: dict[str, Callable[[Read], Figure]] = {
    "trades": trades_over_time,
    "spreads": spreads,
    "books": books,
    "profit": profit,
    "orders": orders,
}


# --- The figures, and the command -------------------------------------------------------------------------


def summary(found: Read) -> dict[str, Any]:
    """Return in figures what the pictures show."""
    placed = [order for each in found.orders.values() for order in each]
    waited = [time for time in waits_ms(placed) if time > 0]
    return {
        "markets": {
            symbol: {
                "trades": len(trades),
                "last_price": trades[0]["price"] if trades else None,
                "spread": spread(found.books[symbol]),
            }
            for symbol, trades in found.trades.items()
        },
        "orders": Counter(order["status"] for order in placed),
        "resting_orders_first_fill_ms_p50": round(median(waited), 1) if waited else None,
        "net_realised_pnl": {
            account: round(sum(float(each["net_realised_pnl"]) for each in positions), 2)
            for account, positions in found.positions.items()
            if positions
        },
    }


def draw(found: Read, folder: Path) -> list[Path]:
    """Write all pictures and the figures. Return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / f"{name}.png" for name in PICTURES] + [folder / "figures.json"]
    with plt.rc_context(STYLE):
        for path, picture in zip(written, PICTURES.values(), strict=False):
            figure = picture(found)
            figure.savefig(path)
            plt.close(figure)
    written[-1].write_text(json.dumps(summary(found), indent=2) + "\n")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description="Ask the query API, and draw the answers.")
    parser.add_argument("--url", default=API, help="of the query API")
    parser.add_argument("--account", action="append", help="whose orders and positions; repeatable")
    parser.add_argument("--output", type=Path, default=Path("pictures"), help="the folder to write into")
    told = parser.parse_args()
    token = os.environ.get("OMS_TOKEN", "")
    if not token:
        raise SystemExit("OMS_TOKEN is not set: export OMS_TOKEN=$(./oms token --role analyst)")
    for path in draw(read(Client(told.url, token), told.account or ACCOUNTS), told.output):
        print(path)


if __name__ == "__main__":
    main()
