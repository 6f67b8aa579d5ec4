"""How a command runs: options by typer, progress and errors on standard error, a true exit code."""

import logging
from collections.abc import Callable, Sequence

import typer
from rich.console import Console

from stack.cli import Command

# Standard output belongs to a command's result: `--json` prints one object there, and nothing else.
progress = Console(stderr=True, highlight=False, soft_wrap=True)
output = Console(highlight=False, soft_wrap=True)


def _app_of(command: Command, function: Callable[..., object]) -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(name=command.name)(function)
    return app


def run_command(
    command: Command, function: Callable[..., object] | typer.Typer, arguments: Sequence[str]
) -> int:
    """Run one command, or one of a group; what goes wrong in a known way is told in words, no traceback.

    Typer ends the process itself, by SystemExit with the command's exit code, 2 for a wrong option.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("stack").setLevel(logging.INFO)
    app = function if isinstance(function, typer.Typer) else _app_of(command, function)
    try:
        app(list(arguments), prog_name=f"./oms {command.name}")
    except (RuntimeError, OSError) as error:
        progress.quiet = False  # with --json there is no progress, but why it failed is to be read
        progress.print(f"[red]{type(error).__name__}:[/red]", str(error), markup=True)
        return 1
    return 0
