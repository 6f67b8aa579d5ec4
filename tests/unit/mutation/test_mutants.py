"""Mutants: one small mistake each, in what the code does and nowhere else."""

import subprocess
import sys

import pytest

from tests.mutation.mutants import mutants_of
from tests.mutation.trials import CHECKOUT


def body(line: str) -> str:
    return f"def f(a: int, b: str) -> int:\n    {line}\n"


def mistakes(line: str) -> set[str]:
    """Return what becomes of a line."""
    return {mutant.source.splitlines()[1].strip() for mutant in mutants_of("m", body(line))}


@pytest.mark.parametrize(
    ("line", "becomes"),
    [
        ("a += 1", {"pass", "a += (2)", "a += (0)"}),
        ("g(a, b)", {"pass", "(g(b, a))"}),
        ("g(a, a)", {"pass"}),
        ("a.x = b", {"pass"}),
        ("a = max(a)", {"a = (min(a))"}),
        ("a = b * c", {"a = (b // c)"}),
        ("a = b and c", {"a = (b or c)", "a = (b)", "a = (c)"}),
        ("a = b if c else d", {"a = (d if c else b)"}),
        ("a = not b", {"a = (b)"}),
        ("a = True", {"a = (False)"}),
        ("a = 'maker'", {"a = ('maker?')"}),
        ("return a < b", {"return None", "return (a <= b)", "return (a >= b)"}),
        ("return a == b", {"return None", "return (a != b)"}),
        ("return None", set()),
        ("raise E", {"pass"}),
    ],
)
def test_a_line_has_these_mistakes_in_it(line: str, becomes: set[str]) -> None:
    assert mistakes(line) == becomes


@pytest.mark.parametrize(
    "line",
    [
        '"""Documentation."""',
        "import os",
        "a: dict[str, int]",
        "__slots__ = ('a', 'b')",
        "if TYPE_CHECKING: a += 1",
        "assert a > 0",
        "a = 'a sentence'",
    ],
)
def test_what_does_nothing_has_none(line: str) -> None:
    assert mistakes(line) == set()


def test_a_mutant_is_the_whole_module_with_one_line_changed() -> None:
    source = body("b = g(a)\n    return a + b")
    mutants = mutants_of("m", source)
    assert [mutant.name for mutant in mutants] == ["m:3:1", "m:3:2"]
    assert mutants[1].source == source.replace("a + b", "(a - b)")
    assert mutants[1].diff(source).splitlines()[-2:] == ["-    return a + b", "+    return (a - b)"]


def test_the_command_tries_as_many_as_it_may() -> None:
    """Which they are, and whether they survive, is another question."""
    command = [sys.executable, "-m", "tests.mutation", "--module", "ledger", "--mutants-max", "1"]
    done = subprocess.run(
        [*command, "--examples", "1", "--examples-again", "1"],
        check=False,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
    )
    name, tried, *verdicts = done.stdout.splitlines()[-3].split()
    assert (name, tried) == ("ledger", "1"), done.stdout + done.stderr
    assert sum(map(int, verdicts)) == 1
    assert done.returncode == int(verdicts[-1])
