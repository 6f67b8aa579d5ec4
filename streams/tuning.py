"""What a Python process that carries documents, in several threads, sets of its interpreter."""

import gc
import sys

GARBAGE_THRESHOLDS = (50_000, 20, 100)
"""Documents hardly ever refer to themselves, and one look at all that are at hand takes 80 ms."""
SWITCH_S = 0.001
"""So long a thread that has its answer may have to wait for one that computes; by default 5 ms."""


def tune() -> None:
    """Collect garbage seldom, and let threads take turns often. What is there now is there to stay."""
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    sys.setswitchinterval(SWITCH_S)
