"""`./oms lock`."""

import subprocess
import sys

from typer import Exit

from stack.cli.running import output
from stack.settings import CHECKOUT

FOLDER = CHECKOUT / "requirements"

# Locks for every system and every Python from 3.11 on; no registry's address goes into them.
COMPILE = [
    *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--system-certs", "--upgrade"),
    *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"),
    *("--custom-compile-command", "./oms lock"),
]


def lock() -> None:
    """Write requirements/*.txt anew from requirements/*.in, with the newest versions that fit.

    The next ./oms then prepares a new environment; the old one stays for clones that still want it.

    Example: ./oms lock
    """
    for wanted in sorted(FOLDER.glob("*.in")):
        locked = wanted.with_suffix(".txt")
        command = [*COMPILE, wanted.name, "--output-file", locked.name]
        if subprocess.run(command, check=False, cwd=FOLDER).returncode != 0:
            raise Exit(1)
        output.print(f"{locked.relative_to(CHECKOUT)} written")
