"""What all tests share."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from stack.running import Stack, running_stack
from stack.settings import Settings

# A failing property prints what to paste to see it again; how long an example takes depends on the machine.
hypothesis.settings.register_profile("oms", print_blob=True, deadline=None)
hypothesis.settings.load_profile("oms")


@pytest.fixture
def free_settings(tmp_path: Path) -> Settings:
    """Settings of a stack beside all others: free ports, a folder of its own."""
    return Settings.with_free_ports(tmp_path / "stack")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Real servers for all tests of a run: name topics, keys, and databases so that tests do not meet."""
    with running_stack(Settings.with_free_ports(tmp_path_factory.mktemp("servers"))) as stack:
        yield stack
