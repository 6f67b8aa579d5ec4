"""What a run prints at its end: one object for programs, tables for people."""

import os
import platform
import tomllib
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from stack.load.measurements import Measurements
from stack.load.proofs import Proofs, shown
from stack.settings import CHECKOUT

PROVED = {
    "replay_hash_equal": "replaying all events gives the state the processor had",
    "read_models_equal": "the read models say the same as the events",
    "money_conserved": "no asset was made or lost",
    "acknowledged_stored_once": "every acknowledged order is stored exactly once",
}


def as_object(measured: Measurements, proofs: Proofs, more: dict[str, Any]) -> dict[str, Any]:
    """Return the object that ``--json`` prints; times in ms, ``more`` behind what every run has."""
    return {
        "orders_sent": measured.orders_sent,
        "orders_accepted": measured.orders_accepted,
        "orders_rejected": dict(measured.orders_rejected),
        "trades": proofs.stored.trades.total(),
        "orders_per_second": measured.orders_per_second,
        "latency_ms": measured.order_ms.percentiles(),
        "visible_ms": {"p50": measured.visible_ms.percentile(50), "p99": measured.visible_ms.percentile(99)},
        "proofs": proofs.verdicts(),
        "machine": machine(),
        "version": version(),
        "orders_replayed": measured.orders_replayed,
        "orders_unanswered": measured.orders_unanswered,
        "cancels": {
            "sent": measured.cancels_sent,
            "done": measured.cancels_done,
            "refused": dict(measured.cancels_refused),
            "latency_ms": measured.cancel_ms.percentiles(),
        },
        "requests_retried": measured.requests_retried,
        "events": proofs.events,
        "seconds": round(measured.elapsed_s, 2),
        **more,
        "differences": shown(proofs.differences),
    }


def machine() -> dict[str, Any]:
    """Say what the figures were measured on."""
    return {
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def version(checkout: Path = CHECKOUT) -> str:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())
    return str(project["project"]["version"])


def show(console: Console, report: dict[str, Any], lines: list[tuple[str, str]]) -> None:
    """Print the report for a person; ``lines`` are what only this kind of run has to say."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in [*_common(report), *lines]:
        table.add_row(name, value)
    console.print(table)
    proved = Table(box=None, show_header=False, pad_edge=False, title="Proofs", title_justify="left")
    for name, holds in report["proofs"].items():
        proved.add_row("[green]true[/]" if holds else "[red]FALSE[/]", PROVED[name])
    console.print(proved)
    for difference in report["differences"]:
        console.print(f"  {difference}", style="red", markup=False)


def _common(report: dict[str, Any]) -> list[tuple[str, str]]:
    cancels = report["cancels"]
    sent = f"{report['orders_sent']:,} in {report['seconds']} s ({report['orders_per_second']}/s)"
    refused = reasons(cancels["refused"])
    return [
        ("orders sent", sent),
        ("accepted", f"{report['orders_accepted']:,}"),
        ("rejected", reasons(report["orders_rejected"])),
        ("cancels", f"{cancels['sent']:,} sent, {cancels['done']:,} done, refused: {refused}"),
        ("trades", f"{report['trades']:,}"),
        ("latency of orders", durations(report["latency_ms"])),
        ("visible to queries", durations(report["visible_ms"])),
        ("events in the store", f"{report['events']:,}"),
    ]


def reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items())) or "none"


def durations(percentiles: dict[str, float | None]) -> str:
    return ", ".join(
        f"{name.upper()} {'-' if ms is None else format(ms, ',.1f')} ms" for name, ms in percentiles.items()
    )
