"""A replay from beginning to end: read the file, fund the accounts, play, prove, report."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from stack.load import bounds, report
from stack.load.bitstamp import SATOSHI, Trade, feed_beside, read_rows, read_trades
from stack.load.client import LoadError
from stack.load.history import History, history_of
from stack.load.measurements import Measurements
from stack.load.playing import Player, play_batches, play_open_loop, times_at_rate, times_at_speed
from stack.load.session import Transport, bring_up, client_of, progress_bar, prove, run_async
from stack.load.venue import Funds, MarketSpec, prepare
from stack.load.visibility import VisibilityProbe
from stack.settings import Settings

# Of its own, not BTC-USD: real prices of 2015 and those of the demo must not meet in one book.
MARKET = MarketSpec(
    "BITSTAMP-BTCUSD", "BTC", "0.00000001", "1000000", maker_fee_ppm=2_500, taker_fee_ppm=2_500
)
_PACKED_IN: dict[Transport, str] = {"rest": "request", "ws": "frame of the WebSocket"}
FUNDS = {"USD": "10000000", "BTC": "20000"}  # more than all orders of the file together can need


@dataclass(frozen=True)
class Options:
    """``speed``: as a factor, ``None`` for as fast as it goes; ``orders_per_s`` goes before it."""

    file: Path
    speed: float | None
    orders_per_s: float | None
    rows_max: int | None
    accounts: int
    run_id: str
    patience_s: float
    transport: Transport = "rest"


def speed_of(text: str) -> float | None:
    """Return the factor of "1x", "2.5x" or "10x"; ``None`` for "max". Raises ``LoadError``."""
    if text == "max":
        return None
    factor = text.removesuffix("x")
    if not re.fullmatch(r"\d+(\.\d+)?", factor) or float(factor) == 0:
        raise LoadError(f"--speed was {text!r}; it is max, or a factor such as 1x or 10x.")
    return float(factor)


def transport_of(text: str) -> Transport:
    """Raises ``LoadError``."""
    if text not in _PACKED_IN:
        raise LoadError(f"--transport was {text!r}; it is one of: {', '.join(_PACKED_IN)}.")
    return text


def run_id_of(text: str) -> str:
    """Return a run id that can begin a client order id. Raises ``LoadError``."""
    if not re.fullmatch(r"[A-Za-z0-9_]{1,32}", text):
        raise LoadError(f"--run-id was {text!r}; it is 1 to 32 letters, digits or _.")
    return text


def read(file: Path, rows_max: int | None) -> History:
    """Read the file, and the feed log beside it if there is one. Raises ``LoadError``."""
    if not file.exists():
        raise LoadError(f"There is no file {file}. docs/replay.md says which files can be played.")
    feed = feed_beside(file)
    return history_of(read_rows(file, rows_max), read_trades(feed) if feed else None)


def replay(settings: Settings, options: Options, console: Console) -> dict[str, Any]:
    """Play the file and return the report's object. Raises ``LoadError``, ``StackError``."""
    history = read(options.file, options.rows_max)
    settings = bring_up(settings)
    measured = Measurements()
    more: dict[str, Any] = {}
    with progress_bar(console) as progress:
        bar = progress.add_task(f"Run {options.run_id}", total=len(history.steps))
        run_async(_play(settings, options, history, measured, more, lambda: progress.advance(bar)))
        proofs = prove(settings, options.run_id, measured, progress)
    more |= _told(options, history)
    more["traded_volume"] = f"{proofs.stored.volumes[MARKET.symbol] / SATOSHI:.8f}"
    return report.as_object(measured, proofs, more)


async def _play(
    settings: Settings,
    options: Options,
    history: History,
    measured: Measurements,
    more: dict[str, Any],
    advance: Any,
) -> None:
    accounts = [f"replay-{number}" for number in range(1, options.accounts + 1)]
    funds = [Funds(account, asset, amount) for account in accounts for asset, amount in FUNDS.items()]
    async with client_of(settings, options.patience_s, options.transport) as client:
        homes = await prepare(client, options.run_id, [MARKET], funds, settings.shards)
        probe = VisibilityProbe(client, measured)
        player = Player(client, measured, probe, options.run_id, MARKET.symbol, accounts)
        player.shard = homes[MARKET.symbol]
        measured.start()
        if options.orders_per_s is not None:
            due_s = times_at_rate(history.steps, options.orders_per_s)
            await play_open_loop(player, history.steps, due_s, advance)
        elif options.speed is not None:
            due_s = times_at_speed(history.steps, options.speed)
            await play_open_loop(player, history.steps, due_s, advance)
        else:
            await play_batches(player, history.steps, advance)
        measured.stop()
        measured.requests_retried = client.retries
        await probe.finish()
        more["left_open"] = await player.close(history.steps)
        more["not_visible_in_time"] = probe.missed


def _told(options: Options, history: History) -> dict[str, Any]:
    together = f"those due within {bounds.GATHER_MS:g} ms in one {_PACKED_IN[options.transport]}"
    if options.orders_per_s is not None:
        load = f"{options.orders_per_s:g} orders/s, each at its fixed time, {together}"
    elif options.speed is not None:
        load = f"{options.speed:g} times as fast as it was, each order at its fixed time, {together}"
    else:
        load = f"as fast as it goes, in batches, one {_PACKED_IN[options.transport]} after the other"
    return {
        "run_id": options.run_id,
        "load": load,
        "rows": {kind: history.rows[kind] for kind in sorted(history.rows)},
        "rows_unknown": history.rows["unknown"],
        "replacements": history.rows["repriced"] + history.rows["amended"],
        "real_trades": len(history.real_trades) if history.trades_known else None,
        "real_volume": _volume(history.real_trades) if history.trades_known else None,
    }


def _volume(trades: list[Trade]) -> str:
    return f"{sum(trade.volume for trade in trades) / SATOSHI:.8f}"


def lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Say for a person what only a replay has to say."""
    rows = found["rows"]
    real = found["real_trades"]
    compared = "there is no feed log beside the file to compare with"
    if real is not None:
        compared = f"{real:,} really happened, {found['real_volume']} BTC"
    older, repeated, filled = found["rows_unknown"], rows.get("repeated", 0), rows.get("filled", 0)
    not_played = (
        f"{older} name orders from before the file begins, {repeated} repeat a deletion, "
        f"{filled:,} were fills: those our own matching has to make"
    )
    return [
        ("traded", f"{found['trades']:,} trades, {found['traded_volume']} BTC; {compared}"),
        ("load", found["load"]),
        ("replaced", f"{found['replacements']} orders, cancelled and placed anew: no amending yet"),
        ("rows not played", not_played),
        ("left open by the file", f"{found['left_open']} orders, cancelled at the end"),
        ("run", f"{found['run_id']} (repeat it with --run-id {found['run_id']})"),
    ]
