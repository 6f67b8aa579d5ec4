"""The compiled domain: machine code of domain/, made by mypyc where there is a C compiler.

It is made once for each state of the sources, into the user's cache, and comes first on the services' path.
The Python sources stay the reference: the domain's tests run against both, down to the state hash.
"""

import ast
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

from stack.cache import cache_folder, made_once
from stack.settings import CHECKOUT, Settings

log = logging.getLogger(__name__)

DOMAIN = CHECKOUT / "domain"
COMPILE_SECONDS_MAX = 600
HOW_TO_INSTALL = "Debian, Ubuntu: 'apt install gcc python3-dev'; macOS: 'xcode-select --install'"

# One shared library: calls between modules are then calls, and no look-ups.
_SETUP = """
from mypyc.build import mypycify
from setuptools import setup

setup(name="domain", packages=["domain"], ext_modules=mypycify({options!r}, opt_level="3", debug_level="0"))
"""


def prepare(settings: Settings) -> None:
    """Compile the domain, unless that is done or not wanted; without a compiler it stays as it is."""
    if not settings.compiled_domain or folder().exists():
        return
    if compiler() is None:
        log.info("No C compiler: the domain runs as plain Python, less than half as fast. %s", HOW_TO_INSTALL)
        return
    log.info("Compiling the domain (once for each state of the sources, about half a minute)")
    try:
        made_once(folder().name, compile_into)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or getattr(error, "stdout", None) or str(error)
        log.warning("The domain could not be compiled and runs as plain Python: %s", said[-2_000:])


def path(settings: Settings) -> str:
    """Return the path on which services find our code, the compiled domain first if there is one."""
    if settings.compiled_domain and folder().exists():
        return f"{folder()}{os.pathsep}{CHECKOUT}"
    return str(CHECKOUT)


def folder() -> Path:
    """Return where the compiled domain of these sources is, or would be."""
    digest = hashlib.sha256()
    for source in sources():
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    for what in (sys.version, sysconfig.get_platform(), version("mypy"), version("msgspec")):
        digest.update(what.encode() + b"\0")
    return cache_folder() / f"domain-{digest.hexdigest()[:16]}"


def compiler() -> str | None:
    """Return the C compiler that Python was built to use, or any other."""
    names = [os.environ.get("CC", ""), (sysconfig.get_config_var("CC") or "").partition(" ")[0], "cc", "gcc"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


def sources() -> list[Path]:
    return sorted(DOMAIN.glob("*.py"))


def can_be_compiled(source: Path) -> bool:
    """Tell whether mypyc keeps what the module means: it drops the keywords of a class (``frozen=True``), so
    the modules that hold the facts and commands stay Python.
    """
    classes = [node for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.ClassDef)]
    return source.name != "__init__.py" and not any(each.keywords for each in classes)


def compile_into(draft: Path) -> None:
    """Make a whole ``domain`` package in the folder. Raises ``subprocess.SubprocessError``."""
    package = draft / "domain"
    package.mkdir()
    for source in sources():
        shutil.copy(source, package)
    names = [f"domain/{source.name}" for source in sources() if can_be_compiled(source)]
    setup = draft / "setup.py"
    setup.write_text(_SETUP.format(options=[*names, "--strict"]))
    subprocess.run(
        [sys.executable, setup.name, "-q", "build_ext", "--inplace"],
        cwd=draft,
        check=True,
        capture_output=True,
        text=True,
        timeout=COMPILE_SECONDS_MAX,
        env={**os.environ, "PYTHONPATH": ""},
    )
    shutil.rmtree(draft / "build", ignore_errors=True)
