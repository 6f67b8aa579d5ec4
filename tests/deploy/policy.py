"""checkov, installed in an environment of its own: it brings a hundred packages that nothing else wants."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stack.cache import made_once
from stack.settings import CHECKOUT
from tests.deploy.hcl import TERRAFORM

LOCK = CHECKOUT / "requirements" / "deploy.txt"
INSTALL_SECONDS_MAX = 600
RUN_SECONDS_MAX = 400


def findings() -> set[tuple[str, str]]:
    """Return what checkov finds in terraform/, as (its check, the module's folder)."""
    failed = _failed("terraform", TERRAFORM)
    return {(each["check_id"], str(Path(each["file_path"].lstrip("/")).parent)) for each in failed}


def chart_findings(manifests: Path, images: Path) -> set[str]:
    """Return what checkov finds in a folder of manifests and in one of Dockerfiles: its checks."""
    failed = [*_failed("kubernetes", manifests), *_failed("dockerfile", images)]
    return {each["check_id"] for each in failed}


def _failed(framework: str, folder: Path) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "checkov.main", "-d", str(folder), "--framework", framework]
    done = subprocess.run(
        [*command, "--skip-download", "--quiet", "-o", "json"],
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS_MAX,
        check=False,
        env={**os.environ, "PYTHONPATH": str(packages())},
    )
    assert done.stdout, done.stderr[-2_000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 0
    failed: list[dict[str, Any]] = report["results"]["failed_checks"]
    return failed


def packages() -> Path:
    """Return the folder with checkov and what it needs, installed once for each lock."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]

    def install(folder: Path) -> None:
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs"]
        where = ["--python", sys.executable, "--target", str(folder), "--require-hashes", "-r", str(LOCK)]
        subprocess.run([*uv, *where], check=True, capture_output=True, timeout=INSTALL_SECONDS_MAX)

    return made_once(f"deploy-{key}", install)
