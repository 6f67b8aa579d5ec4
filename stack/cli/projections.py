"""`./oms projections`."""

from typer import Typer

from stack.cli.letters import letters

projections = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)
projections.add_typer(letters, name="letters")


@projections.callback()
def group() -> None:
    """Look after the read models.

    Example: ./oms projections letters list
    """
