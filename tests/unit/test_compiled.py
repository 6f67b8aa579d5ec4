"""The compiled domain is made of all that can be compiled, and is the same domain."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stack import compiled
from stack.settings import CHECKOUT, Settings

PYTHON = [sys.executable, "-P", "-m"]
EXAMPLES = 40
RUN_SECONDS_MAX = 240

needs_a_compiler = pytest.mark.skipif(compiled.compiler() is None, reason="there is no C compiler here")


def test_what_decides_is_compiled_and_what_holds_facts_is_not() -> None:
    chosen = {source.stem for source in compiled.sources() if compiled.can_be_compiled(source)}
    assert {"exchange", "matching", "placing", "ledger", "book", "evolution"} <= chosen
    assert not {"event", "order", "account", "market"} & chosen


def test_it_is_not_used_where_it_is_not_wanted(tmp_path: Path) -> None:
    assert compiled.path(Settings(folder=tmp_path, compiled_domain=False)) == str(CHECKOUT)


def test_other_sources_are_another_compilation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = compiled.folder()
    (tmp_path / "exchange.py").write_text("")
    monkeypatch.setattr(compiled, "DOMAIN", tmp_path)
    assert compiled.folder() != before


def test_without_a_compiler_the_sources_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compiled, "compiler", lambda: None)
    settings = Settings(folder=tmp_path)
    compiled.prepare(settings)
    assert compiled.path(settings) == str(CHECKOUT)


@needs_a_compiler
@pytest.mark.timeout(compiled.COMPILE_SECONDS_MAX)
def test_compiled_and_plain_make_the_same_events_and_the_same_state(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path)
    compiled.prepare(settings)
    played = {plain: play(settings, plain=plain) for plain in (True, False)}
    assert (played[True][0], played[False][0]) == ("plain", "compiled")
    assert played[True][1:] == played[False][1:]


@needs_a_compiler
@pytest.mark.timeout(compiled.COMPILE_SECONDS_MAX)
def test_the_compiled_domain_passes_the_domain_s_own_tests(tmp_path: Path) -> None:
    settings = Settings(folder=tmp_path)
    compiled.prepare(settings)
    command = [*PYTHON, "pytest", "tests/unit/domain", "-q", "-o", "pythonpath=", "-p", "no:cacheprovider"]
    done = run(command, compiled.path(settings), OMS_PROPERTY_EXAMPLES=str(EXAMPLES))
    assert done.returncode == 0, done.stdout


def play(settings: Settings, *, plain: bool) -> list[str]:
    path = str(CHECKOUT) if plain else compiled.path(settings)
    done = run([*PYTHON, "tests.unit.domain.play_all_kinds"], path)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def run(command: list[str], path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run with ``path`` as the only place to find our code."""
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        cwd=CHECKOUT,
        env={**os.environ, **environment, "PYTHONPATH": path},
    )
