"""The servers in Docker, from `stack/compose.yaml`, where an engine answers."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from stack.settings import CHECKOUT, Settings
from stack.supervision import ProgramState

COMPOSE = CHECKOUT / "stack" / "compose.yaml"

# Docker's word for a container's state, in supervisord's.
STATES = {
    "running": "RUNNING",
    "created": "STARTING",
    "restarting": "BACKOFF",
    "exited": "EXITED",
    "dead": "FATAL",
}


def answers(answer_ms_max: int) -> bool:
    """Tell whether a Docker engine with Compose is there and answers soon."""
    if not shutil.which("docker"):
        return False
    try:
        for command in (["docker", "info"], ["docker", "compose", "version"]):
            subprocess.run(command, check=True, capture_output=True, timeout=answer_ms_max / 1000)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def start(settings: Settings, names: Sequence[str]) -> None:
    """Start containers; fine if they run already. Docker's own health checks are waited for."""
    wait_s = settings.server_ready_ms_max // 1000
    compose(settings, "up", "--detach", "--wait", "--wait-timeout", str(wait_s), *names)


def stop(settings: Settings, name: str) -> None:
    compose(settings, "stop", name)


def kill(settings: Settings, name: str) -> None:
    """Kill as a crash would; the container's restart policy does not bring it back, so start it again."""
    compose(settings, "kill", name)
    compose(settings, "start", name)


def down(settings: Settings, *, wipe: bool) -> None:
    compose(settings, "down", *(["--volumes"] if wipe else []))


def states(settings: Settings) -> list[ProgramState]:
    """List the containers as if supervisord kept them."""
    listed = compose(settings, "ps", "--all", "--format", "json").splitlines()
    return [state_of(json.loads(line), settings) for line in listed]


def state_of(container: dict[str, Any], settings: Settings) -> ProgramState:
    """Compose prints an object a line: `{"ID", "Service", "State", "Status", ...}`."""
    state = STATES.get(container["State"], container["State"].upper())
    running = state == "RUNNING"
    return ProgramState(
        name=container["Service"],
        group="servers",
        state=state,
        pid=pid(container["ID"]) if running else 0,
        uptime_s=0,
        asked_for=True,
        problem="" if running else f"{container['Status']} (docker compose -p {project(settings)} logs)",
    )


def pid(container: str) -> int:
    inspect = ["docker", "inspect", "--format", "{{.State.Pid}}", container]
    return int(subprocess.run(inspect, check=True, capture_output=True, text=True).stdout)


def compose(settings: Settings, *arguments: str) -> str:
    """Run `docker compose` on this folder's project; Docker's own words are the error."""
    done = subprocess.run(
        ["docker", "compose", "--project-name", project(settings), "--file", str(COMPOSE), *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **interpolated(settings)},
    )
    if done.returncode != 0:
        raise RuntimeError(f"docker compose {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def interpolated(settings: Settings) -> dict[str, str]:
    """What `compose.yaml` asks of its environment."""
    ports = ("postgres_port", "kafka_port", "redis_port", "mongo_port")
    values = {f"OMS_{name.upper()}": str(getattr(settings, name)) for name in ports}
    return {**values, "OMS_POSTGRES_PASSWORD": settings.postgres_password}


def project(settings: Settings) -> str:
    """Two folders, two projects: their containers and volumes never meet."""
    return "crypto-oms-" + hashlib.sha256(str(settings.folder).encode()).hexdigest()[:12]
