"""Some rounds of faults under load in every test run; ./oms test faults --rounds 50 makes many."""

import secrets
from pathlib import Path

import pytest

from stack.faults import bounds, report, running

pytestmark = pytest.mark.timeout(600)

SEEDS = 1_000_000


def test_whatever_breaks_under_load_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """The seed is new in each run, and is printed where a round fails: each fault has its turn in time."""
    seed = secrets.randbelow(SEEDS)
    failed = [
        f"{report.line(result, seed)}\n" + "\n".join(result.differences)
        for result in running.run(bounds.ROUNDS_IN_CI, seed, lambda _: None, folder=tmp_path)
        if not result.passed
    ]
    assert not failed, "\n\n".join(failed)
