"""`./oms completion`: the shells accept what it prints, and then complete."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from stack.cli import COMMANDS
from stack.settings import CHECKOUT


@cache
def script(shell: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "stack.cli", "completion", shell],
        check=True,
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT), "PATH": ""},
    )
    return done.stdout


def completed(tmp_path: Path, *words: str) -> list[str]:
    """Return what bash would offer for the last of ``words``."""
    file = tmp_path / "completion.bash"
    file.write_text(script("bash"))
    given = " ".join(f"'{word}'" for word in words)
    asked = (
        f"source {file}; COMP_WORDS=(./oms {given}); COMP_CWORD={len(words)}; _oms; echo ${{COMPREPLY[@]}}"
    )
    done = subprocess.run(["bash", "-c", asked], check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_every_command_is_offered(tmp_path: Path) -> None:
    assert completed(tmp_path, "") == [command.name for command in COMMANDS]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("or",), ["orders"]),
        (("orders", "pl"), ["place"]),
        (("orders", "place", "--pr"), ["--price"]),
        (("orders", "place", "BTC-USD", "b"), ["buy"]),
        (("orders", "--as", "trader", "li"), ["list"]),
        (("completion", "z"), ["zsh"]),
        (("nothing", "--x"), []),
    ],
)
def test_what_may_follow_is_offered(tmp_path: Path, words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(tmp_path, *words) == offered


@pytest.mark.parametrize(
    ("shell", "check"), [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])]
)
def test_the_shell_accepts_it(tmp_path: Path, shell: str, check: list[str]) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} on this machine")
    file = tmp_path / f"completion.{shell}"
    file.write_text(script(shell))
    done = subprocess.run([*check, str(file)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_each_shell_is_told_all_commands(shell: str) -> None:
    assert all(command.name in script(shell) for command in COMMANDS)
