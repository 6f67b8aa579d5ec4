"""`./oms projections rebuild`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Exit, Option

from stack.cli.running import output, progress
from stack.cli.up import settings

if TYPE_CHECKING:
    from stack.projecting.rebuilding import Rebuilt


def rebuild(
    name: Annotated[str, Argument(help="The projection: orders, positions ...")] = "",
    everything: Annotated[bool, Option("--all", help="All projections, in one pass.")] = False,
    wait_s: Annotated[
        int, Option("--wait", help="Seconds to wait for the read-models service to take over.", min=1)
    ] = 120,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Build a projection anew from the event store, beside the live one, then swap.

    Queries go on meanwhile. Stopped in any way (Ctrl-C, kill), the next call goes on where it was. Exit code
    0 only if the new generation is live.

    Example: ./oms projections rebuild orders
    """
    from projections.registry import PROJECTIONS
    from stack.projecting.rebuilding import Teller
    from stack.projecting.rebuilding import rebuild as build_anew
    from streams.rebuilding import RebuildBounds

    if bool(name) == everything:
        raise BadParameter(f"give one projection's name, or --all. There are {', '.join(PROJECTIONS)}")
    names = list(PROJECTIONS) if everything else [name]
    bounds = RebuildBounds(swap_s_max=wait_s)
    try:
        done = build_anew(settings(), names, bounds, Teller(lambda text: progress.print(text, markup=False)))
    except KeyboardInterrupt:
        progress.print("Stopped. What is built is kept; the same command goes on there.")
        raise Exit(130) from None
    if as_json:
        whole = {"rebuilt": [asdict(each) for each in done], "swapped": all(each.swapped for each in done)}
        print(json.dumps(whole if everything else asdict(done[0])))
    else:
        for each in done:
            output.print(told(each), markup=False)
    if not all(each.swapped for each in done):
        progress.print(
            f"The read-models service has not taken over within {wait_s} s. It will once it runs; until then "
            "the generation before answers. Next: ./oms status, ./oms projections status"
        )
        raise Exit(1)


def told(rebuilt: "Rebuilt") -> str:
    state = "is live" if rebuilt.swapped else "is built, and not live yet"
    return (
        f"{rebuilt.projection}: generation {rebuilt.generation} {state}; {rebuilt.events:,} events in "
        f"{rebuilt.seconds:.1f} s ({rebuilt.events_per_second:,} events/s)"
    )
