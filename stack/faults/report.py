"""What the rounds add up to: recovery by fault, and what that leaves of a month's budget of downtime."""

from collections.abc import Sequence
from math import floor
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from stack.faults import bounds
from stack.faults.rounds import Result

BUDGET_S = bounds.MONTH_S * (1 - bounds.AVAILABILITY)


def as_object(results: Sequence[Result], seed: int) -> dict[str, Any]:
    """Return the object that ``--json`` prints."""
    return {
        "seed": seed,
        "rounds": [result.as_object() for result in results],
        "passed": sum(result.passed for result in results),
        "failed": sum(not result.passed for result in results),
        "orders": sum(result.orders for result in results),
        "acknowledged": sum(result.acknowledged for result in results),
        "recovery": recoveries(results),
        "availability": {
            "target": bounds.AVAILABILITY,
            "budget_s_per_30_days": round(BUDGET_S, 1),
        },
    }


def recoveries(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return for each fault how long it took, and how many such a month's budget pays for."""
    rows = []
    for name in sorted({result.plan.name for result in results}):
        mine = [result for result in results if result.plan.name == name]
        accepted = [result.accepted_s for result in mine if result.accepted_s is not None]
        visible = [result.visible_s for result in mine if result.visible_s is not None]
        rows.append(
            {
                "fault": name,
                "rounds": len(mine),
                "accepted_again_s": _spread(accepted),
                "visible_again_s": _spread(visible),
                "times_a_month_within_budget": floor(BUDGET_S / max(accepted)) if accepted else None,
            }
        )
    return rows


def _spread(seconds: Sequence[float]) -> dict[str, float] | None:
    return {"median": round(median(seconds), 2), "max": max(seconds)} if seconds else None


def line(result: Result, seed: int) -> str:
    """Say in one line how a round went, and how to see it again."""
    verdict = "[green]passed[/green]" if result.passed else "[red]FAILED[/red]"
    again = "" if result.passed else f"; again: ./oms test faults --seed {seed} --only {result.plan.number}"
    return (
        f"round {result.plan.number} {result.plan.name} at {result.plan.after_s:g} s: {verdict}, accepted"
        f" again after {_seconds(result.accepted_s)}, visible after {_seconds(result.visible_s)}"
        f" ({result.acknowledged} acknowledged, {result.elapsed_s:.0f} s){again}"
    )


def show(output: Console, results: Sequence[Result], seed: int) -> None:
    table = Table(title=f"Faults under load, seed {seed}")
    for column in ("fault", "rounds", "accepted again: median, max s", "visible again", "a month affords"):
        table.add_column(column)
    for row in recoveries(results):
        times = row["times_a_month_within_budget"]
        table.add_row(
            row["fault"],
            str(row["rounds"]),
            _both(row["accepted_again_s"]),
            _both(row["visible_again_s"]),
            "-" if times is None else f"{times:,} of them",
        )
    output.print(table)
    output.print(f"{bounds.AVAILABILITY:.1%} of 30 days leaves {BUDGET_S / 60:.1f} minutes of not accepting.")
    for result in results:
        for difference in result.differences:
            output.print(f"- round {result.plan.number} ({result.plan.name}): {difference}", markup=False)


def _both(spread: dict[str, float] | None) -> str:
    return "-" if spread is None else f"{spread['median']:g}, {spread['max']:g}"


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:g} s"
