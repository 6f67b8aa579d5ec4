"""The fan-out benchmark runs to its end on a stack of its own, and says what it promises to say."""

import json
from pathlib import Path

import pytest

from bench.fanout import run
from bench.fanout.run import Row

pytestmark = pytest.mark.timeout(300)


def test_the_fanout_benchmark_tells_what_each_of_its_subscribers_heard(tmp_path: Path) -> None:
    folder, row = tmp_path / "bench", Row("book_20", 20, slow=3)
    found = json.loads(json.dumps(run.run(folder, 2.0, [row], print, subscribers=40)))
    (one,) = found["results"]
    assert one["subscribers"] == 40
    assert one["messages_per_second"] > 40
    assert one["publish_to_receive_ms"]["p999"] >= one["publish_to_receive_ms"]["p50"] > 0
    assert one["decided_to_receive_ms"]["p50"] > 0
    assert {"market-data", "subscribers", "kafka"} <= set(one["cpu_cores"])
    assert one["closed"] == 0
    assert not folder.exists()
