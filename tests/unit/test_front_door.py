"""`./oms`: the script, its overview, and its first run."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from stack import prepare_venv
from stack.cli import COMMANDS
from stack.cli.running import progress, run_command
from stack.settings import CHECKOUT

OMS = CHECKOUT / "oms"


def oms(*arguments: str, cwd: Path = CHECKOUT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(OMS), *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **environment},
    )


def test_the_overview_names_every_command() -> None:
    told = oms("--help")
    assert told.returncode == 0
    assert all(told.stdout.count(f"\n  {command.name} ") == 1 for command in COMMANDS)


def test_an_unknown_command_is_refused_with_the_known_ones() -> None:
    told = oms("fly")
    assert told.returncode == 2
    assert "no command 'fly'" in told.stderr
    assert "status" in told.stderr


@pytest.mark.parametrize("command", [command for command in COMMANDS if find_spec(command.module)])
def test_every_command_explains_itself_with_an_example(command: object) -> None:
    name = getattr(command, "name", "")
    told = oms(name, "--help")
    assert told.returncode == 0, told.stderr
    assert f"./oms {name}" in told.stdout.replace("\n  ", " ")


def test_it_runs_from_any_folder_even_one_with_our_folders_names(tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "__init__.py").write_text("raise SystemExit('the wrong stack')")
    told = oms("status", "--json", cwd=tmp_path, OMS_FOLDER="relative")
    assert told.returncode == 1
    assert f'"folder": "{tmp_path}/relative"' in told.stdout


def test_a_machine_without_python_is_told_what_to_install(tmp_path: Path) -> None:
    for name in ("cat", "cksum", "tr", "dirname"):
        program = shutil.which(name)
        assert program
        (tmp_path / name).symlink_to(program)
    told = oms("status", PATH=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert told.returncode == 1
    assert "needs Python 3.11 or newer" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_why_it_failed_is_told_where_progress_is_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--json`` silences progress; the reason of a failure goes to standard error all the same."""
    monkeypatch.setattr(progress, "quiet", True)

    def fails() -> None:
        raise RuntimeError("Kafka is away")

    assert run_command(COMMANDS[0], fails, []) == 1
    said = capsys.readouterr()
    assert (said.out, "Kafka is away" in said.err) == ("", True)


def test_an_option_that_is_not_there_is_no_success() -> None:
    told = oms("status", "--fly")
    assert told.returncode == 2
    assert "--fly" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Count the builds instead of installing 400 MB."""
    built: list[Path] = []

    def build(venv: Path, _: Path) -> None:
        built.append(venv)
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "bin" / "python").touch()
        (venv / "prepared").touch()

    monkeypatch.setattr(prepare_venv, "build", build)
    return built


def test_a_whole_environment_is_left_alone(tmp_path: Path, builds: list[Path]) -> None:
    for _ in range(2):
        prepare_venv.main(str(tmp_path / "venv"), CHECKOUT / "requirements")
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert builds == [tmp_path / f"venv-py{minor}"]


def test_an_interrupted_environment_is_built_again(tmp_path: Path, builds: list[Path]) -> None:
    prepare_venv.main(str(tmp_path / "venv"), CHECKOUT / "requirements")
    (builds[0] / "prepared").unlink()
    prepare_venv.main(str(tmp_path / "venv"), CHECKOUT / "requirements")
    assert len(builds) == 2


def test_a_lock_names_no_registry() -> None:
    for lock in (CHECKOUT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text, lock
        assert "--hash=sha256:" in text, lock
