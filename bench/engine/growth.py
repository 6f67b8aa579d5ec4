"""What resting orders cost us: `python -m bench.engine.growth FLOW`.

Prints {"resting", "resident_bytes", "ns_per_message"}. The flow is read line by line and each command is made
just before it is played, so that the memory measured is the exchange's own. A process of its own for each
size: memory that was freed would blur the next one.
"""

import gc
import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from bench.engine.messages import header, stream
from bench.engine.ours import Ours
from bench.engine.timing import play, timed


def grow(flow: Path) -> dict[str, Any]:
    """Fill the book, then play the measured messages."""
    engine = Ours()
    messages = stream(flow)
    gc.collect()
    before = psutil.Process().memory_info().rss
    resting = header(flow).setup
    play(map(engine.call, islice(messages, resting)))
    gc.collect()
    resident = psutil.Process().memory_info().rss - before
    seconds, played = timed([engine.call(message) for message in messages], float("inf"))
    return {
        "resting": resting,
        "resident_bytes": resident,
        "ns_per_message": round(1e9 * seconds / played),
    }


if __name__ == "__main__":
    print(json.dumps(grow(Path(sys.argv[1]))))
