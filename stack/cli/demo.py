"""`./oms demo`."""

import json
from typing import Annotated

from typer import Exit, Option

from stack.cli.running import output, progress
from stack.cli.up import settings
from stack.load import bounds


def demo(
    duration: Annotated[
        str, Option("--for", help="End by itself after 60s, 5m, 1h; without it, Ctrl-C ends it.")
    ] = "",
    seed: Annotated[int, Option(help="The same seed gives the same flow of orders.")] = 1,
    rate: Annotated[
        float, Option(help="Commands a second; fewer are sent while latency grows.", min=1)
    ] = bounds.DEMO_COMMANDS_PER_S,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run a live market of makers and takers, and prove that nothing was lost.

    Brings the stack up if it is down, and leaves it up. Exit code 0 only if every proof is true.

    Example: ./oms demo --for 60s
    """
    from stack.load import demonstrating, report

    for_s = demonstrating.seconds_of(duration) if duration else None
    progress.quiet = as_json
    found = demonstrating.demonstrate(settings(), demonstrating.Options(for_s, seed, rate), progress)
    if as_json:
        print(json.dumps(found))
    else:
        report.show(output, found, demonstrating.lines(found))
        output.print("The stack stays up: look around with ./oms status, stop it with ./oms down.")
    if not all(found["proofs"].values()):
        raise Exit(1)
