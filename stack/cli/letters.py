"""`./oms projections letters`: a group of its own."""

import base64
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from typer import Argument, BadParameter, Exit, Option, Typer

from stack.cli.running import output
from stack.cli.up import settings as running_settings

if TYPE_CHECKING:
    from stack.letters.desk import Done, LetterDesk, Listed

letters = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)

REASON_SHOWN_MAX = 70
AsJson = Annotated[bool, Option("--json", help="Print one JSON object.")]
OneOrAll = Annotated[str | None, Argument(help="A letter's id, such as 2-17.")]


@letters.callback()
def group() -> None:
    """Dead letters: what could not be processed. They stop nothing else, and can be given back.

    Example: ./oms projections letters list
    """


@letters.command("list")
def list_letters(
    everything: Annotated[bool, Option("--all", help="Also those that were retried or closed.")] = False,
    limit: Annotated[int, Option(help="At most so many, the newest.", min=1, max=40_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List the letters that nothing was done about yet, newest first.

    Example: ./oms projections letters list --json
    """
    with _desk() as desk:
        found = desk.listed()
    open_count = sum(each.state == "open" for each in found)
    shown = [each for each in found if everything or each.state == "open"][:limit]
    if as_json:
        print(json.dumps({"open": open_count, "letters": [_told(each) for each in shown]}))
        return
    _show_table(shown)
    output.print(f"{open_count} open." if open_count else "None is open.")


@letters.command()
def show(letter_id: Annotated[str, Argument(help="Such as 2-17.")], as_json: AsJson = False) -> None:
    """Show a letter: where it was found, why it was put aside, and what is in it.

    Example: ./oms projections letters show 2-17
    """
    with _desk() as desk:
        found = _found(desk, letter_id)
    if as_json:
        print(json.dumps(_told(found) | _value(found.letter.value)))
        return
    for name, what in _told(found).items():
        output.print(f"{name}: {what}", markup=False)
    output.print()
    sys.stdout.write(_readable(found.letter.value) + "\n")


@letters.command()
def retry(
    letter_id: OneOrAll = None,
    everything: Annotated[bool, Option("--all", help="All that are open.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a letter back to whoever could not process it; doing so twice has the effect of once.

    A command is decided again, a slice of events is folded again, and of an event that a projection could not
    take in the documents are built anew from the event store. A command that acts on whatever is there, such
    as a mass cancel, is only given back by its id. Exit code 0 only if all were given back.

    Example: ./oms projections letters retry 2-17
    """
    with _desk() as desk:
        done = desk.retry(_chosen(desk, letter_id, everything=everything), by_name=not everything)
    _report(done, as_json=as_json)
    if done.not_retried:
        raise Exit(1)


@letters.command()
def close(
    reason: Annotated[str, Option(help="Why nothing is to be done with it.")],
    letter_id: OneOrAll = None,
    everything: Annotated[bool, Option("--all", help="All that are open.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a letter away without giving it back; it stays in Kafka, and `list --all` shows it.

    Example: ./oms projections letters close 2-17 --reason "a test sent it"
    """
    with _desk() as desk:
        closed = desk.close(_chosen(desk, letter_id, everything=everything), reason)
    if as_json:
        print(json.dumps({"closed": closed}))
    else:
        output.print(f"Closed: {', '.join(closed) or 'none'}.")


@contextmanager
def _desk() -> "Iterator[LetterDesk]":
    """Yield the desk of the running stack. Raises ``RuntimeError`` where a server does not answer."""
    from confluent_kafka import KafkaException
    from pymongo.errors import PyMongoError

    from stack.letters.desk import LetterDesk
    from streams.letters import LetterIdError

    try:
        with LetterDesk(running_settings()) as desk:
            yield desk
    except LetterIdError as error:
        raise BadParameter(str(error)) from None
    except (KafkaException, PyMongoError) as error:
        raise RuntimeError(f"a server does not answer: {error}. Next: ./oms status") from None


def _found(desk: "LetterDesk", letter_id: str) -> "Listed":
    found = desk.find(letter_id)
    if found is None:
        raise RuntimeError(
            f"There is no letter {letter_id}, or not any more. Next: ./oms projections letters list"
        )
    return found


def _chosen(desk: "LetterDesk", letter_id: str | None, *, everything: bool) -> "list[Listed]":
    if (letter_id is None) != everything:
        raise BadParameter("give either a letter's id or --all")
    return desk.open_ones() if letter_id is None else [_found(desk, letter_id)]


def _told(each: "Listed") -> dict[str, Any]:
    from api.query.decimals import time_given, time_of

    letter, mark = each.letter, each.mark or {}
    return {
        "id": letter.letter_id,
        "state": each.state,
        "kind": letter.kind,
        "reason": letter.reason,
        "source": dict(letter.found),
        "put_aside_at": time_of(letter.put_aside_at_us),
        "bytes": len(letter.value),
        "repeats": len(each.repeats),
        "marked_at": time_given(mark.get("marked_at_us")),
        "what": mark.get("what"),
    }


def _show_table(shown: "list[Listed]") -> None:
    from rich.table import Table
    from rich.text import Text

    drawn = Table("id", "state", "kind", "found", "put aside", "bytes", "why", box=None, header_style="bold")
    for each in map(_told, shown):
        found = " ".join(f"{name}={what}" for name, what in each["source"].items())
        why = each["reason"][:REASON_SHOWN_MAX]
        cells = (each["id"], each["state"], each["kind"], found, each["put_aside_at"], each["bytes"], why)
        drawn.add_row(*(Text(str(cell)) for cell in cells))
    output.print(drawn)


def _report(done: "Done", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"retried": done.retried, "not_retried": done.not_retried}))
        return
    for letter_id, what in done.retried.items():
        output.print(f"{letter_id}: {what}", markup=False)
    for letter_id, why in done.not_retried.items():
        output.print(f"{letter_id} was not retried: {why}", markup=False)
    if not (done.retried or done.not_retried):
        output.print("None is open.")


def _readable(value: bytes) -> str:
    """Return JSON on many lines; text as it is; else bytes as Python writes them."""
    try:
        return json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        pass
    try:
        return value.decode()
    except UnicodeDecodeError:
        return repr(value)


def _value(value: bytes) -> dict[str, Any]:
    try:
        return {"value": json.loads(value)}
    except (ValueError, RecursionError):
        return {"value_base64": base64.b64encode(value).decode()}
