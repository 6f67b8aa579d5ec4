"""Real market data, which lies beside the checkout and is not ours to hand out."""

from pathlib import Path

import pytest

from stack.settings import CHECKOUT

FOLDER = CHECKOUT.parent / "shared" / "data"


def recorded(name: str) -> Path:
    """Return the file of that name. Skips the whole module where it is not there."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"{file} is not there: real data is not part of this project", allow_module_level=True)
    return file
