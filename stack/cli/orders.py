"""`./oms orders`: a group of its own."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, get_args

from typer import Argument, BadParameter, Option, Typer

from api.client.types.words import OrderStatus, OrderType, Side, TimeInForce
from stack.cli.asking import (
    Account,
    As,
    AsJson,
    Every,
    Limit,
    Times,
    Watch,
    Watching,
    amount,
    answer,
    asking,
    columns,
    details,
    table,
)

if TYPE_CHECKING:
    from rich.table import Table

    from api.client.types import OrderOutcome, OrderView

orders = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)

OVER = {"filled", "cancelled", "rejected"}

Amount = Annotated[Decimal | None, Option(parser=amount)]
OrderId = Annotated[str, Argument(help="The order's id, as the answer to placing it told.")]


@orders.callback()
def group() -> None:
    """Place, change, cancel and look at orders of the local stack.

    Example: ./oms orders place BTC-USD buy 0.5 --price 60000 --account alice
    """


@orders.command()
def place(
    symbol: Annotated[str, Argument(help="The market, such as BTC-USD.")],
    side: Annotated[Side, Argument()],
    quantity: Annotated[Decimal | None, Argument(parser=amount, help="In the base asset.")] = None,
    *,
    account: Account,
    price: Annotated[Decimal | None, Option(parser=amount, help="Without it: a market order.")] = None,
    kind: Annotated[
        OrderType | None, Option("--type", help="Limit with a price, market without, unless told.")
    ] = None,
    quote_quantity: Annotated[
        Decimal | None, Option(parser=amount, help="Instead of a quantity: spend, or earn, so much.")
    ] = None,
    trigger_price: Annotated[
        Decimal | None, Option(parser=amount, help="Of stop and take-profit orders.")
    ] = None,
    trailing_offset: Annotated[Decimal | None, Option(parser=amount, help="Of trailing stops.")] = None,
    display_quantity: Annotated[
        Decimal | None, Option(parser=amount, help="An iceberg shows so much.")
    ] = None,
    time_in_force: Annotated[TimeInForce, Option("--time-in-force", "--tif")] = "gtc",
    expires_at: Annotated[datetime | None, Option(help="UTC; with --tif gtd.")] = None,
    post_only: Annotated[bool, Option("--post-only", help="Rejected rather than taking.")] = False,
    client_order_id: Annotated[
        str | None, Option(help="Your own id: the same again is the same order. One is made up without it.")
    ] = None,
    test: Annotated[bool, Option("--test", help="Have it validated in full, and place nothing.")] = False,
    role: As = None,
    as_json: AsJson = False,
) -> None:
    """Place an order, and tell what became of it. Exit code 1 if it was rejected.

    Example: ./oms orders place BTC-USD buy 0.5 --price 60000 --account alice

    Example: ./oms orders place BTC-USD sell 0.5 --account alice --json
    """
    from secrets import token_hex

    from api.client.types import PlaceOrderRequest

    order = PlaceOrderRequest(
        account=account,
        client_order_id=client_order_id or f"cli-{token_hex(8)}",
        symbol=symbol,
        side=side,
        type=kind or ("market" if price is None else "limit"),
        quantity=quantity,
        quote_quantity=quote_quantity,
        price=price,
        time_in_force=time_in_force,
        expires_at=None if expires_at is None else expires_at.replace(tzinfo=UTC),
        post_only=post_only,
        display_quantity=display_quantity,
        trigger_price=trigger_price,
        trailing_offset=trailing_offset,
    )
    with asking(role, account) as client:
        outcome = client.test(order) if test else client.place(order)
    answer(outcome, _outcome, json_asked=as_json)


@orders.command()
def cancel(
    order_id: Annotated[str | None, Argument(help="The order's id; or give --all.")] = None,
    *,
    account: Account,
    everything: Annotated[bool, Option("--all", help="All open orders of the account.")] = False,
    symbol: Annotated[str | None, Option(help="With --all: only on this market.")] = None,
    side: Annotated[Side | None, Option(help="With --all: only of this side.")] = None,
    role: As = None,
    as_json: AsJson = False,
) -> None:
    """Cancel one order, or all of an account. Exit code 1 if it is not open.

    Example: ./oms orders cancel 0000cb25-98c6-8dc4-83bc-10ea9616066b --account alice

    Example: ./oms orders cancel --all --symbol BTC-USD --account alice
    """
    if (order_id is None) != everything:
        raise BadParameter("give either an order's id or --all")
    found: Any
    with asking(role, account) as client:
        found = (
            client.cancel_all(account, symbol, side) if order_id is None else client.cancel(account, order_id)
        )
    if order_id is None:
        answer(found, lambda done: details(done, "status", "detail"), json_asked=as_json)
    else:
        answer(found, _outcome, json_asked=as_json)


@orders.command()
def amend(
    order_id: OrderId,
    *,
    account: Account,
    quantity: Annotated[
        Decimal | None, Option(parser=amount, help="In total, what is filled included.")
    ] = None,
    price: Amount = None,
    trigger_price: Amount = None,
    role: As = None,
    as_json: AsJson = False,
) -> None:
    """Change an open order; what is left out stays as it is. Exit code 1 if it could not be.

    Example: ./oms orders amend 0000cb25-98c6-8dc4-83bc-10ea9616066b --price 60100 --account alice
    """
    from api.client.types import AmendOrderRequest

    if quantity is None and price is None and trigger_price is None:
        raise BadParameter("nothing is to change; give --quantity, --price or --trigger-price")
    change = AmendOrderRequest(account=account, quantity=quantity, price=price, trigger_price=trigger_price)
    with asking(role, account) as client:
        outcome = client.amend(order_id, change)
    answer(outcome, _outcome, json_asked=as_json)


@orders.command("list")
def list_orders(
    account: Annotated[str, Option(help="Of this account; without: of all.")] = "",
    status: Annotated[list[str] | None, Option(help="Only such; may be repeated.")] = None,
    symbol: Annotated[str | None, Option(help="Only on this market.")] = None,
    limit: Limit = 20,
    role: As = None,
    watch: Watch = False,
    every: Every = 1.0,
    times: Times = 0,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first.

    Example: ./oms orders list --account alice --status open --watch
    """
    wanted = _statuses(status)
    with asking(role, account) as client:

        def read() -> dict[str, Any]:
            most = min(limit, 500)
            if account:
                found = client.orders_of(account, status=wanted, symbol=symbol, limit=most)
            else:
                found = client.search_orders(status=wanted, symbol=symbol, limit=most)
            return {"orders": list(islice(found, limit))}

        Watching(watch, every, times).show(read, _list, json_asked=as_json)


