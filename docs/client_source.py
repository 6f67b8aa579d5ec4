"""Writes what of api/client/ follows from other code: `python docs/client_source.py`.

* `api/client/types/`: what the APIs take and give, from the servers' own schemas, so that no shape is defined
  twice by hand. Where JSON has a decimal string the client has a `Decimal`, for a time a `datetime`.
* The modules in `SYNCHRONOUS`, each from its asynchronous twin.

A test fails while a file is not what this would write.
"""

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from api.query import decimals

ROOT = Path(__file__).resolve().parent.parent
CLIENT = ROOT / "api" / "client"
TYPES = CLIENT / "types"
REQUESTS = (
    "api.command.schemas",
    "api.command.list_schemas",
    "api.command.control_schemas",
    "api.command.trades",
    "api.command.frames",
)
ANSWERS = (
    "api.command.fanout",
    "api.query.trade_views",
    "api.query.views",
    "api.query.order_views",
    "api.query.list_views",
    "api.query.order_search",
    "api.query.order_events",
    "api.query.trade_lists",
    "api.query.book_views",
    "api.query.holdings",
    "api.query.limit_views",
    "api.query.pnl",
    "api.query.analytics",
    "api.query.activity",
    "api.query.account_list",
    "api.query.equity",
    "api.query.portfolio",
    "api.query.money",
)
SERVER_ONLY = {"Request", "Use", "Wanted", "BadItem"}
RENAMED = {
    ("api.command.schemas", "OrderView"): "OrderOutcome",
    ("api.command.schemas", "FillView"): "FillOutcome",
    ("api.command.schemas", "BatchView"): "BatchOutcome",
    ("api.command.list_schemas", "OrderListView"): "OrderListOutcome",
    ("api.command.schemas", "PlaceItem"): "PlaceInBatch",
    ("api.command.schemas", "CancelItem"): "CancelInBatch",
    ("api.command.schemas", "AmendItem"): "AmendInBatch",
    ("api.command.schemas", "CancelReplaceItem"): "CancelReplaceInBatch",
}
DECIMAL_NAMES = {"price", "quantity", "remaining", "fee", "trigger_price", "quote_quantity"}
"""Amounts that a schema declares as mere text."""
SYNCHRONOUS = {
    "async_commands.py": "commands.py",
    "async_queries.py": "queries.py",
    "async_sending.py": "sending.py",
}
HEAD = '"""{what}\n\nWritten by docs/client_source.py from {source}: do not edit.\n"""\n\n'


