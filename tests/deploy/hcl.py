"""Terraform's files, read: what a module declares, and what it refers to."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import hcl2

from stack.settings import CHECKOUT

TERRAFORM = CHECKOUT / "terraform"
IS_BLOCK = "__is_block__"
META = {"count", "for_each", "provider", "depends_on", "lifecycle", "provisioner", "connection"}


class Declared(NamedTuple):
    """A resource, data source or ephemeral: ``kind`` such as ``aws_vpc`` or ``data.aws_region``."""

    file: Path
    kind: str
    name: str
    body: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file.relative_to(TERRAFORM)}: {self.kind}.{self.name}"


@dataclass(frozen=True)
class Module:
    """A folder of ``.tf`` files."""

    folder: Path

    @property
    def name(self) -> str:
        return str(self.folder.relative_to(TERRAFORM))

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("*.tf"))

    def text(self) -> str:
        """Return all of its files without comments."""
        lines = "\n".join(file.read_text() for file in self.files()).splitlines()
        return "\n".join(line for line in lines if not line.lstrip().startswith("#"))

    def resources(self) -> list[Declared]:
        return list(self._declared())

    def _declared(self) -> Iterator[Declared]:
        for file in self.files():
            for section, prefix in (("resource", ""), ("data", "data."), ("ephemeral", "ephemeral.")):
                for entry in _parsed(file).get(section, []):
                    for kind, named in entry.items():
                        for name, body in named.items():
                            yield Declared(file, prefix + plain(kind), plain(name), body)

    def named(self, section: str) -> dict[str, dict[str, Any]]:
        """Return its ``variable``, ``output`` or ``module`` blocks by name."""
        entries = [entry for file in self.files() for entry in _parsed(file).get(section, [])]
        return {plain(name): body for entry in entries for name, body in entry.items()}

    def locals(self) -> set[str]:
        entries = [entry for file in self.files() for entry in _parsed(file).get("locals", [])]
        return {name for entry in entries for name in entry if not name.startswith("__")}


@cache
def _parsed(file: Path) -> dict[str, Any]:
    with file.open() as text:
        return dict(hcl2.load(text))


def modules() -> list[Module]:
    """Return every folder with Terraform files, roots included."""
    folders = {path.parent for path in TERRAFORM.rglob("*.tf") if ".terraform" not in path.parts}
    return [Module(folder) for folder in sorted(folders)]


def plain(text: str) -> str:
    return text.strip('"')


def entries(body: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Yield what stands in a block: name, value, if it is a block; a ``dynamic`` one as what it makes."""
    for name, value in body.items():
        if name.startswith("__"):
            continue
        if name == "dynamic":
            for each in value:
                for label, dynamic in each.items():
                    if not label.startswith("__"):
                        yield plain(label), dynamic["content"], True
            continue
        yield plain(name), value, _is_block(value)


def _is_block(value: Any) -> bool:
    found = value[0] if isinstance(value, list) and value else value
    return isinstance(found, dict) and IS_BLOCK in found


REFERENCES = {
    "var": re.compile(r"\bvar\.(\w+)"),
    "local": re.compile(r"\blocal\.(\w+)"),
    "module": re.compile(r"\bmodule\.(\w+)(?:\[[^]]*\])?\.(\w+)"),
    "resource": re.compile(r"(?<![.\w])(data\.|ephemeral\.)?(aws_\w+)\.(\w+)(?:\[[^]]*\])?(?:\.(\w+))?"),
}
