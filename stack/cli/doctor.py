"""`./oms doctor`."""

import json
from dataclasses import asdict
from typing import Annotated

from rich.markup import escape
from typer import Exit, Option

from stack.cli.running import output
from stack.cli.up import settings
from stack.doctor import Finding, examine
from stack.running import Stack


def doctor(as_json: Annotated[bool, Option("--json", help="Print one JSON object.")] = False) -> None:
    """Look for what is wrong on this machine, and say what to type next; exit code 1 if anything is.

    Example: ./oms doctor --json
    """
    findings = examine(Stack(settings()))
    well = all(finding.ok for finding in findings)
    if as_json:
        print(json.dumps({"ok": well, "findings": [as_object(finding) for finding in findings]}, indent=2))
    else:
        for finding in findings:
            show(finding)
        output.print("All is well." if well else "Next: what stands at the arrows, from the top.")
    if not well:
        raise Exit(1)


def as_object(finding: Finding) -> dict[str, object]:
    return {**asdict(finding), "next": "" if finding.ok else finding.next}


def show(finding: Finding) -> None:
    sign = "[green]ok  [/]" if finding.ok else "[red]BAD [/]"
    output.print(f"{sign} {finding.what:<16} {escape(finding.detail)}", soft_wrap=True)
    if not finding.ok:
        output.print(f"     [bold]→ {escape(finding.next)}[/]", soft_wrap=True)