class Module:
    """One module of types, of the structs of one of the servers' modules."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.name = "_".join(source.split(".")[1:])
        self.imports: set[str] = set()
        self.structs: list[str] = []

    def write(self, server_module: Any, exported: dict[str, str]) -> None:
        for cls in _structs_of(server_module):
            name = _client_name(cls)
            if name in exported:
                raise RuntimeError(f"{cls.__module__}.{name}: {exported[name]} has that name; see RENAMED")
            exported[name] = self.name
            self.structs.append(self._struct(cls, name))

    def text(self) -> str:
        head = HEAD.format(what=f"What the APIs take and give: the structs of {self.source}.", source="it")
        own = f"from api.client.types.{self.name} import"
        imports = "\n".join(sorted(line for line in self.imports if not line.startswith(own)))
        return f"{head}{imports}\n\n\n" + "\n\n\n".join(self.structs) + "\n"

    def _struct(self, cls: type[msgspec.Struct], name: str) -> str:
        self.imports.add("import msgspec")
        taken = _is_request(cls)
        config = cls.__struct_config__
        options = ["kw_only=True", "omit_defaults=True"] if taken else ["frozen=True", "kw_only=True"]
        if config.tag is not None:
            options += [f'tag_field="{config.tag_field}"', f'tag="{config.tag}"']
        lines = [f"class {name}(msgspec.Struct, {', '.join(options)}):"]
        lines += _docstring(cls)
        lines += [self._field(cls, field, taken=taken) for field in msgspec.structs.fields(cls)]
        return "\n".join([*lines, *([] if len(lines) > 1 else ["    pass"])])

    def _field(self, cls: type[msgspec.Struct], field: Any, *, taken: bool) -> str:
        shown = " | ".join(self._shown(cls, field.type, field.name, taken=taken))
        if field.default is not msgspec.NODEFAULT:
            shown += f" = {_value(field.default, shown)}"
        elif field.default_factory is not msgspec.NODEFAULT:
            shown += f" = msgspec.field(default_factory={field.default_factory.__name__})"
        return f"    {field.name}: {shown}"

    def _shown(self, cls: type[msgspec.Struct], hint: Any, name: str, *, taken: bool) -> Iterator[str]:
        """Yield how the client names each of what ``hint`` may be."""
        if special := self._special(hint, name, taken=taken):
            yield special
        elif hasattr(hint, "__metadata__"):
            yield from self._shown(cls, hint.__origin__, name, taken=taken)
        elif get_origin(hint) in {Union, UnionType}:
            parts = [part for each in get_args(hint) for part in self._shown(cls, each, name, taken=taken)]
            yield from dict.fromkeys(sorted(parts, key=lambda part: part == "None"))
        elif get_origin(hint) is Literal:
            yield self._word(cls, hint)
        elif get_origin(hint) is not None:
            inner = ", ".join(
                " | ".join(self._shown(cls, each, name, taken=taken)) for each in get_args(hint)
            )
            yield f"{get_origin(hint).__name__}[{inner}]"
        elif isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            other = "_".join(hint.__module__.split(".")[1:])
            self.imports.add(f"from api.client.types.{other} import {_client_name(hint)}")
            yield _client_name(hint)
        else:
            yield self._plain(hint)

    def _special(self, hint: Any, name: str, *, taken: bool) -> str:
        if hint == decimals.Time:
            self.imports.add("from datetime import datetime")
            return "datetime"
        if hint == decimals.Day:
            self.imports.add("from datetime import date")
            return "date"
        amount = hint in {decimals.Decimal, decimals.Price} or (hint is str and name in DECIMAL_NAMES)
        if not (amount or (taken and _is_decimal_text(hint))):
            return ""
        if taken:
            self.imports.add("from api.client.amounts import Amount")
            return "Amount"
        self.imports.add("from decimal import Decimal")
        return "Decimal"

    def _word(self, cls: type[msgspec.Struct], hint: Any) -> str:
        """Return the name the servers give to a choice of words, or the words where it has none."""
        for name, value in _names_known_to(cls):
            choice = value.__origin__ if hasattr(value, "__metadata__") else value
            if get_origin(choice) is Literal and choice == hint and len(get_args(hint)) > 1:
                WORDS.setdefault(name, hint)
                if WORDS[name] == hint:
                    self.imports.add(f"from api.client.types.words import {name}")
                    return name
        self.imports.add("from typing import Literal")
        return _literal(hint)

    def _plain(self, hint: Any) -> str:
        if hint is NoneType:
            return "None"
        if hint in {datetime, date}:
            self.imports.add(f"from datetime import {hint.__name__}")
        return str(hint.__name__)


WORDS: dict[str, Any] = {}


def _literal(hint: Any) -> str:
    return f"Literal[{', '.join(_value(word) for word in get_args(hint))}]"


def _names_known_to(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield what is named in the modules that a struct and its bases are defined in."""
    for each in cls.__mro__:
        if each.__module__.startswith("api."):
            yield from vars(sys.modules[each.__module__]).items()


def _value(value: Any, shown: str = "") -> str:
    if shown == "Decimal":
        return f"Decimal({value})" if value.isdigit() else f'Decimal("{value}")'
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _structs_of(module: Any) -> Iterable[type[msgspec.Struct]]:
    for name, value in vars(module).items():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and issubclass(value, msgspec.Struct) and not name.startswith("_") and name not in SERVER_ONLY:
            yield value


