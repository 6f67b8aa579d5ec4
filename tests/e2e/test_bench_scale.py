"""The scale benchmark runs to its end on servers of its own, and says what it promises to say."""

import json
from pathlib import Path

import pytest

from bench.scale import run

pytestmark = pytest.mark.timeout(400)


def test_the_scale_benchmark_tells_a_row_for_each_number_of_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "SHARDS", (1, 2))
    folder = tmp_path / "bench"
    found = json.loads(json.dumps(run.run(folder, seconds=2.0, seed=1, say=print)))
    one, two = found["results"]
    assert [(row["name"], row["processors"]) for row in (one, two)] == [("shards_1", 1), ("shards_2", 2)]
    assert one["value"] > 0
    assert two["value"] > 0
    assert {"order-processor", "order-processor-1", "client", "all"} <= set(two["cpu_us_per_order"])
    for row in (one, two):
        assert row["cores_at_500000"] > row["cores_at_50000"] > 0
    assert found["notes"]
    assert not folder.exists()
