"""`./oms down`."""

from typing import Annotated

from typer import Option

from stack.cli.running import output
from stack.running import Stack
from stack.settings import Settings


def down(
    wipe: Annotated[bool, Option("--wipe", help="Also forget events, topics, read models.")] = False,
) -> None:
    """Stop the services, then the servers; data stay, unless --wipe.

    Example: ./oms down --wipe
    """
    Stack(Settings.load()).down(wipe=wipe)
    data = "all data are forgotten" if wipe else "data are kept"
    output.print(f"Everything is stopped, {data}. Next: ./oms up")
