"""What the commands about users, keys and signing keys share."""

import getpass
import json
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from typer import Option

from stack.cli.running import output
from stack.cli.up import settings as running_settings

if TYPE_CHECKING:
    from api.identity.store import Store

PASSWORD_BYTES = 15
AsJson = Annotated[bool, Option("--json", help="Print one JSON object.")]
PasswordFile = Annotated[
    Path | None, Option(help="A file with the password in its first line, or - for standard input.")
]


@contextmanager
def desk() -> "Iterator[Store]":
    """Yield the store of the running stack. Raises ``RuntimeError``: refused, or down."""
    from sqlalchemy.exc import SQLAlchemyError

    from stack.identity import store_of

    try:
        with store_of(running_settings()) as store:
            yield store
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        raise RuntimeError(f"the database does not answer: {reason}. Next: ./oms status") from None


def operator() -> str:
    """Return who is at this machine, as the record of events names them."""
    return f"cli:{getpass.getuser()}"


def password_from(file: Path | None) -> tuple[str, bool]:
    """Return a password, and whether it was thought of here and so has to be told."""
    if file is None:
        return secrets.token_urlsafe(PASSWORD_BYTES), True
    text = sys.stdin.read() if str(file) == "-" else file.read_text()
    return text.split("\n", 1)[0], False


def told(view: Any, *, as_json: bool) -> None:
    """Print one thing: its fields, a line each, or as JSON."""
    fields: dict[str, Any] = _plain(view)
    if as_json:
        print(json.dumps(fields))
        return
    for name, what in fields.items():
        output.print(f"{name}: {_words(what)}", markup=False)


def told_list(name: str, views: Sequence[Any], columns: Sequence[str], *, as_json: bool) -> None:
    """Print a table of the fields ``columns``, or everything as JSON."""
    from rich.table import Table
    from rich.text import Text

    rows: list[dict[str, Any]] = _plain(list(views))
    if as_json:
        print(json.dumps({name: rows}))
        return
    drawn = Table(*columns, box=None, header_style="bold")
    for row in rows:
        drawn.add_row(*(Text(_words(row[column])) for column in columns))
    output.print(drawn)


def _plain(view: Any) -> Any:
    """Return objects, lists and texts, also where a view carries JSON as it is."""
    return msgspec.json.decode(msgspec.json.encode(view))


def _words(what: Any) -> str:
    if isinstance(what, list):
        return " ".join(map(str, what)) or "-"
    return "-" if what is None or what == "" else str(what)
