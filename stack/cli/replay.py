"""`./oms replay`."""

import json
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from stack.cli.running import output, progress
from stack.cli.up import settings
from stack.load import bounds


def replay(
    file: Annotated[Path, Argument(help="A file of orders, as docs/replay.md describes it; .xz is fine.")],
    speed: Annotated[str, Option(help="1x as it happened, 10x ten times as fast, ..., or max.")] = "max",
    rate: Annotated[
        float | None, Option(help="Orders a second, evenly spaced, instead of --speed.", min=0.1)
    ] = None,
    limit: Annotated[int | None, Option(help="Only the first rows of the file.", min=1)] = None,
    accounts: Annotated[int, Option(help="How many accounts share the orders.", min=1, max=1000)] = 8,
    run_id: Annotated[str, Option(help="Repeat this run: it is answered as replayed.")] = "",
    patience: Annotated[
        float, Option(help="Seconds for which one command is tried again.", min=1)
    ] = bounds.RETRY_S_MAX,
    transport: Annotated[str, Option(help="ws: frames over one WebSocket; rest: requests over HTTP.")] = "ws",
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Play a real exchange's orders through the command API, and prove that nothing was lost.

    Brings the stack up if it is down. Exit code 0 only if every proof is true.

    Example: ./oms replay bitstamp-btcusd-2015-05-01-orders.csv.xz --speed max
    """
    from stack.load import replaying, report
    from stack.load.session import new_run_id

    options = replaying.Options(
        file=file,
        speed=replaying.speed_of(speed),
        orders_per_s=rate,
        rows_max=limit,
        accounts=accounts,
        run_id=replaying.run_id_of(run_id) if run_id else new_run_id(),
        patience_s=patience,
        transport=replaying.transport_of(transport),
    )
    progress.quiet = as_json
    found = replaying.replay(settings(), options, progress)
    if as_json:
        print(json.dumps(found))
    else:
        report.show(output, found, replaying.lines(found))
    if not all(found["proofs"].values()):
        raise Exit(1)
