"""What the README says to type works as it stands; only the ports are the test's own."""

import json
import os
import re
import subprocess
from pathlib import Path

from stack.running import running_stack
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings

MARK = "<!-- run by tests/e2e/test_readme.py -->\n```bash\n"
WAIT_S = 60


def commands(settings: Settings) -> str:
    """Return the marked block of the README, for the ports of ``settings``."""
    (block,) = re.findall(re.escape(MARK) + r"(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    text = str(block).replace("./oms", str(CHECKOUT / "oms"))
    text = text.replace(":8001/", f":{settings.command_api_port}/")
    return text.replace(":8002/", f":{settings.query_api_port}/")


def test_an_order_by_hand(free_settings: Settings, tmp_path: Path) -> None:
    with running_stack(free_settings, [service.name for service in SERVICES]):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands(free_settings)],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "OMS_FOLDER": str(free_settings.folder)},
            timeout=WAIT_S,
        )
    assert done.returncode == 0, done.stderr
    answers = [json.loads(text) for text in re.findall(r"\{.*?\}(?=\{|\Z)", done.stdout.replace("\n", ""))]
    assert [answer.get("status") for answer in answers[:4]] == ["listed", "opened", "credited", "open"]
    assert answers[4]["status"] == "open"
    assert answers[4]["client_order_id"] == "my-first"
