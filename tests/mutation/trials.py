"""Trials: the specification and the property tests of the domain, run against one mutant each.

A trial is a process of its own, forked from this one, which has all libraries loaded and nothing of ours. It
imports ``domain`` from a copy, and one module of it, the mutant, from beside it; the files of the tree are
never touched.
"""

import os
import resource
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Literal

import hypothesis
import hypothesis.stateful
import pytest

from tests.mutation.mutants import Mutant

CHECKOUT = Path(__file__).parent.parent.parent
MEMORY_BYTES_MAX = 2 * 1024**3
PROFILE = "mutation"

Verdict = Literal["killed", "survived", "timeout"]
VERDICTS: dict[int | None, Verdict] = {pytest.ExitCode.OK: "survived", pytest.ExitCode.TESTS_FAILED: "killed"}


@dataclass(frozen=True)
class Settings:
    """Of all trials of a run. ``seed``: of what the property tests draw, ``examples`` how often."""

    seed: int
    examples: int
    processes: int
    seconds_max: float


@dataclass(frozen=True)
class Trial:
    mutant: Mutant
    process: ForkProcess
    until: float


def verdicts(mutants: list[Mutant], settings: Settings) -> Iterator[tuple[Mutant, Verdict]]:
    """Yield each mutant with what became of it, as the trials end."""
    waiting, running = list(reversed(mutants)), list[Trial]()
    with TemporaryDirectory(prefix="oms-mutation-") as name:
        folder = Path(name)
        # Compiled parts of the domain stay behind: they call each other past what is tried.
        shutil.copytree(CHECKOUT / "domain", folder / "domain", ignore=shutil.ignore_patterns("*.so"))
        while waiting or running:
            while waiting and len(running) < settings.processes:
                running.append(_start(waiting.pop(), settings, folder))
            until = min(trial.until for trial in running)
            wait([trial.process.sentinel for trial in running], timeout=max(0, until - monotonic()))
            for trial in [trial for trial in running if _is_over(trial)]:
                running.remove(trial)
                yield trial.mutant, _verdict(trial)


def _start(mutant: Mutant, settings: Settings, folder: Path) -> Trial:
    process = get_context("fork").Process(target=_test, args=(mutant, settings, folder))
    process.start()
    return Trial(mutant, process, monotonic() + settings.seconds_max)


def _is_over(trial: Trial) -> bool:
    return not trial.process.is_alive() or monotonic() > trial.until


def _verdict(trial: Trial) -> Verdict:
    if trial.process.is_alive():
        trial.process.kill()
        trial.process.join()
        return "timeout"
    # A mutant that cannot be imported, or that runs out of memory, ends otherwise than by a failed test.
    return VERDICTS.get(trial.process.exitcode, "killed")


# --- In the process of the trial ------------------------------------------------------------------------


def _test(mutant: Mutant, settings: Settings, folder: Path) -> None:
    own = folder / str(os.getpid())
    own.mkdir()
    (own / f"{mutant.module}.py").write_text(mutant.source)
    _quiet(own / "said.txt")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["OMS_PROPERTY_EXAMPLES"] = str(settings.examples)
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(folder / "bytecode")
    sys.path.insert(0, str(folder))
    domain = import_module("domain")
    domain.__path__.insert(0, str(own))
    _draw_only()
    code = pytest.main([*_arguments(settings), "-o", f"pythonpath={folder} {CHECKOUT}"])
    assert sys.modules[f"domain.{mutant.module}"].__file__ == str(own / f"{mutant.module}.py")
    os._exit(code)


def _quiet(said: Path) -> None:
    descriptor = os.open(said, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(descriptor, stream)


def _draw_only() -> None:
    """A failure is enough: nobody reads the smallest example."""
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile(PROFILE, phases=phases, database=None, deadline=None)


def _arguments(settings: Settings) -> list[str]:
    """As quick as can be: what is loaded, rewritten and explained otherwise is of no use to a trial."""
    plugins = ("_hypothesis_pytestplugin", "pytest_timeout", "pytest_asyncio.plugin")
    return [
        "tests/unit/domain",
        *("-x", "-q", "--assert=plain", "--tb=no", "--noconftest"),
        *(option for plugin in plugins for option in ("-p", plugin)),
        *("-p", "no:cacheprovider", "-p", "no:unraisableexception"),
        f"--hypothesis-profile={PROFILE}",
        f"--hypothesis-seed={settings.seed}",
    ]
