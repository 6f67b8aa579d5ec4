"""`./oms audit reconcile`."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Exit, Option

from stack.cli.running import output
from stack.cli.up import settings as running_settings

if TYPE_CHECKING:
    from stack.reconciliation.comparing import Movement, Reconciliation
    from stack.reconciliation.custody import Custody
    from stack.settings import Settings

CONNECT_S = 10
SHOWN_MAX = 50  # of each kind of difference, on the screen; --json has all


def reconcile(
    statement: Annotated[
        Path,
        Argument(help="CSV: asset, amount; movements also reference, direction (in, out), perhaps time."),
    ],
    at: Annotated[
        str, Option(help="Only what happened until then, as 2026-01-31T12:00:00Z; a day alone is its end.")
    ] = "",
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compare a custodian's statement with what the stored events say should be in custody.

    Deposits are named by their client transfer id, withdrawals by the reference of their payment. Exit code 0
    only if both agree.

    Example: ./oms audit reconcile statement.csv --at 2026-01-31
    """
    from stack.reconciliation.comparing import reconcile as compare
    from stack.reconciliation.statements import StatementError, read_statement

    until_us = None if not at else moment_us(at)
    try:
        with statement.open(encoding="utf-8", newline="") as file:
            theirs = read_statement(file)
    except (StatementError, UnicodeDecodeError) as error:
        raise RuntimeError(f"{statement}: {error}") from None
    custody = read_custody(running_settings(), until_us)
    found = compare(theirs, custody.statement)
    if as_json:
        print(json.dumps(found.as_object() | {"at": at or None, "seqs": custody.seqs}))
    else:
        show(found)
    if not found.agrees:
        raise Exit(1)


def moment_us(written: str) -> int:
    """Return a moment as microseconds since 1970, UTC; of a day, its last. Raises ``BadParameter``."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise BadParameter(f"--at was {written!r}; it is a time such as 2026-01-31T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    if len(written) == len("2026-01-31"):
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def read_custody(settings: "Settings", until_us: int | None) -> "Custody":
    """Go through the history of every shard. Raises ``RuntimeError`` if the store does not answer."""
    import psycopg

    from stack.reconciliation.custody import Custody
    from streams.history import read_events

    custody = Custody()
    try:
        with psycopg.connect(settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_S) as connection:
            for shard in range(settings.shards):
                custody.follow(shard, read_events(connection, shard), until_us)
    except psycopg.Error as error:
        raise RuntimeError(f"the event store does not answer: {error}. Next: ./oms up") from None
    return custody


def show(found: "Reconciliation") -> None:
    """Print the comparison for a person."""
    from rich.table import Table

    from stack.reconciliation.comparing import text

    table = Table("asset", "statement", "books", "difference")
    for asset in found.assets:
        amounts = (asset.statement, asset.books, asset.difference)
        table.add_row(asset.asset, *(text(amount) for amount in amounts))
    output.print(table)
    show_movements("Only the statement knows", found.only_in_statement)
    show_movements("Only our books know", found.only_in_books)
    for pair in found.otherwise_known[:SHOWN_MAX]:
        output.print(f"The statement says {told(pair.statement)}, our books {told(pair.books)}", markup=False)
    if not found.movements_compared:
        output.print("The statement names no movements: only the amounts were compared.")
    output.print("They agree." if found.agrees else "They do not agree.")


def show_movements(title: str, movements: "list[Movement]") -> None:
    for movement in movements[:SHOWN_MAX]:
        output.print(f"{title}: {told(movement)}", markup=False)
    if len(movements) > SHOWN_MAX:
        output.print(f"{title}: {len(movements) - SHOWN_MAX} more; --json has them all")


def told(movement: "Movement") -> str:
    from stack.reconciliation.comparing import text

    when = f" at {movement.time}" if movement.time else ""
    return f"{text(movement.amount)} {movement.asset} {movement.direction}, {movement.reference}{when}"
