"""`./oms bench`."""

import json
from collections.abc import Callable
from typing import Annotated, Any

from rich.console import Console
from typer import Argument, BadParameter, Option

from stack.cli.running import output, progress

BENCHES = ("engine", "write", "latency", "scale", "read", "fanout", "risk")

# What was measured, and what shows it to a person.
Measured = tuple[dict[str, Any], Callable[[Console, dict[str, Any]], None]]


def bench(
    name: Annotated[str, Argument(help=f"What to measure: {', '.join(BENCHES)}.")],
    peers: Annotated[
        list[str] | None,
        Option("--peer", help="engine: only this alternative, by its name; may be repeated."),
    ] = None,
    messages: Annotated[
        int, Option(help="engine: messages on each book.", min=1_000, max=2_000_000)
    ] = 100_000,
    events: Annotated[
        int, Option(help="read: events of the history that is made.", min=20_000, max=20_000_000)
    ] = 1_000_000,
    seconds: Annotated[
        float,
        Option(help="How long each part is measured; scale: all together.", min=1, max=600),
    ] = 20.0,
    only: Annotated[
        list[str] | None,
        Option("--only", help="latency, fanout: only this row (rest_1000, ...); may be repeated."),
    ] = None,
    seed: Annotated[int, Option(help="The same seed gives the same flow of messages.")] = 1,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure us, and what could be installed instead, in the same run.

    Alternatives are installed into the user's cache on demand. Targets that are not met are named.

    Example: ./oms bench engine --peer pyorderbook
    Example: ./oms bench write --seconds 5
    Example: ./oms bench scale --seconds 30
    Example: ./oms bench read --events 100000
    Example: ./oms bench latency --only rest_1000 --json
    Example: ./oms bench fanout --seconds 10 --only book_10
    Example: ./oms bench risk --seconds 10
    """
    if name not in BENCHES:
        raise BadParameter(f"there is no bench {name!r}; there are: {', '.join(BENCHES)}")
    if name == "engine":
        found, show = _engine(peers or [], messages, seed)
    elif name == "scale":
        found, show = _scale(seconds, seed)
    elif name == "write":
        found, show = _write(seconds, seed)
    elif name == "read":
        found, show = _read(events, seed)
    elif name == "fanout":
        found, show = _fanout(seconds, only or [])
    elif name == "risk":
        found, show = _risk(seconds, quiet=as_json)
    else:
        found, show = _latency(seconds, only or [], quiet=as_json)
    if as_json:
        print(json.dumps(found))
    else:
        show(output, found)


def _engine(peers: list[str], messages: int, seed: int) -> Measured:
    from bench.engine import report, run

    try:
        chosen = run.chosen(peers)
    except ValueError as error:
        raise BadParameter(str(error)) from None
    return run.run(messages, seed, chosen, progress.print), report.show


def _write(seconds: float, seed: int) -> Measured:
    from bench.write import report, run
    from stack.settings import Settings

    # Beside the stack's own folder: on the disk that its commits have to reach as well.
    folder = Settings().folder / "bench-write"
    return run.run(folder, seconds, seed, progress.print), report.show


def _scale(seconds: float, seed: int) -> Measured:
    from bench.scale import report, run
    from stack.settings import Settings

    # Beside the stack's own folder: on the disk that its commits have to reach as well.
    return run.run(Settings().folder / "bench-scale", seconds, seed, progress.print), report.show


def _read(events: int, seed: int) -> Measured:
    from bench.read import report, run
    from stack.settings import Settings

    return run.run(Settings().folder / "bench-read", events, seed, progress.print), report.show


def _fanout(seconds: float, only: list[str]) -> Measured:
    from bench.fanout import report, run
    from stack.settings import Settings

    try:
        rows = run.chosen(only)
    except ValueError as error:
        raise BadParameter(str(error)) from None
    return run.run(Settings().folder / "bench-fanout", seconds, rows, progress.print), report.show


def _risk(seconds: float, *, quiet: bool) -> Measured:
    """Bring the stack up if it is down, and leave it up."""
    from bench.risk import run
    from stack.cli.up import settings

    progress.quiet = quiet
    return run.run(settings(), seconds, progress.print), run.show


def _latency(seconds: float, only: list[str], *, quiet: bool) -> Measured:
    """Bring the stack up if it is down, and leave it up."""
    from bench.latency import run
    from stack.cli.up import settings

    progress.quiet = quiet
    try:
        rows = run.chosen(only)
    except ValueError as error:
        raise BadParameter(str(error)) from None
    return run.run(settings(), seconds, rows, progress.print), run.show
