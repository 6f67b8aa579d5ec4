"""The demo from beginning to end: markets, funded accounts, a live market, proofs, report."""

import asyncio
import re
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.live import Live

from stack.load import bounds, reckless, report
from stack.load.client import LoadError
from stack.load.flow import MARKETS, Flow, funds
from stack.load.measurements import Measurements
from stack.load.reckless import Reckless
from stack.load.screen import screen
from stack.load.session import bring_up, client_of, new_run_id, progress_bar, prove, run_async
from stack.load.trading import Governor, Trading
from stack.load.venue import prepare
from stack.load.visibility import VisibilityProbe
from stack.settings import Settings

_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Options:
    """``for_s``: when it ends by itself; ``None``: at Ctrl-C."""

    for_s: float | None
    seed: int
    commands_per_s: float


def seconds_of(text: str) -> float:
    """Return the seconds of "90", "60s", "5m" or "1h". Raises ``LoadError``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if not found or float(found[1]) == 0:
        raise LoadError(f"--for was {text!r}; it is a time such as 60s, 5m or 1h.")
    return float(found[1]) * _SECONDS[found[2]]


def demonstrate(settings: Settings, options: Options, console: Console) -> dict[str, Any]:
    """Trade, prove, and return the report's object. Raises ``LoadError``, ``StackError``."""
    settings = bring_up(settings)
    run_id, measured = new_run_id(), Measurements()
    more: dict[str, Any] = {}
    run_async(_trade(settings, options, run_id, measured, more, console))
    with progress_bar(console) as progress:
        proofs = prove(settings, run_id, measured, progress)
    more["trades_by_market"] = dict(sorted(proofs.stored.trades.items()))
    return report.as_object(measured, proofs, more | {"run_id": run_id, "seed": options.seed})


async def _trade(
    settings: Settings,
    options: Options,
    run_id: str,
    measured: Measurements,
    more: dict[str, Any],
    console: Console,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    async with client_of(settings) as client:
        wild = Reckless(client, run_id)
        markets, given = [plan.spec for plan in MARKETS], [*funds(), wild.funds()]
        homes = await prepare(client, run_id, markets, given, settings.shards)
        probe = VisibilityProbe(client, measured)
        governor = Governor(options.commands_per_s)
        trading = Trading(client, measured, probe, Flow(options.seed, run_id, homes), governor)
        if options.for_s is not None:
            loop.call_later(options.for_s, stop.set)
        drawing = asyncio.create_task(_draw(trading, console))
        measured.start()
        stopped = asyncio.create_task(wild.run(stop))
        try:
            await trading.run(stop)
        finally:
            measured.stop()
            drawing.cancel()
            with suppress(asyncio.CancelledError):
                await drawing
        measured.requests_retried = client.retries
        await stopped
        await trading.withdraw()
    loop.remove_signal_handler(signal.SIGINT)
    more |= {"load": _load(trading), "not_visible_in_time": probe.missed, "risk": wild.told}


async def _draw(trading: Trading, console: Console) -> None:
    with Live(screen(trading), console=console, auto_refresh=False, transient=True) as live:
        while not console.quiet:
            await trading.look()
            live.update(screen(trading), refresh=True)
            await asyncio.sleep(1 / bounds.SCREEN_REFRESHES_PER_S)


def _load(trading: Trading) -> dict[str, float]:
    """Say which load it was: the one asked for, the least it was lowered to, and what was sent."""
    return {
        "wanted_commands_per_s": trading.governor.wanted_per_s,
        "lowest_commands_per_s": round(trading.governor.lowest_per_s, 1),
        "sent_commands_per_s": round(trading.commands_sent / max(trading.measurements.elapsed_s, 1e-9), 1),
    }


def lines(found: dict[str, Any]) -> list[tuple[str, str]]:
    """Say for a person what only a demo has to say."""
    load = found["load"]
    markets = ", ".join(f"{symbol} {trades:,}" for symbol, trades in found["trades_by_market"].items())
    lowered = ""
    if load["lowest_commands_per_s"] < load["wanted_commands_per_s"]:
        lowered = f", at times lowered to {load['lowest_commands_per_s']:g} because latency grew"
    return [
        ("trades by market", markets or "none"),
        ("risk engine", reckless.words(found["risk"])),
        ("load", f"{load['sent_commands_per_s']:g} commands/s of {load['wanted_commands_per_s']:g}{lowered}"),
        ("seed", f"{found['seed']} (the same flow again: --seed {found['seed']})"),
    ]
