"""`./oms projections status`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from rich.table import Table
from typer import Exit, Option

from stack.cli.running import output
from stack.cli.up import settings

if TYPE_CHECKING:
    from stack.projecting.status import BuildState, ProjectionState, Status

COLOURS = {"ok": "green", "catching_up": "yellow", "stalled": "red", "missing": "red"}


def status(as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False) -> None:
    """Tell how far each read model is behind the event store, and what is being rebuilt.

    States: ok; catching_up: behind by more than 10 s and moving; stalled: behind by more than 10 s, and did
    not move for a second; missing: has seen nothing of what there is. Exit code 0 only if none is stalled or
    missing.

    Example: ./oms projections status --json
    """
    from stack.projecting.status import look

    found = look(settings())
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        show(found)
    if not found.ok:
        raise Exit(1)


def show(found: "Status") -> None:
    names = (
        "projection",
        "generation",
        "state",
        "seq",
        "lag",
        "waiting",
        "events/s",
        "documents",
        "dead letters",
    )
    table = Table(*names, box=None, pad_edge=False, header_style="bold")
    for each in found.projections:
        table.add_row(*cells(each))
    output.print(table)
    for build in found.building:
        output.print(building(build), markup=False)
    for kept in found.kept:
        about = f"{kept.projection}: generation {kept.generation} is kept for its cursors"
        output.print(f"{about}, {kept.expires_in_s} s more")
    if not found.ok:
        output.print("Next: ./oms status; the log of read-models says why it does not go on")


def cells(state: "ProjectionState") -> tuple[str, ...]:
    seqs = ", ".join(f"{each.shard}: {each.seq:,} of {each.head:,}" for each in state.shards)
    about = "" if state.lag_exact else "about "
    return (
        state.projection,
        str(state.generation),
        f"[{COLOURS[state.state]}]{state.state}[/]",
        seqs,
        f"{about}{state.lag_events:,} events",
        f"{state.lag_ms:,} ms",
        f"{state.events_per_second:,.0f}",
        f"{state.documents:,}",
        "?" if state.dead_letters is None else str(state.dead_letters),
    )


def building(build: "BuildState") -> str:
    share = build.events / build.events_total if build.events_total else 1.0
    who = "running" if build.running else f"stopped; ./oms projections rebuild {build.projection} goes on"
    failed = f", {build.failed} events could not be folded" if build.failed else ""
    return (
        f"{build.projection}: generation {build.generation} is {build.state}, {build.events:,} of "
        f"{build.events_total:,} events ({share:.0%}){failed}; {who}"
    )
