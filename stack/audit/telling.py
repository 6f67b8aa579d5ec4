"""How histories, trees and states of the past look to a person."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from streams.audit.access import Access
from streams.audit.as_of import AccountAsOf, BookAsOf, MarketAsOf, OrderAsOf, RestingOrder
from streams.audit.causation import CommandTree
from streams.audit.histories import AccountHistory, MarketHistory, OrderHistory, StreamHistory
from streams.audit.searching import Finding
from streams.audit.steps import Change, PostingView, State, Step
from streams.audit.trades import TradeSideView, TradeTrail
from streams.audit.travel import AccountThen, BookThen, MarketThen, OrderThen, Point

POSTINGS_SHOWN_MAX = 12  # of one step; --json has all
POSTINGS_OF_COMMAND_MAX = 200
CHANGES_NOT_SHOWN = frozenset({"fills", "last_trade_id"})  # the sentence says as much


# --- Histories ------------------------------------------------------------------------------------------


def order(output: Console, found: OrderHistory) -> None:
    output.print(
        f"Order {found.order_id} of {found.account}, known to it as {found.client_order_id}:"
        f" {found.order_type.replace('_', '-')} {found.side} on {found.symbol}",
        markup=False,
    )
    steps(output, found.steps)
    state(output, "It is now" if found.next_cursor is None else "At the end of this page it is", found.state)
    more(output, found.next_cursor)


def account(output: Console, found: AccountHistory) -> None:
    output.print(f"Account {found.account}", markup=False)
    steps(output, found.steps, with_changes_of_balances=False)
    state(output, "Its terms", found.terms)
    more(output, found.next_cursor)


def market(output: Console, found: MarketHistory) -> None:
    output.print(f"Market {found.symbol}", markup=False)
    steps(output, found.steps)
    more(output, found.next_cursor)


def stream(output: Console, found: StreamHistory) -> None:
    output.print(f"Stream {found.stream}", markup=False)
    steps(output, found.steps)
    more(output, found.next_cursor)


def more(output: Console, cursor: str | None) -> None:
    if cursor is not None:
        output.print(f"There is more: --cursor {cursor}", markup=False)


def steps(output: Console, found: Iterable[Step], *, with_changes_of_balances: bool = True) -> None:
    """Print a step each: when, by whom and what; below it what changed, and what was posted."""
    for each in found:
        cause = f" by command {each.command_id}" if each.command_id else ""
        correlation = f" ({each.correlation_id})" if each.correlation_id else ""
        output.print()
        place = f"{each.occurred_at}  v{each.version}  seq {each.seq}"
        output.print(Text(f"{place}  {each.actor}{cause}{correlation}", "dim"))
        output.print(f"  {each.sentence}", markup=False)
        if with_changes_of_balances or not each.postings:
            changes(output, each.changes)
        postings(output, each.postings, with_account=False)


def changes(output: Console, found: Sequence[Change]) -> None:
    known = [change for change in found if change.field not in CHANGES_NOT_SHOWN]
    shown = [change for change in known if change.before is not None or change.after != "0"]
    if shown:
        told = ", ".join(f"{each.field} {_was(each.before)}{each.after or 'none'}" for each in shown)
        output.print(Text(f"    {told}", "cyan"))


def _was(before: str | None) -> str:
    return "" if before is None else f"{before} → "


def postings(
    output: Console, found: Sequence[PostingView], *, with_account: bool, most: int = POSTINGS_SHOWN_MAX
) -> None:
    rows = []
    for each in found[:most]:
        whose = (each.account,) if with_account else ()
        rows.append((*whose, each.sentence, f"{each.asset} {each.available} available, {each.held} held"))
    for line in in_columns(rows):
        output.print(Text(f"    {line}"))
    if len(found) > most:
        output.print(f"    and {len(found) - most} more postings; --json has them all")


def state(output: Console, title: str, found: State | None) -> None:
    if not found:
        return
    told = ", ".join(f"{name} {value}" for name, value in found.items() if value is not None)
    output.print(f"\n{title}: {told}", markup=False)


# --- Causes ---------------------------------------------------------------------------------------------


def trade(output: Console, found: TradeTrail) -> None:
    output.print(
        f"Trade {found.trade_id} on {found.symbol}: {found.quantity} at {found.price},"
        f" {found.notional} in all, at {found.traded_at} (seq {found.seq}); it stands as {found.status}",
        markup=False,
    )
    command_id = found.command_id or "none: the clock"
    output.print(f"Caused by {found.caused_by}, command {command_id}", markup=False)
    for side in found.sides:
        _side(output, side)
    steps(output, found.changes)


def _side(output: Console, side: TradeSideView) -> None:
    output.print(
        f"\n{side.liquidity}: {side.account} {'bought' if side.side == 'buy' else 'sold'}, fee {side.fee}, by"
        f" {side.order_type.replace('_', '-')} order {side.order_id} ({side.client_order_id})",
        markup=False,
    )
    output.print(f"  people behind it: {', '.join(side.people)}", markup=False)
    for act in side.acts:
        output.print(f"  {act.at}  {act.what} by {act.actor}, command {act.command_id}", markup=False)


def command(output: Console, found: CommandTree) -> None:
    """Draw the tree with lines, and list the money that moved."""
    correlation = f", part of {found.correlation_id}" if found.correlation_id else ""
    output.print(
        f"Command {found.command_id} of {found.actor}{correlation}, {found.occurred_at},"
        f" shard {found.shard}, seqs {found.first_seq} to {found.last_seq}",
        markup=False,
    )
    for line in drawn(found):
        output.print(line, markup=False)
    if found.postings:
        output.print("\nMoney it moved:")
        postings(output, found.postings, with_account=True, most=POSTINGS_OF_COMMAND_MAX)
    if found.left_out:
        output.print(f"{found.left_out} more are left out")


def drawn(tree: CommandTree) -> list[str]:
    """Return the tree's lines: `├─`, `└─` and what leads down to the next sibling."""
    last_child = {node.parent: node.node for node in tree.nodes}  # the one that comes last stays
    lines: list[str] = []
    open_below: list[bool] = []  # at each depth: whether a sibling is still to come
    for node in tree.nodes:
        is_last = last_child[node.parent] == node.node
        del open_below[node.depth :]
        stem = "".join("│  " if coming else "   " for coming in open_below)
        seq = "" if node.seq is None else f"  [seq {node.seq}]"
        lines.append(f"{stem}{'└─ ' if is_last else '├─ '}{node.sentence}{seq}")
        open_below.append(not is_last)
    return lines


