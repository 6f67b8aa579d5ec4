"""The write benchmark runs to its end on servers of its own, and says what it promises to say."""

import json
from pathlib import Path

import pytest

from bench.write import run

pytestmark = pytest.mark.timeout(300)


def test_the_write_benchmark_tells_all_rows_and_ratios(tmp_path: Path) -> None:
    folder = tmp_path / "bench"
    found = json.loads(json.dumps(run.run(folder, seconds=1.0, seed=1, say=print)))
    included, alone, *others = found["results"]
    assert (included["name"], alone["name"]) == ("crypto-oms", "processor-alone")
    assert [row["name"] for row in others] == ["raw-copy", "stock-recorder-single", "stock-recorder-batched"]
    assert all(row["value"] > 0 for row in found["results"])
    assert included["door"] == "WebSocket frames"
    assert set(found["ratios"]) == {
        "vs_raw_copy_rows",
        "vs_stock_recorder_single",
        "vs_stock_recorder_batched",
    }
    assert {"command-api", "order-processor", "client", "all"} <= set(found["cpu_us_per_order"])
    assert not folder.exists()
