"""`./oms audit`."""

import json
from pathlib import Path
from typing import Annotated

from typer import Exit, Option, Typer

from stack.cli import audit_look
from stack.cli.reconcile import reconcile
from stack.cli.running import output, progress
from stack.cli.up import settings

audit = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)
audit.command("reconcile")(reconcile)
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
    as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Verify the whole history: chain, signed heads, state, money, read models.

    Works on a running stack, up to where its history was when the command began. Exit code 0 only if all is
    well.

    Example: ./oms audit verify --json
    """
    from stack.audit import report
    from stack.audit.verifying import Asked, Verification

    progress.quiet = as_json
    asked = Asked(shard, tuple(public_key or ()))
    with report.progress_on(progress) as said:
        findings = Verification(settings(), asked, said).run()
    if as_json:
        print(json.dumps(findings.as_object()))
    else:
        report.show(output, findings)
    if not findings.all_well:
        raise Exit(1)