def _client_name(cls: type[msgspec.Struct]) -> str:
    return RENAMED.get((cls.__module__, cls.__name__), cls.__name__)


def _is_request(cls: type[msgspec.Struct]) -> bool:
    return cls.__struct_config__.forbid_unknown_fields


def _is_decimal_text(hint: Any) -> bool:
    """Whether it is the text of a decimal, as the command API takes it."""
    pattern = import_module("api.command.schemas").DECIMAL_PATTERN
    said = [
        f"{getattr(meta, 'pattern', '')} {meta.description}" for meta in getattr(hint, "__metadata__", ())
    ]
    return getattr(hint, "__origin__", None) is str and any(pattern in each for each in said)


def _docstring(cls: type[msgspec.Struct]) -> list[str]:
    own = cls.__dict__.get("__doc__")
    if not own:
        return []
    text = textwrap.indent(textwrap.dedent("    " + own.strip()), "    ")
    lines = text.strip().splitlines()
    if len(lines) == 1:
        return [f'    """{lines[0]}"""', ""]
    return [
        f'    """{lines[0]}',
        *(f"    {line.strip()}" if line.strip() else "" for line in lines[1:]),
        '    """',
        "",
    ]


def types() -> dict[Path, str]:
    """Return the modules of types."""
    WORDS.clear()
    exported: dict[str, str] = {}
    found: dict[Path, str] = {}
    for source in (*REQUESTS, *ANSWERS):
        module = Module(source)
        module.write(import_module(source), exported)
        found[TYPES / f"{module.name}.py"] = module.text()
    words = "\n".join(f"{name} = {_literal(hint)}" for name, hint in sorted(WORDS.items()))
    head = HEAD.format(what="The words that the APIs choose from.", source="the servers' schemas")
    found[TYPES / "words.py"] = f"{head}from typing import Literal\n\n{words}\n"
    head = HEAD.format(what="What the APIs take and give, all by name.", source="the servers' schemas")
    lines = [f"from api.client.types.{module} import {name}" for name, module in sorted(exported.items())]
    listed = "\n".join(f'    "{name}",' for name in sorted(exported))
    found[TYPES / "__init__.py"] = "\n".join([head + "\n".join(lines), "", f"__all__ = [\n{listed}\n]", ""])
    return found


REPLACEMENTS = (
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\basync_(?=sending|commands|queries|transport)", ""),
    (r"\baclose\b", "close"),
    (r"\b__a(?=enter__|exit__)", "__"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio$", "import time"),
    (r"\basynchronous\b", "synchronous"),
)


def synchronous() -> dict[Path, str]:
    """Return the synchronous modules."""
    found = {}
    for source, target in SYNCHRONOUS.items():
        text = (CLIENT / source).read_text()
        for pattern, by in REPLACEMENTS:
            text = re.sub(pattern, by, text, flags=re.MULTILINE)
        told = f"Written by docs/client_source.py from {source}: do not edit.\n"
        end = text.index('"""', 3)
        first = text[3:end].strip()
        found[CLIENT / target] = f'"""{first}\n\n{told}"""{text[end + 3 :]}'
    return found


def formatted(path: Path, text: str) -> str:
    """Return it as the formatter leaves it, imports in order, and no loop that only yields."""
    tidied = ["check", "--select", "I001,F401,UP028", "--fix", "--unsafe-fixes", "--quiet"]
    for order in (tidied, ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *order, "--stdin-filename", str(path), "-"]
        done = subprocess.run(ruff, input=text, capture_output=True, text=True, check=False, cwd=ROOT)
        if done.returncode:
            raise RuntimeError(f"{path}: {done.stderr or done.stdout}")
        text = done.stdout
    return text


def sources() -> dict[Path, str]:
    """Return all that is written, by file."""
    return {path: formatted(path, text) for path, text in (types() | synchronous()).items()}


if __name__ == "__main__":
    for path, text in sources().items():
        path.write_text(text)
