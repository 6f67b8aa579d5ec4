"""Every command of docs/commands.md works as it stands; only the port is the test's own."""

import json
import os
import re
import subprocess
from pathlib import Path

from api.command import examples
from docs.commands import MARK, PAGE
from stack.running import running_stack
from stack.settings import CHECKOUT, Settings

WAIT_S = 110


def commands(settings: Settings) -> str:
    """Return the marked blocks of the page, for the ports of ``settings``; each answer on a line."""
    blocks = re.findall(re.escape(MARK) + r"(.*?)```", PAGE.read_text(), re.DOTALL)
    text = "echo\n".join(blocks).replace("./oms", str(CHECKOUT / "oms"))
    return text.replace(":8001", f":{settings.command_api_port}")


def test_every_command_of_the_page(free_settings: Settings, tmp_path: Path) -> None:
    with running_stack(free_settings, ["order-processor", "command-api"]):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands(free_settings)],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "OMS_FOLDER": str(free_settings.folder)},
            timeout=WAIT_S,
        )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line]
    assert done.returncode == 0, (done.stderr, len(answers), answers[-1:])
    assert len(answers) == len(examples.STORY)
    assert [answer for answer in answers if answer.get("status") == "pending"] == []
