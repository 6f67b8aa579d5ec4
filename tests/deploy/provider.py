"""The schema of the AWS provider, read from the typed bindings that are generated from it.

The provider itself cannot be had everywhere; its bindings (npm `@cdktf/provider-aws`) can. They name each
resource's arguments and blocks, which of them are demanded, and what can be read from it.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from stack.cache import made_once

HERE = Path(__file__).parent
NODE = HERE / "node"
INSTALL_SECONDS_MAX = 600
BINDINGS = Path("node_modules") / "@cdktf" / "provider-aws" / "lib"

_INTERFACE = re.compile(r"^export interface (\w+)([^{]*)\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_MEMBER = re.compile(r"/\*\*(.*?)\*/\s*readonly (\w+)(\??): ([^;]+);", re.DOTALL)
_DOCUMENTED_AS = re.compile(r"docs/(?:resources|data-sources)/\w+#(\w+) ")
_READABLE = re.compile(r"^    get (\w+)\(\)", re.MULTILINE)


@dataclass
class Block:
    """What may stand between two braces: ``arguments`` and ``blocks`` by name; ``demanded``: which must."""

    arguments: set[str] = field(default_factory=set)
    blocks: dict[str, "Block | None"] = field(default_factory=dict)
    """``None``: the bindings do not say what is in it."""
    demanded: set[str] = field(default_factory=set)


@dataclass
class Schema:
    """A resource or data source. ``readable``: what others may refer to."""

    body: Block
    readable: set[str]


@cache
def schema(kind: str) -> Schema:
    """Return the schema of ``aws_vpc``, or of the data source ``data.aws_region``. Raises ``LookupError``."""
    data = kind.startswith("data.")
    name = kind.removeprefix("data.").removeprefix("aws_").replace("_", "-")
    path = bindings() / (f"data-aws-{name}" if data else name) / "index.d.ts"
    if not path.exists():
        raise LookupError(f"the AWS provider has no {kind}")
    text = path.read_text()
    interfaces = {found[1]: found[3] for found in _INTERFACE.finditer(text)}
    # the one with what every resource takes (count, depends_on ...) is the resource's own
    own = next(found[3] for found in _INTERFACE.finditer(text) if "TerraformMetaArguments" in found[2])
    body = _block(own, interfaces)
    readable = {_snake(found[1]) for found in _READABLE.finditer(text)}
    return Schema(body, readable | body.arguments | set(body.blocks))


def _block(members: str, interfaces: Mapping[str, str]) -> Block:
    block = Block()
    for comment, camel, optional, kind in _MEMBER.findall(members):
        documented = _DOCUMENTED_AS.search(comment)
        name = documented[1] if documented else _snake(camel)
        # A block has a type of its own among the interfaces; those the provider lets one give as a list too.
        types = [word for word in re.findall(r"\w+", kind) if word in interfaces]
        if f"{name} block" in comment or types:
            block.blocks[name] = _block(interfaces[types[0]], interfaces) if types else None
        else:
            block.arguments.add(name)
        if not optional:
            block.demanded.add(name)
    return block


def _snake(camel: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", camel).lower()


@cache
def bindings() -> Path:
    """Return the folder of the bindings, installed once (37 MB to fetch) into the user's cache."""
    lock = NODE / "package-lock.json"
    version = re.search(r'"node_modules/@cdktf/provider-aws": \{\s*"version": "([^"]+)"', lock.read_text())
    assert version, f"{lock} names no version"

    def install(folder: Path) -> None:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(NODE / file, folder)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit=peer"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=INSTALL_SECONDS_MAX,
        )

    return made_once(f"aws-provider-{version[1]}", install) / BINDINGS
