"""`./oms accounts`: a group of its own."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, Typer

from stack.cli.asking import As, AsJson, Limit, answer, asking, columns, details, table

if TYPE_CHECKING:
    from rich.table import Table

accounts = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)

Name = Annotated[str, Argument(help="The account, such as alice.")]


@accounts.callback()
def group() -> None:
    """Look at accounts: what they may do, and what they have.

    Example: ./oms accounts list
    """


@accounts.command("list")
def list_accounts(limit: Limit = 100, role: As = None, as_json: AsJson = False) -> None:
    """List accounts by name, with what they may do.

    Example: ./oms accounts list --json
    """
    with asking(role) as client:
        found = {"accounts": list(islice(client.search_accounts(limit=min(limit, 500)), limit))}
    answer(found, _list, json_asked=as_json)


@accounts.command()
def show(account: Name, role: As = None, as_json: AsJson = False) -> None:
    """Show what an account may do, what it has, and what its trading left it with.

    Example: ./oms accounts show alice
    """
    with asking(role, account) as client:
        found = {
            "account": client.account(account),
            "balances": client.balances(account).balances,
            "positions": client.positions(account).positions,
        }
    answer(found, _one, json_asked=as_json)


def _list(found: dict[str, Any]) -> "Table":
    return table(found["accounts"], columns("account", "status", "reason", "opened_at", "changed_at"))


def _one(found: dict[str, Any]) -> "Table":
    from rich.table import Table

    drawn = Table.grid()
    drawn.add_row(
        details(found["account"], "account", "status", "reason", "actor", "opened_at", "changed_at")
    )
    amounts = ("available", "held", "total")
    drawn.add_row(table(found["balances"], columns("asset", *amounts, right=amounts)))
    if found["positions"]:
        figures = ("quantity", "average_cost", "realised_pnl", "fees")
        drawn.add_row(table(found["positions"], columns("symbol", *figures, right=figures)))
    return drawn