@orders.command()
def show(order_id: OrderId, role: As = None, as_json: AsJson = False) -> None:
    """Show an order as it stands, and its last fills.

    Example: ./oms orders show 0000cb25-98c6-8dc4-83bc-10ea9616066b
    """
    with asking(role) as client:
        answer(client.order(order_id), _one, json_asked=as_json)


@orders.command()
def watch(order_id: OrderId, role: As = None, every: Every = 1.0, times: Times = 0) -> None:
    """Show an order again and again, until nothing more can become of it, or Ctrl-C.

    Example: ./oms orders watch 0000cb25-98c6-8dc4-83bc-10ea9616066b
    """
    with asking(role) as client:
        Watching(on=True, every_s=every, times=times).show(
            lambda: client.order(order_id), _one, json_asked=False, over=lambda order: order.status in OVER
        )


def _statuses(asked: list[str] | None) -> list[OrderStatus] | None:
    """Raises ``BadParameter`` for what no order is."""
    known: tuple[OrderStatus, ...] = get_args(OrderStatus)
    if unknown := set(asked or ()) - set(known):
        raise BadParameter(f"no order is {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return [status for status in known if status in asked] if asked else None


def _outcome(outcome: "OrderOutcome") -> "Table":
    from rich.table import Table

    drawn = Table.grid()
    drawn.add_row(details(outcome, "status", "order_id", "quantity", "remaining", "detail", "replayed"))
    if outcome.fills:
        fills = columns(
            "trade_id", "price", "quantity", "fee", "liquidity", right=("price", "quantity", "fee")
        )
        drawn.add_row(table(outcome.fills, fills))
    return drawn


def _list(found: dict[str, Any]) -> "Table":
    shown = columns(
        "created_at",
        "order_id",
        "account",
        "symbol",
        "side",
        "order_type",
        "price",
        "quantity",
        "filled",
        "status",
        right=("price", "quantity", "filled"),
    )
    return table(found["orders"], shown)


def _one(order: "OrderView") -> "Table":
    from rich.table import Table

    drawn = Table.grid()
    names = (
        "order_id",
        "account",
        "client_order_id",
        "symbol",
        "side",
        "order_type",
        "time_in_force",
        "status",
    )
    amounts = (
        "price",
        "quantity",
        "quote_quantity",
        "filled",
        "remaining",
        "average_price",
        "notional",
        "fees",
    )
    drawn.add_row(details(order, *names, *amounts, "cancel_reason", "created_at", "updated_at"))
    if order.rejection is not None:
        drawn.add_row(details(order.rejection, "code", "detail", "remedy"))
    if order.fills:
        fills = ("filled_at", "trade_id", "price", "quantity", "fee", "liquidity", "status")
        drawn.add_row(table(order.fills, columns(*fills, right=("price", "quantity", "fee"))))
    return drawn
