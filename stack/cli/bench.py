"""`./oms bench`."""

import json
from typing import Annotated

from typer import Argument, BadParameter, Option

from stack.cli.running import output, progress

BENCHES = ("engine", "latency")


def bench(
    name: Annotated[str, Argument(help=f"What to measure: {', '.join(BENCHES)}.")],
    peers: Annotated[
        list[str] | None, Option("--peer", help="Only this alternative, by its name; may be repeated.")
    ] = None,
    messages: Annotated[int, Option(help="Messages on each book.", min=1_000, max=2_000_000)] = 100_000,
    seed: Annotated[int, Option(help="The same seed gives the same flow of messages.")] = 1,
    seconds: Annotated[float, Option(help="For latency: how long each rate is sent.", min=1, max=600)] = 20.0,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure us, and what could be installed instead, in the same run.

    Alternatives are installed into the user's cache on demand. Targets that are not met are named.

    Example: ./oms bench engine --peer pyorderbook
    """
    if name not in BENCHES:
        raise BadParameter(f"there is no bench {name!r}; there are: {', '.join(BENCHES)}")
    if name == "latency":
        measure_latency(seconds, as_json=as_json)
        return
    from bench.engine import report, run

    try:
        chosen = run.chosen(peers or [])
    except ValueError as error:
        raise BadParameter(str(error)) from None
    found = run.run(messages, seed, chosen, progress.print)
    if as_json:
        print(json.dumps(found))
    else:
        report.show(output, found)


def measure_latency(seconds: float, *, as_json: bool) -> None:
    """Bring the stack up if it is down, and leave it up."""
    from bench.latency import run
    from stack.cli.up import settings

    progress.quiet = as_json
    found = run.run(settings(), seconds, progress.print)
    if as_json:
        print(json.dumps(found))
    else:
        run.show(output, found)
