"""Builds the virtual environment that `./oms` runs in, from the locked and hashed requirements.

Called by the `oms` script with the system's Python, before anything is installed: standard library only.
"""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

Command = list[str | Path]


def say(text: str) -> None:
    """Progress goes to standard error: standard output belongs to the command that was asked for."""
    print(text, file=sys.stderr, flush=True)


def main(prefix: str, requirements: Path) -> None:
    """Build `<prefix>-py3.x` unless it is there already."""
    venv = Path(f"{prefix}-py{sys.version_info.major}.{sys.version_info.minor}")
    venv.parent.mkdir(parents=True, exist_ok=True)
    with only_one(venv.with_name(venv.name + ".lock")):
        if is_whole(venv):
            return
        try:
            build(venv, requirements)
        except subprocess.CalledProcessError as failed:
            command = " ".join(map(str, failed.cmd[:6]))
            sys.exit(f"Preparing failed at `{command} ...`: the reason is printed above.")


@contextmanager
def only_one(lock: Path) -> Iterator[None]:
    """Two clones may start at once: the second waits. The kernel frees the lock of a killed process."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./oms is preparing the same environment; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_whole(venv: Path) -> bool:
    """The marker is the last thing written; the interpreter may have been uninstalled since."""
    return (venv / "prepared").exists() and (venv / "bin" / "python").exists()


def build(venv: Path, requirements: Path) -> None:
    """Build in place (scripts in `bin/` carry their path); without the marker it counts as not there."""
    started = monotonic()
    say(f"First run: preparing Python {sys.version.split()[0]} packages (once, about a minute) in {venv}")
    shutil.rmtree(venv, ignore_errors=True)
    create(venv)
    python = venv / "bin" / "python"
    pip: Command = [python, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    locked: Command = ["--require-hashes", "-r"]
    say("  installing the installer (uv)")
    subprocess.run([*pip, *locked, requirements / "uv.txt"], check=True)
    say("  installing the packages of requirements/requirements.txt")
    # uv is quick; pip also knows a mirror that only its own configuration names.
    uv: Command = [python, "-m", "uv", "pip", "install", "--quiet", "--system-certs", "--python", python]
    packages = [*locked, requirements / "requirements.txt"]
    if subprocess.run([*uv, *packages], check=False).returncode != 0:
        say("  uv could not install them; trying pip")
        subprocess.run([*pip, *packages], check=True)
    (venv / "prepared").write_text(sys.version)
    say(f"  ready after {monotonic() - started:.0f} s")


def create(venv: Path) -> None:
    """Debian splits `venv` from Python, and its own message is long: say it in one sentence."""
    made = subprocess.run([sys.executable, "-m", "venv", venv], check=False, capture_output=True, text=True)
    if made.returncode != 0:
        say(made.stdout + made.stderr)
        sys.exit("Python could not make a virtual environment (Debian, Ubuntu: 'apt install python3-venv').")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
