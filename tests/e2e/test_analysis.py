"""The analyst's script in docs/, run against a demo as its first lines say."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from matplotlib import image

from api.auth import mint_token
from docs.analysis import PICTURES
from stack.running import Stack, running_stack
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("analysis"))
    with running_stack(settings, [service.name for service in SERVICES]) as stack:
        command = [sys.executable, "-P", "-m", "stack.cli", "demo", "--for", "8s", "--rate", "100", "--json"]
        environment = {**os.environ, "OMS_FOLDER": str(settings.folder), "PYTHONPATH": str(CHECKOUT)}
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        yield stack


def run(stack: Stack, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    url = f"http://127.0.0.1:{stack.settings.query_api_port}"
    return subprocess.run(
        [sys.executable, "-P", CHECKOUT / "docs" / "analysis.py", "--url", url, "--output", folder],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_it_draws_every_picture_and_writes_the_figures(demo: Stack, tmp_path: Path) -> None:
    token = mint_token(demo.settings.token_secret, "ann", ["analyst"])
    done = run(demo, tmp_path, OMS_TOKEN=token)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        *(str(tmp_path / f"{name}.png") for name in PICTURES),
        str(tmp_path / "figures.json"),
    ]
    for name in PICTURES:
        pixels = image.imread(tmp_path / f"{name}.png")
        assert pixels.min() < pixels.max(), f"{name} shows something"
    figures: dict[str, Any] = json.loads((tmp_path / "figures.json").read_text())
    assert sum(market["trades"] for market in figures["markets"].values()) > 0
    assert figures["orders"]["filled"] > 0
    assert figures["net_realised_pnl"]


def test_without_a_token_it_says_what_to_type(demo: Stack, tmp_path: Path) -> None:
    done = run(demo, tmp_path, OMS_TOKEN="")
    assert done.returncode != 0
    assert "./oms token --role analyst" in done.stderr
    assert "401" in run(demo, tmp_path, OMS_TOKEN="none").stderr
