"""`./oms restore`."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Exit, Option

from stack.cli.running import output, progress
from stack.cli.up import settings


def restore(
    file: Annotated[
        Path | None, Argument(help="A backup; without one the store stays, all else is rebuilt.")
    ] = None,
    yes: Annotated[bool, Option("--yes", help="Do it; without it, only say what would be done.")] = False,
) -> None:
    """Rebuild everything from the event store, or from a backup of it.

    Example: ./oms restore /backups/oms-monday.dump --yes
    """
    from stack.restoring import restore as put_back
    from stack.running import Stack

    stack = Stack(settings())
    if file is not None and not file.exists():
        raise RuntimeError(f"there is no file {file}")
    if not yes:
        store = f"The event store, whose place {file} takes" if file else "Nothing of the event store"
        output.print(
            f"This would delete of the stack in {stack.settings.folder}:\n- {store}\n- Kafka's topics and the"
            " commands that wait in them, the read models, the caches: they are made anew from the store\n"
            "To do it: the same command with --yes"
        )
        raise Exit(1)
    put_back(stack, file, progress.print)
    output.print("Next: ./oms up, then ./oms audit verify")
