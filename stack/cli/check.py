"""`./oms check`."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from typer import Exit

from stack.cli.running import output
from stack.settings import CHECKOUT
from stack.vulnerabilities import SKIPPED

BIN = Path(sys.executable).parent

TOOLS = {
    "ruff check": [BIN / "ruff", "check"],
    "ruff format": [BIN / "ruff", "format", "--check"],
    "mypy": [sys.executable, "-m", "mypy", "."],
    "import-linter": [BIN / "lint-imports"],
    "secrets": [sys.executable, "-m", "stack.secret_scan"],
    "pip-audit": [sys.executable, "-m", "stack.vulnerabilities"],
}


@dataclass(frozen=True)
class Outcome:
    """What one tool said."""

    passed: bool
    seconds: float
    said: str


def check() -> None:
    """Run ruff (its S rules look for weaknesses), mypy strict and import-linter over everything, look for
    secrets in what is committed, and ask pip-audit about the packages; all run even if one fails.

    Example: ./oms check
    """
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        outcomes = pool.map(run, TOOLS.values())
        passed = [report(name, outcome) for name, outcome in zip(TOOLS, outcomes, strict=True)]
    if not all(passed):
        output.print(
            "Next: mend what is printed above; `ruff check --fix` and `ruff format` mend some of it."
        )
        raise Exit(1)


def run(command: list[Path | str]) -> Outcome:
    started = monotonic()
    # import-linter imports nothing of ours, but has to find it
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(command, check=False, cwd=CHECKOUT, capture_output=True, text=True, env=environment)
    return Outcome(done.returncode == 0, monotonic() - started, done.stdout + done.stderr)


def report(name: str, outcome: Outcome) -> bool:
    """Print one line for a tool that passed; all that it said otherwise."""
    output.print(f"{name:<14} {_word(outcome)}  {outcome.seconds:.1f} s")
    if not outcome.passed or outcome.said.startswith(SKIPPED):
        print(outcome.said, flush=True)
    return outcome.passed


def _word(outcome: Outcome) -> str:
    if outcome.passed and outcome.said.startswith(SKIPPED):
        return "skipped"
    return "passed" if outcome.passed else "FAILED"
