"""`./oms audit`."""

import json
from pathlib import Path
from typing import Annotated

from typer import Exit, Option, Typer

from stack.cli import audit_look
from stack.cli.audit_export import export
from stack.cli.reconcile import reconcile
from stack.cli.running import output, progress
from stack.cli.up import settings

audit = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)
audit.command("reconcile")(reconcile)
audit.command("export")(export)
audit_look.add_to(audit)


@audit.callback()
def group() -> None:
    """Ask of the event store what an auditor asks.

    Example: ./oms audit verify
    """


@audit.command()
def verify(
    shard: Annotated[int | None, Option(help="Only this shard.", min=0)] = None,
    public_key: Annotated[
        list[Path] | None,
        Option(help="A PEM file of a key that may have signed heads, beside the stack's own; repeatable."),
    ] = None,
    copy: Annotated[
        str | None,
        Option(
            metavar="DSN", help="Verify this PostgreSQL database, a copy of the store; no stack is needed."
        ),
    ] = None,
    heads: Annotated[Path | None, Option(help="The folder with the signed heads, if another one.")] = None,
    read_models: Annotated[
        bool | None,
        Option(help="Compare the read models as well: yes for the stack's own store, for a copy if asked."),
    ] = None,
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Verify the whole history: chain, signed heads, state, money, read models.

    Works on a running stack, up to where its history was when the command began; with --copy on a copy, such
    as a backup that pg_restore has put into any database. Exit code 0 only if all is well.

    Example: ./oms audit verify --json

    Example: ./oms audit verify --copy postgresql://me@127.0.0.1/copy --heads heads --public-key oms.pub
    """
    from stack.audit import report
    from stack.audit.verifying import Asked, Verification, of_copy

    chosen = of_copy(settings(), copy, heads)
    asked = Asked(
        shard, tuple(public_key or ()), read_models=copy is None if read_models is None else read_models
    )
    with report.progress_on(progress) as said:
        findings = Verification(chosen, asked, said).run()
    if as_json:
        print(json.dumps(findings.as_object()))
    else:
        report.show(output, findings)
    if not findings.all_well:
        raise Exit(1)
