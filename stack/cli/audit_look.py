"""`./oms audit order`, `account`, `market`, `book`, `trade`, `command`, `search`, `accesses`: the auditor's
time machine.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from typer import Argument, BadParameter, Exit, Option, Typer

from stack.cli.running import output, progress
from stack.cli.up import settings

if TYPE_CHECKING:
    from rich.console import Console

    from stack.audit.looking import Look
    from streams.audit.travel import Asked

T = TypeVar("T")

AsOf = Annotated[
    str | None,
    Option("--as-of", help="A version (v3), a seq (120), or a time (2026-01-31T12:00:00Z): the state then."),
]
AsJson = Annotated[bool, Option("--json", help="Print one JSON object.")]
Cursor = Annotated[str | None, Option(help="Where the page before ended; it says so itself.")]
Limit = Annotated[int, Option(help="Steps on a page, at most.", min=1, max=10_000)]
OfShard = Annotated[int | None, Option("--shard", help="With --as-of: of an account in several.", min=0)]


def add_to(audit: Typer) -> None:
    """Add the commands that look into the history to `./oms audit`."""
    for command in (order, account, market, book, trade, command_tree, stream, search, accesses):
        audit.command("command" if command is command_tree else command.__name__)(command)


def order(
    named: Annotated[str, Argument(metavar="ORDER", help="Its id; with --account the client's own id.")],
    of_account: Annotated[str | None, Option("--account", help="Whose order it is.")] = None,
    as_of: AsOf = None,
    cursor: Cursor = None,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """Tell an order's whole history, or what it was at a point of it.

    Example: ./oms audit order my-order-17 --account alice --as-of 2026-01-31T12:00:00Z
    """
    from stack.audit import telling
    from streams.audit import histories, travel

    asked = point_of(as_of)
    which = f"{named} --account {of_account}" if of_account else named

    def then(store: "Look") -> travel.OrderThen:
        shard, order_id = histories.resolve_order(store, named, of_account)
        return travel.order_then(store, store.machine, shard, order_id, asked)

    def history(store: "Look") -> histories.OrderHistory:
        shard, order_id = histories.resolve_order(store, named, of_account)
        after = histories.read_cursor(cursor).get(shard, 0)
        return histories.order_history(store, shard, order_id, after, limit)

    if as_of is not None:
        _show("order as of", f"{which} --as-of {as_of}", then, telling.order_then, as_json=as_json)
    else:
        _show("order", which, history, telling.order, as_json=as_json)


def account(
    named: Annotated[str, Argument(metavar="ACCOUNT")],
    as_of: AsOf = None,
    shard: OfShard = None,
    cursor: Cursor = None,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """Tell an account's whole history, posting by posting, or what it had at a point of it.

    Example: ./oms audit account alice --as-of 2026-01-31T12:00:00Z
    """
    from stack.audit import telling
    from streams.audit import histories, travel

    asked = point_of(as_of)

    def then(store: "Look") -> travel.AccountThen:
        return travel.account_then(store, store.machine, named, asked, shard)

    def history(store: "Look") -> histories.AccountHistory:
        return histories.account_history(store, named, cursor, limit)

    if as_of is not None:
        _show("account as of", f"{named} --as-of {as_of}", then, telling.account_then, as_json=as_json)
    else:
        _show("account", named, history, telling.account, as_json=as_json)


def market(
    symbol: Annotated[str, Argument()],
    as_of: AsOf = None,
    trades: Annotated[bool, Option(help="Leave out the trades: --no-trades.")] = True,
    cursor: Cursor = None,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """Tell a market's history: rules, statuses, trades, busts; or what it was at a point of it.

    Example: ./oms audit market BTC-USD --no-trades
    """
    from stack.audit import telling
    from streams.audit import histories, travel

    asked = point_of(as_of)

    def then(store: "Look") -> travel.MarketThen:
        return travel.market_then(store, store.machine, symbol, asked)

    def history(store: "Look") -> histories.MarketHistory:
        return histories.market_history(store, symbol, cursor, limit, with_trades=trades)

    if as_of is not None:
        _show("market as of", f"{symbol} --as-of {as_of}", then, telling.market_then, as_json=as_json)
    else:
        _show("market", symbol, history, telling.market, as_json=as_json)


def book(
    symbol: Annotated[str, Argument()],
    as_of: AsOf = None,
    level: Annotated[int, Option(help="2: by price; 3: every order.", min=2, max=3)] = 2,
    as_json: AsJson = False,
) -> None:
    """Show the whole book of a market as it was; without --as-of, as it is.

    Example: ./oms audit book BTC-USD --as-of 2026-01-31T12:00:00Z --level 3
    """
    from stack.audit import telling
    from streams.audit import travel

    asked = point_of(as_of)

    def then(store: "Look") -> travel.BookThen:
        return travel.book_then(store, store.machine, symbol, asked, 3 if level == 3 else 2)

    which = f"{symbol} --level {level}" + (f" --as-of {as_of}" if as_of else "")
    _show("book as of", which, then, telling.book_then, as_json=as_json)


def trade(
    symbol: Annotated[str, Argument()],
    trade_id: Annotated[int, Argument(min=1)],
    as_json: AsJson = False,
) -> None:
    """Lead from a trade back to both orders, accounts, commands and people.

    Example: ./oms audit trade BTC-USD 17
    """
    from stack.audit import telling
    from streams.audit.trades import trade_trail

    _show(
        "trade",
        f"{symbol} {trade_id}",
        lambda store: trade_trail(store, symbol, trade_id),
        telling.trade,
        as_json=as_json,
    )


def command_tree(
    command_id: Annotated[str, Argument(help="As the command API's answer and every event name it.")],
    as_json: AsJson = False,
) -> None:
    """Draw all that a command caused, as a tree.

    Example: ./oms audit command 5f2c8a11-2a
    """
    from stack.audit import telling
    from streams.audit.causation import command_tree as tree_of

    _show("command", command_id, lambda store: tree_of(store, command_id), telling.command, as_json=as_json)


def stream(
    named: Annotated[str, Argument(metavar="ID", help="The id of a transfer, an order list, any stream.")],
    cursor: Cursor = None,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """Tell the events of a transfer, an order list or any other aggregate: who asked, who settled.

    Example: ./oms audit stream 00007362-5144-8a2e-88fd-d5f60027430b
    """
    from stack.audit import telling
    from streams.audit.histories import stream_history

    _show(
        "stream",
        named,
        lambda store: stream_history(store, named, cursor, limit),
        telling.stream,
        as_json=as_json,
    )


def search(
    q: Annotated[str, Argument(help="Any id: of an order, account, market, trade, command; a client's own.")],
    as_json: AsJson = False,
) -> None:
    """Say what an id stands for.

    Example: ./oms audit search BTC-USD/17
    """
    from stack.audit import telling
    from streams.audit.searching import Findings
    from streams.audit.searching import search as find

    _show(
        "search",
        q,
        lambda store: Findings(q, find(store, q)),
        lambda console, found: telling.findings(console, found.found),
        as_json=as_json,
    )


def accesses(
    who: Annotated[str | None, Option(help="Only what this one looked at.")] = None,
    limit: Annotated[int, Option(help="How many, the newest first.", min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """List who looked at what, and check that none of it was changed or is missing in between.

    Exit code 0 only if the record is whole.

    Example: ./oms audit accesses --who alice
    """
    from msgspec import Struct

    from stack.audit import telling
    from streams.audit import access

    class Record(Struct):
        accesses: list[access.Access]
        whole: bool
        wrong: str | None

    def read(store: "Look") -> Record:
        wrong = access.first_broken(access.read(store.connection))
        return Record(access.last(store.connection, limit, who), wrong is None, wrong)

    def tell(console: "Console", found: Record) -> None:
        telling.accesses(console, found.accesses)
        console.print(f"The record is broken: {found.wrong}" if found.wrong else "The record is whole.")

    found = _show("accesses", f"--who {who}" if who else "all", read, tell, as_json=as_json)
    if not found.whole:
        raise Exit(1)


def point_of(written: str | None) -> "Asked":
    """Return what --as-of means. Raises ``BadParameter``."""
    from streams.audit.travel import Asked
    from streams.audit.units import moment_us

    if written is None:
        return Asked()
    number = written.removeprefix("v")
    if number.isascii() and number.isdigit():
        return Asked(version=int(number)) if written.startswith("v") else Asked(seq=int(number))
    try:
        moment_us(written)
    except ValueError:
        raise BadParameter(
            f"--as-of was {written!r}; it is a version such as v3, a seq such as 120, or a time such as"
            " 2026-01-31T12:00:00Z"
        ) from None
    return Asked(time=written)


def _show(
    what: str,
    which: str,
    read: "Callable[[Look], T]",
    tell: "Callable[[Console, T], Any]",
    *,
    as_json: bool,
) -> T:
    """Look, and print what was found: one object, or words for a person."""
    import msgspec

    from stack.audit import report
    from stack.audit.looking import look

    progress.quiet = as_json
    with report.progress_on(progress) as said:
        found = look(settings(), said, what, which, read)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        tell(output, found)
    return found
