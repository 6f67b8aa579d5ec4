"""`./oms test`."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Exit, Option

from stack.settings import CHECKOUT

NO_TESTS = 5


def run_tests(
    kind: Annotated[str | None, Argument(help="One folder of tests/: unit, integration, e2e ...")] = None,
    arguments: Annotated[list[str] | None, Argument(help="Passed to pytest, after `--`.")] = None,
    rounds: Annotated[int | None, Option(help="Of faults: how many rounds.", min=1, max=10_000)] = None,
    seed: Annotated[int | None, Option(help="Of faults: the same seed gives the same faults.")] = None,
    only: Annotated[int | None, Option(help="Of faults: this round alone.", min=1)] = None,
    as_json: Annotated[bool, Option("--json", help="Of faults: print one JSON object.")] = False,
) -> None:
    """Run the tests, or one kind of them. They bring up servers of their own, on free ports.

    `faults` breaks a stack under load, round after round, and proves after each that nothing was lost.

    Example: ./oms test unit -- -x -k post_only

    Example: ./oms test faults --rounds 50
    """
    if kind == "faults" and not arguments:
        from stack.cli.faults import run_faults

        return run_faults(rounds, seed, only, as_json=as_json)
    if as_json or (rounds, seed, only) != (None, None, None):
        raise BadParameter("--rounds, --seed, --only and --json are for: ./oms test faults")
    known = kinds()
    if kind and kind.startswith("-"):  # `./oms test -- -x`
        arguments, kind = [kind, *(arguments or [])], None
    if kind is not None and kind not in known:
        raise BadParameter(f"there are no {kind!r} tests; there are: {', '.join(known)}")
    folders = [f"tests/{name}" for name in ([kind] if kind else known)]
    command = [sys.executable, "-m", "pytest", *folders, *(arguments or [])]
    code = subprocess.run(command, check=False, cwd=CHECKOUT).returncode
    if code == NO_TESTS:
        print(f"No test was found in {' '.join(folders)}.", file=sys.stderr)
    raise Exit(code)


def kinds() -> list[str]:
    """List the folders of tests/ that hold tests, from the quick ones to the slow."""
    order = ["unit", "property", "integration", "e2e", "ui", "faults", "deploy", "docs"]
    found = {path.parent.relative_to(CHECKOUT / "tests").parts[0] for path in test_files()}
    return sorted(found, key=lambda name: (order.index(name) if name in order else len(order), name))


def test_files() -> list[Path]:
    return [path for path in (CHECKOUT / "tests").rglob("test_*.py") if path.parent != CHECKOUT / "tests"]
