"""A Python engine's own process: `python -m bench.engine.worker NAME FLOW REPETITIONS SECONDS_MAX`.

Prints one JSON object: what ``timing.measure`` returns, or ``failed`` with the reason.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.engine.timing import TooSlowError, measure

ENGINES = {
    "crypto-oms": ("bench.engine.ours", "Ours"),
    "crypto-oms-plain": ("bench.engine.ours", "Ours"),
    "lightmatchingengine": ("bench.engine.peers.lightmatchingengine", "LightMatchingEngine"),
    "pyorderbook": ("bench.engine.peers.pyorderbook", "PyOrderBook"),
    "fastlob": ("bench.engine.peers.fastlob", "FastLob"),
    "order-matching": ("bench.engine.peers.order_matching", "OrderMatching"),
}


def main(name: str, flow: Path, repetitions: int, seconds_max: float) -> dict[str, Any]:
    module, engine = ENGINES[name]
    make = getattr(import_module(module), engine)
    try:
        return measure(make, flow, repetitions, seconds_max) | about_ours(name)
    except TooSlowError as slow:
        return {"failed": f"too slow: {slow}"}


def about_ours(name: str) -> dict[str, Any]:
    if not name.startswith("crypto-oms"):
        return {}
    from bench.engine.ours import compiled  # noqa: PLC0415 - peers have no domain

    return {"compiled": compiled()}


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))))
