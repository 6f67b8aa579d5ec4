"""What the commands that ask the APIs have in common: who asks, amounts, tables, and watching."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import BadParameter, Exit, Option

from stack.cli.running import output, progress

if TYPE_CHECKING:
    from rich.table import Table

    from api.auth import Role
    from api.client.client import Client

Names = Literal["trader", "analyst", "auditor", "operator", "risk", "admin"]

EVERY_S_MIN, EVERY_S_MAX = 0.2, 60.0
TOKEN_S = 86_400  # a watch may run for a day
SUBJECT = "me"

AsJson = Annotated[bool, Option("--json", help="Print one JSON object.")]
As = Annotated[
    Names | None,
    Option("--as", help="The role to ask in; a trader of --account, else an analyst, unless told."),
]
Account = Annotated[str, Option("--account", help="The account it is about.")]
Limit = Annotated[int, Option(min=1, max=10_000, help="At most so many, the newest.")]
Watch = Annotated[bool, Option("--watch", help="Show it again and again, until Ctrl-C.")]
Every = Annotated[
    float, Option(min=EVERY_S_MIN, max=EVERY_S_MAX, help="With --watch: seconds between two looks.")
]
Times = Annotated[
    int, Option(min=0, max=1_000_000, help="With --watch: end after so many looks; 0: at Ctrl-C.")
]


def amount(text: str) -> Decimal:
    """Raises ``BadParameter`` for what is no plain, positive number."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise BadParameter(f"{text!r} is no amount; give a plain decimal such as 0.5")
    return value


@contextmanager
def asking(role: Names | None, account: str = "") -> "Iterator[Client]":
    """Yield a client of the local stack, in a role; what the APIs refuse ends the command in words, and with
    exit code 1. Raises ``RuntimeError`` where no stack was ever brought up.
    """
    from api.auth import mint_token
    from api.client.client import Client
    from api.client.errors import ClientError, NoAnswerError
    from stack.ports import HOST
    from stack.settings import TOKEN_SECRET_FILE, Settings

    settings = Settings.load()
    if not (settings.folder / TOKEN_SECRET_FILE).exists() and "token_secret" not in settings.model_fields_set:
        raise RuntimeError(f"no stack was ever brought up in {settings.folder}. Next: ./oms up")
    chosen: Role = role or ("trader" if account else "analyst")
    token = mint_token(settings.token_secret, SUBJECT, [chosen], [account] if account else [], TOKEN_S)
    urls = [f"http://{HOST}:{port}" for port in (settings.command_api_port, settings.query_api_port)]
    try:
        with Client(urls[0], urls[1], token) as client:
            yield client
    except NoAnswerError as error:
        progress.print(f"[red]{error}[/red]. Next: ./oms status")
        raise Exit(1) from None
    except ClientError as error:
        progress.print("[red]Refused:[/red]", str(error))
        raise Exit(1) from None


# --- Showing ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column of a table: its head, and what of a row stands in it."""

    head: str
    value: Callable[[Any], Any]
    right: bool = False


def columns(*names: str, right: Sequence[str] = ()) -> list[Column]:
    """Return a column for each field; a field's ``_`` is a space in the head."""
    return [Column(name.replace("_", " "), _field(name), right=name in right) for name in names]


def _field(name: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, name)


def table(rows: Sequence[Any], shown: Sequence[Column]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, header_style="bold", pad_edge=False)
    for column in shown:
        drawn.add_column(column.head, justify="right" if column.right else "left", no_wrap=True)
    for row in rows:
        drawn.add_row(*(Text(text(column.value(row))) for column in shown))
    return drawn


def text(value: Any) -> str:
    """Return what a person reads: plain decimals, UTC to the second, nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def details(found: Any, *names: str) -> "Table":
    """Return the fields of one thing, a line each; those that are not there are left out."""
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=None, show_header=False, pad_edge=False)
    for name in names:
        value = getattr(found, name)
        if value not in (None, "", []):
            drawn.add_row(Text(name.replace("_", " "), style="bold"), Text(text(value)))
    return drawn


def as_json(found: Any) -> str:
    """Return it as JSON, with decimals as the APIs write them."""
    import msgspec

    from api.client.amounts import plain

    return json.dumps(plain(msgspec.to_builtins(found, builtin_types=(Decimal,))))


def answer(found: Any, draw: Callable[[Any], Any], *, json_asked: bool) -> None:
    """Print what was found, as a table or as one JSON object."""
    if json_asked:
        print(as_json(found))
    else:
        output.print(draw(found))


@dataclass(frozen=True)
class Watching:
    """How to show something: once, or every ``every_s`` until Ctrl-C, ``times`` times or ``over`` says so."""

    on: bool
    every_s: float
    times: int = 0

    def show(
        self,
        read: Callable[[], Any],
        draw: Callable[[Any], Any],
        *,
        json_asked: bool,
        over: Callable[[Any], bool] = lambda _: False,
    ) -> None:
        """Raises ``BadParameter`` for a watch in JSON, of which there would be more than one object."""
        if not self.on:
            answer(read(), draw, json_asked=json_asked)
            return
        if json_asked:
            raise BadParameter(
                "--watch shows a table again and again; --json prints one object: give one of them"
            )
        try:
            self._watch(read, draw, over)
        except KeyboardInterrupt:
            progress.print("Ended.")

    def _watch(
        self, read: Callable[[], Any], draw: Callable[[Any], Any], over: Callable[[Any], bool]
    ) -> None:
        """On a terminal each look takes the place of the one before; in a file it follows it."""
        from contextlib import nullcontext

        from rich.live import Live

        looks = 0
        with Live(console=output, auto_refresh=False) if output.is_terminal else nullcontext() as live:
            while True:
                found = read()
                if live is None:
                    output.print(draw(found))
                    sys.stdout.flush()
                else:
                    live.update(draw(found), refresh=True)
                looks += 1
                if over(found) or looks == self.times:
                    return
                sleep(self.every_s)
