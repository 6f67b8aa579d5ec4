"""`./oms backup`."""

from pathlib import Path
from typing import Annotated

from typer import Argument

from stack.cli.running import output
from stack.cli.up import settings


def backup(
    file: Annotated[Path, Argument(help="Where to write it; a file that is there is replaced.")],
) -> None:
    """Write a backup of the event store, the one thing that cannot be rebuilt. Trading goes on meanwhile.

    Example: ./oms backup /backups/oms-monday.dump
    """
    from stack.restoring import back_up

    back_up(settings(), file)
    output.print(f"{file}: {file.stat().st_size:,} bytes. Put it in place with ./oms restore {file}")
