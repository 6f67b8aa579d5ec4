"""The read benchmark runs to its end on servers of its own, and says what it promises to say."""

import json
from pathlib import Path

import pytest

from bench.read import run
from projections.registry import PROJECTIONS

pytestmark = pytest.mark.timeout(300)

EVENTS = 6_000


def test_the_read_benchmark_tells_a_row_for_each_projection(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    found = json.loads(json.dumps(run.run(folder, events=EVENTS, seed=1, say=print)))
    rows = {row["name"]: row for row in found["results"]}
    assert list(rows) == [*PROJECTIONS, "all", "orders-replace-one", "orders-not-coalesced"]
    for name in PROJECTIONS:
        assert rows[name]["value"] > 0
        assert rows[name]["end_to_end"]["events_per_second"] > 0
    assert rows["all"]["end_to_end"]["events"] == found["load"]["events"] >= EVENTS
    assert found["rebuild_events_per_second"] > 0
    assert found["rebuild"]["documents"] == rows["all"]["end_to_end"]["documents"]
    assert not folder.exists()
