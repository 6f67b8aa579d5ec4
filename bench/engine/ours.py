"""Our own engine: the one place that knows the domain's functions and commands.

What is timed is the pure domain with everything it does: checks, ledger, matching, events, state hash.
"""

from importlib.machinery import SOURCE_SUFFIXES
from typing import Any

from bench.engine.flow import ACCOUNTS
from bench.engine.messages import Message
from bench.engine.timing import Call, Engine

SHARD = 0
SYMBOL = "BTC-USD"
NOW_US = 1_790_000_000_000_000
COMMANDS_PER_COMMIT = 100
LOT_UNITS = 1_000  # a lot of 0.00001 in base units of 10**-8
FUNDS = {"BTC": "1000000", "USD": "1000000000"}


class Ours(Engine):
    """An exchange with one market, and accounts rich enough for every order."""

    def __init__(self) -> None:
        from domain import exchange, order  # noqa: PLC0415 - first the worker says which domain

        self.carry_out = exchange.carry_out
        self.exchange = exchange.Exchange()
        self.fill = order.OrderFilled
        self.handled = 0
        for command in _opening():
            self.handle(command)

    def handle(self, command: Any) -> Any:
        """Decide, and make the events part of the state; return them. Once for each commit of a hundred
        commands the state hash is asked for, as the processor does.
        """
        events = self.carry_out(self.exchange, command, NOW_US)
        self.handled += 1
        if self.handled % COMMANDS_PER_COMMIT == 0:
            self.state_hash = self.exchange.state_hash
        return events

    def call(self, message: Message) -> Call:
        if message.kind == "cancel":
            return self.handle, (self._cancel(message),)
        if message.kind == "modify":
            return self.handle, (self._amend(message),)
        return self.handle, (self._place(message),)

    def traded(self, outcome: Any) -> tuple[int, int]:
        fills = [event for event in outcome if isinstance(event, self.fill) and event.liquidity == "maker"]
        return len(fills), sum(fill.quantity for fill in fills) // LOT_UNITS

    def _cancel(self, message: Message) -> Any:
        from domain.order import CancelOrder  # noqa: PLC0415

        account, name = _account(message.account), f"order-{message.order}"
        return CancelOrder(
            command_id=f"cancel-{name}",
            actor=account,
            order_id=_order_id(account, name),
            account=account,
        )

    def _amend(self, message: Message) -> Any:
        from domain.order import AmendOrder  # noqa: PLC0415

        account, name = _account(message.account), f"order-{message.order}"
        return AmendOrder(
            command_id=f"amend-{name}",
            actor=account,
            order_id=_order_id(account, name),
            account=account,
            price=_price(message),
        )

    def _place(self, message: Message) -> Any:
        from domain.order import OrderRequest, PlaceOrder  # noqa: PLC0415

        account, name = _account(message.account), f"order-{message.order}"
        return PlaceOrder(
            command_id=f"place-{name}",
            actor=account,
            order_id=_order_id(account, name),
            account=account,
            client_order_id=name,
            symbol=SYMBOL,
            request=OrderRequest(
                side=message.side,
                time_in_force="ioc" if message.ioc else "gtc",
                quantity=f"{message.quantity // 10**5}.{message.quantity % 10**5:05d}",
                price=_price(message),
            ),
        )


def _price(message: Message) -> str:
    return f"{message.price // 100}.{message.price % 100:02d}"


def compiled() -> bool:
    """Tell whether the domain that was imported is a compiled one."""
    from domain import exchange  # noqa: PLC0415

    return not str(exchange.__file__).endswith(tuple(SOURCE_SUFFIXES))


_names: list[str] = [f"account-{number}" for number in range(ACCOUNTS)]


def _account(number: int) -> str:
    """Return one and the same string each time, as a server that interns its accounts does."""
    return _names[number]


def _order_id(account: str, client_order_id: str) -> str:
    from domain.ids import order_id  # noqa: PLC0415

    return order_id(SHARD, account, client_order_id)


def _opening() -> list[Any]:
    """List the market and fund the accounts."""
    from domain.account import Deposit, OpenAccount  # noqa: PLC0415
    from domain.ids import transfer_id  # noqa: PLC0415
    from domain.market import ListMarket  # noqa: PLC0415

    market = ListMarket(
        command_id="list",
        actor="operator",
        symbol=SYMBOL,
        base_asset="BTC",
        quote_asset="USD",
        base_scale=8,
        quote_scale=8,
        tick_size="0.01",
        lot_size="0.00001",
        min_quantity="0.00001",
        max_quantity="1000",
        min_notional="0",
        maker_fee_ppm=1_000,
        taker_fee_ppm=2_000,
    )
    opened = [OpenAccount(command_id=f"open-{name}", actor="operator", account=name) for name in _names]
    deposits = [
        Deposit(
            command_id=f"deposit-{name}-{asset}",
            actor="operator",
            transfer_id=transfer_id(SHARD, name, asset),
            client_transfer_id=asset,
            account=name,
            asset=asset,
            amount=amount,
        )
        for name in _names
        for asset, amount in FUNDS.items()
    ]
    return [market, *opened, *deposits]
