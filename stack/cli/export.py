"""`./oms export`."""

import json
from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from stack.cli.running import output, progress


def export(
    what: Annotated[str, Argument(help="A list of the query API, such as /v1/orders or /v1/pnl/daily.")],
    file: Annotated[Path, Argument(help="Where to write; .csv or .parquet says which.")],
    where: Annotated[
        list[str] | None, Option(help="A filter, as name=value: account=alice, from=2026-01-01T00:00:00Z ...")
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a whole list of the query API to a file, as CSV or Parquet; it shows how far it is.

    The file appears when it is whole. Stop it with Ctrl-C: the API stops reading as well.

    Example: ./oms export /v1/orders orders.parquet --where symbol=BTC-USD --where from=2026-01-31T00:00:00Z
    """
    from stack.exporting import ExportError, Wanted, export_to
    from stack.settings import Settings

    try:
        wanted = Wanted.of(what, file, where or [])
        done = export_to(wanted, Settings.load(), progress if not as_json else None)
    except ExportError as error:
        progress.print(f"[red]Not exported:[/red] {error}", markup=True)
        raise Exit(1) from None
    if as_json:
        print(json.dumps(done))
    else:
        output.print(f"{file}: {done['bytes']:,} bytes in {done['seconds']} s, as of seq {done['seq']}")
