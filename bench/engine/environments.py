"""Where the alternatives' packages are installed: each in a folder of its own in the user's cache, on demand.

What is installed is locked: requirements/bench-*.txt with hashes, node/package-lock.json, java/pom.xml.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from stack.cache import made_once
from stack.servers.java import java
from stack.settings import CHECKOUT

NODE = CHECKOUT / "bench" / "engine" / "node"
JAVA = CHECKOUT / "bench" / "engine" / "java"
INSTALL_SECONDS_MAX = 600

# The pipeline's Chronicle libraries are older than the modules of Java.
JAVA_OPTIONS = [
    *(f"--add-exports={name}=ALL-UNNAMED" for name in ("java.base/jdk.internal.ref", "java.base/sun.nio.ch")),
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in ("java.lang", "java.lang.reflect", "java.io", "java.util", "java.nio", "sun.nio.ch")
    ),
]


def python_command() -> list[str]:
    """No site packages: a peer sees the standard library, its own packages and the checkout."""
    return [sys.executable, "-S", "-P", "-m", "bench.engine.worker"]


def python_environment(peer: str) -> dict[str, str]:
    """Return the environment in which ``python_command`` finds the peer's packages."""
    return {**os.environ, "PYTHONPATH": f"{python_packages(peer)}{os.pathsep}{CHECKOUT}"}


def python_packages(peer: str) -> Path:
    """Return the folder with the peer's packages."""
    lock = CHECKOUT / "requirements" / f"bench-{peer}.txt"

    def install(folder: Path) -> None:
        uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs"]
        where = ["--python", sys.executable, "--target", str(folder)]
        run([*uv, *where, "--require-hashes", "-r", str(lock)], folder)

    return made_once(f"bench-{peer}-{_key(lock)}", install)


def node_command() -> list[str]:
    node, npm = _program("node"), _program("npm")
    wanted = [NODE / "package.json", NODE / "package-lock.json"]

    def install(folder: Path) -> None:
        for file in wanted:
            shutil.copy(file, folder)
        run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)

    return [node, str(NODE / "worker.cjs"), str(made_once(f"bench-node-{_key(*wanted)}", install))]


def java_command() -> list[str]:
    """Java compiles the one source file itself when it starts; a Java without a compiler says so."""
    pom = JAVA / "pom.xml"

    def install(folder: Path) -> None:
        maven = [_program("mvn"), "-B", "-q", "-f", str(pom), "dependency:copy-dependencies"]
        run([*maven, f"-DoutputDirectory={folder}"], folder)

    jars = made_once(f"bench-java-{_key(pom)}", install)
    return [str(java()), *JAVA_OPTIONS, "-cp", f"{jars}/*", str(JAVA / "EngineBench.java")]


def run(command: list[str], folder: Path) -> None:
    """Raise ``RuntimeError`` with what the installer said, if it fails."""
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=folder, timeout=INSTALL_SECONDS_MAX
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-500:]
        raise RuntimeError(f"could not be installed: {Path(command[0]).name} said: {said}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"could not be installed: {name} is not on the PATH")
    return found


def _key(*files: Path) -> str:
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
