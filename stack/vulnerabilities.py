"""Asks whether a package that is locked has a known weakness: `python -m stack.vulnerabilities`.

pip-audit runs in an environment of its own, from requirements/audit.txt. It needs the network: where its
database cannot be reached the check is skipped, and says so; it does not fail for want of an answer.
"""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stack.cache import made_once
from stack.secret_scan import ACCEPTED, CHECKOUT

LOCKS = ("requirements.txt", "uv.txt")
TOOL = CHECKOUT / "requirements" / "audit.txt"
INSTALL_S_MAX, ANSWER_S_MAX = 300, 120
SKIPPED = "skipped: "
# OSV's database: one that is made to be asked, where package registries are not
QUIETLY = ("--disable-pip", "--vulnerability-service", "osv", "--format", "json", "--progress-spinner", "off")


class UnreachableError(RuntimeError):
    """It cannot be told whether there is a weakness; the text says why."""


def environment() -> Path:
    """Return the folder with pip-audit's packages. Raises ``UnreachableError`` if they cannot be fetched."""
    key = hashlib.sha256(TOOL.read_bytes()).hexdigest()[:16]
    try:
        return made_once(f"pip-audit-{key}", _install)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise UnreachableError("pip-audit could not be installed") from error


def _install(folder: Path) -> None:
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--system-certs", "--require-hashes"]
    command = [*uv, "--python", sys.executable, "--target", str(folder), "-r", str(TOOL)]
    subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S_MAX)


def ask(lock: Path, packages: Path) -> Mapping[str, Any]:
    """Return pip-audit's report on a lock. Raises ``UnreachableError`` if its database does not answer."""
    command = [sys.executable, "-S", "-P", "-m", "pip_audit", "--requirement", str(lock), "--require-hashes"]
    try:
        done = subprocess.run(
            [*command, *QUIETLY],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(packages)},
            timeout=ANSWER_S_MAX,
        )
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(f"its database has not answered after {ANSWER_S_MAX} s") from error
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        said = done.stderr.strip().splitlines()
        raise UnreachableError(said[-1][:300] if said else "pip-audit said nothing") from error
    return report


def weaknesses(report: Mapping[str, Any], accepted: Mapping[str, str]) -> list[str]:
    """Return a line for each weakness that nobody has accepted, with the version that mends it."""
    return [
        f"{package['name']} {package['version']}: {known['id']}, mended in "
        f"{', '.join(known.get('fix_versions', ())) or 'no version yet'}"
        for package in report["dependencies"]
        for known in package.get("vulns", ())
        if known["id"] not in accepted and not set(known.get("aliases", ())) & accepted.keys()
    ]


def main() -> int:
    accepted: dict[str, str] = tomllib.loads(ACCEPTED.read_text()).get("vulnerabilities", {})
    try:
        packages = environment()
        found = [
            line
            for lock in LOCKS
            for line in weaknesses(ask(CHECKOUT / "requirements" / lock, packages), accepted)
        ]
    except UnreachableError as error:
        print(f"{SKIPPED}{error}. Known weaknesses of packages were not looked for.")
        return 0
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
