"""What the fan-out benchmark says: `--json`, and a table for people."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from stack.load.measurements import Histogram
from stack.load.report import machine, version

P99_MS_MAX = 100.0
P99_UP_TO_PER_S = 10.0
"""Updates a second at which 1,000 subscribers are to have the target kept."""
LEFT_OUT = (
    "network, TLS and a load balancer: all is on one machine",
    "Kafka's timestamps are whole milliseconds: a figure may be up to 1 ms too high",
    "the read models: they are off, and cost the processors that all share nothing",
)


def merged(found: Sequence[dict[str, Any]], name: str) -> Histogram:
    """Return the histogram ``name`` of all processes together."""
    all_of = Histogram()
    for each in found:
        counts = Counter({int(number): count for number, count in each[name].items()})
        all_of.counts += counts
        all_of.total += counts.total()
    return all_of


def row(
    name: str,
    per_s: float,
    slow: int,
    found: Sequence[dict[str, Any]],
    elapsed_s: float,
    used_s: dict[str, float],
) -> dict[str, Any]:
    """``found``: what each process of subscribers counted; ``used_s``: CPU seconds by process. ``value`` is
    the P99 from publishing to receipt.
    """
    messages = sum(each["messages"] for each in found)
    published = merged(found, "published_ms").percentiles()
    used = {**used_s, "subscribers": sum(each["cpu_s"] for each in found)}
    return {
        "name": name,
        "unit": "ms",
        "value": published["p99"],
        "publish_to_receive_ms": published,
        "decided_to_receive_ms": merged(found, "decided_ms").percentiles(),
        "subscribers": sum(each["subscribers"] for each in found),
        "slow_beside_them": slow,
        "updates_per_second_wanted": per_s,
        "messages_per_second": round(messages / elapsed_s, 1),
        "messages_per_frame": round(messages / max(1, sum(each["frames"] for each in found)), 2),
        "bytes_per_second": round(sum(each["bytes"] for each in found) / elapsed_s),
        "closed": sum(sum(each["closes"].values()) for each in found),
        "cpu_cores": {each: round(seconds / elapsed_s, 3) for each, seconds in used.items()},
        "cpu_us_per_message": round(used_s.get("market-data", 0.0) * 1e6 / max(1, messages), 2),
    }


def as_object(
    results: list[dict[str, Any]],
    seconds: float,
    busy_before: Sequence[float],
    domain_compiled: bool,  # noqa: FBT001 - said in the object
) -> dict[str, Any]:
    return {
        "bench": "fanout",
        "machine": machine(),
        "version": version(),
        "load": {
            "seconds_per_row": seconds,
            "channel": "book, full depth, a checksum in each message",
            "arrival": "open loop, evenly spaced frames of orders",
            "subscribers": "in processes of their own; each reads every message",
            "domain_compiled": domain_compiled,
            "shares_the_machine": "subscribers, services and servers run on the same processors",
            "left_out": list(LEFT_OUT),
            "machine_load_before": list(busy_before),
            "machine_load_after": list(os.getloadavg()),
        },
        "results": results,
        "ratios": {},
        "missed": [line for result in results for line in missed(result)],
    }


def missed(result: dict[str, Any]) -> list[str]:
    """Name each target that is not met, and by how much."""
    lines, p99_ms = [], result["publish_to_receive_ms"]["p99"]
    if result["updates_per_second_wanted"] <= P99_UP_TO_PER_S and (p99_ms is None or p99_ms >= P99_MS_MAX):
        lines.append(f"{result['name']}: P99 of {P99_MS_MAX:g} ms from publishing to receipt: {p99_ms} ms")
    if result["closed"]:
        lines.append(f"{result['name']}: {result['closed']} subscribers that read were closed")
    return lines


def show(console: Console, found: dict[str, Any]) -> None:
    """Print the result for a person."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    columns = (
        "load",
        "messages/s",
        "publish P50",
        "P99",
        "P999, ms",
        "decided P50",
        "P99",
        "P999, ms",
        "µs each",
    )
    for column in (*columns, "µs each"):
        table.add_column(column, justify="left" if column == "load" else "right")
    for one in found["results"]:
        figures = [*one["publish_to_receive_ms"].values(), *one["decided_to_receive_ms"].values()]
        table.add_row(
            one["name"], f"{one['messages_per_second']:,}", *map(str, figures), str(one["cpu_us_per_message"])
        )
    console.print(table)
    for one in found["results"]:
        cores = ", ".join(f"{name} {value:g}" for name, value in one["cpu_cores"].items())
        console.print(f"{one['name']}, cores: {cores}")
    console.print("µs each: CPU of the market-data service for a message to one subscriber, all included")
    for line in found["missed"]:
        console.print(f"missed: {line}", style="red", markup=False)