def findings(output: Console, found: Sequence[Finding]) -> None:
    if not found:
        output.print("The history has nothing of that name. A trade is named as BTC-USD/17.")
    for each in found:
        output.print(f"{each.kind} {each.id}", markup=False)
        output.print(Text(f"  {each.occurred_at}  seq {each.seq}  {each.actor}", "dim"))
        output.print(f"  {each.sentence}", markup=False)


def accesses(output: Console, found: Sequence[Access]) -> None:
    rows = [
        (str(each.id), each.at, each.who, each.via, each.what, f"{each.items} shown", each.which)
        for each in found
    ]
    for line in in_columns(rows):
        output.print(Text(line))


def in_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a line for each row, its columns below one another: never wrapped, so that ids stay whole."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


# --- Time travel ----------------------------------------------------------------------------------------


def point(output: Console, found: Point) -> None:
    when = f", {found.occurred_at}" if found.occurred_at else ""
    output.print(f"As of seq {found.seq} of shard {found.shard}{when}", markup=False)
    output.print(f"{'Proven' if found.proven else 'Not proven'}: {found.proof}\n", markup=False)


def order_then(output: Console, found: OrderThen) -> None:
    point(output, found.as_of)
    state(output, f"Order {found.order_id}", found.state or {"status": "not placed yet"})
    if found.open is not None:
        _open_order(output, found.open)


def _open_order(output: Console, order: OrderAsOf) -> None:
    if order.queue is not None:
        output.print(
            f"In the book it shows {order.queue.shown}; {order.queue.orders_ahead} orders with"
            f" {order.queue.quantity_ahead} trade before it",
            markup=False,
        )
    if order.trigger_price is not None:
        output.print(f"It waits for {order.trigger_price}", markup=False)


def account_then(output: Console, found: AccountThen) -> None:
    for each in found.shards:
        point(output, each.as_of)
        if each.account is None:
            output.print(f"Account {found.account} was not open yet", markup=False)
        else:
            _account(output, each.account)


def _account(output: Console, found: AccountAsOf) -> None:
    group = f", group {found.group}" if found.group else ""
    output.print(f"Account {found.account}: {found.status}{group}", markup=False)
    table = Table("asset", "available", "held", box=None)
    for balance in found.balances:
        table.add_row(balance.asset, balance.available, balance.held)
    output.print(table)
    for position in found.positions:
        output.print(f"position {position.symbol} {position.quantity}, cost {position.cost}", markup=False)
    state(output, "Limits", found.limits)
    output.print(f"{found.open_orders_count} open orders")
    for order in found.open_orders:
        price = order.price or "market"
        output.print(
            f"  {order.side} {order.remaining} of {order.quantity} {order.symbol} at {price},"
            f" {order.client_order_id} ({order.order_id})",
            markup=False,
        )


def market_then(output: Console, found: MarketThen) -> None:
    point(output, found.as_of)
    if found.market is None:
        output.print(f"Market {found.symbol} was not listed yet", markup=False)
    else:
        _market(output, found.market)


def _market(output: Console, found: MarketAsOf) -> None:
    output.print(f"Market {found.symbol}: {found.status}; the venue: {found.venue_status}", markup=False)
    output.print(
        f"last price {found.last_price or 'none'}, mark price {found.mark_price or 'none'},"
        f" best bid {found.best_bid or 'none'}, best ask {found.best_ask or 'none'},"
        f" {found.last_trade_id} trades"
    )
    state(output, "Rules", found.rules)


def book_then(output: Console, found: BookThen) -> None:
    point(output, found.as_of)
    if found.book is None:
        output.print(f"Market {found.symbol} was not listed yet", markup=False)
    else:
        book(output, found.book)


def book(output: Console, found: BookAsOf) -> None:
    """Print asks above bids, the best next to each other; with level 3 the orders of each price."""
    rows = [("", "price", "quantity", "orders")]
    for side, levels in (("ask", reversed(found.asks)), ("bid", iter(found.bids))):
        for level in levels:
            rows.append((side, level.price, level.quantity, str(level.orders_count)))
            rows += [("", "", *_resting(each)) for each in level.orders or ()]
    output.print(f"Book of {found.symbol}: {len(found.bids)} bids, {len(found.asks)} asks", markup=False)
    for line in in_columns(rows):
        output.print(Text(line))


def _resting(order: RestingOrder) -> tuple[str, str]:
    hidden = f" (+{order.hidden} hidden)" if order.hidden != "0" else ""
    return f"{order.quantity}{hidden}", f"{order.account} {order.order_id}"
