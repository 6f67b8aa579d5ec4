"""`./oms test faults`."""

import json
import secrets

from typer import Exit

from stack.cli.running import output, progress

SEEDS = 1_000_000


def run_faults(rounds: int | None, seed: int | None, only: int | None, *, as_json: bool) -> None:
    """Run the rounds and report them. Exit code 0 only if all held."""
    from stack.faults import bounds, report, running

    chosen = secrets.randbelow(SEEDS) if seed is None else seed
    count = rounds or bounds.ROUNDS_IN_CI
    progress.print(f"{1 if only else count} rounds of seed {chosen}, on a stack of their own")
    results = running.run(count, chosen, lambda result: progress.print(report.line(result, chosen)), only)
    if as_json:
        print(json.dumps(report.as_object(results, chosen)))
    else:
        report.show(output, results, chosen)
    if not all(result.passed for result in results):
        raise Exit(1)
