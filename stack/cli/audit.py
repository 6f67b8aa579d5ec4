"""`./oms audit`: what an auditor asks of the stored history. Each of its commands has a module of its own."""

import typer

from stack.cli.reconcile import reconcile

audit = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)


@audit.callback()
def about() -> None:
    """Examine the stored history; it is only read.

    Example: ./oms audit reconcile statement.csv
    """


audit.command("reconcile")(reconcile)
