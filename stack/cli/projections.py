"""`./oms projections`: a group of commands, a module each."""

from typer import Typer

from stack.cli.letters import letters
from stack.cli.projections_rebuild import rebuild
from stack.cli.projections_status import status

projections = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)
projections.command("status")(status)
projections.command("rebuild")(rebuild)
projections.add_typer(letters, name="letters")


@projections.callback()
def group() -> None:
    """Look after the read models.

    Example: ./oms projections status
    """
