"""What traders at random wish for: every type of order there is, and what they do to their orders later."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from commands.messages import AnyCommand
from domain.event import Side
from domain.ids import list_id
from domain.market import SetMarkPrice
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, OrderRequest, PlaceOrder
from domain.order_list import ListLeg, PlaceOrderList

MIDDLE = 100
EXPIRES_US_MAX = 20_000
CONDITIONAL = ("stop", "stop_limit", "take_profit", "take_profit_limit", "trailing_stop")
SELF_TRADE = ("none", "none", "expire_taker", "expire_maker", "expire_both", "decrement")


class Wishes:
    """Draws commands. ``new_id(account, name)`` makes an order's id."""

    def __init__(
        self,
        chance: random.Random,
        accounts: Sequence[str],
        symbols: Sequence[str],
        new_id: Callable[[str, str], str],
    ) -> None:
        self.chance = chance
        self.accounts = accounts
        self.symbols = symbols
        self.new_id = new_id
        self.placed: list[tuple[str, str, str]] = []
        self.count = 0

    def next(self, now_us: int) -> AnyCommand:
        self.count += 1
        drawn = self.chance.random()
        if self.placed and drawn < 0.3:
            return self.change(drawn, now_us)
        if drawn < 0.33:
            symbol = self.chance.choice(self.symbols)
            return SetMarkPrice(**self.cause("clock"), symbol=symbol, price=self.price())
        return self.bracket() if drawn > 0.96 else self.place(now_us)

    def cause(self, actor: str) -> dict[str, Any]:
        return {"command_id": f"c{self.count}", "actor": actor}

    def place(self, now_us: int) -> PlaceOrder:
        account, symbol = self.chance.choice(self.accounts), self.chance.choice(self.symbols)
        name = f"o{self.count}"
        self.placed.append((account, symbol, self.new_id(account, name)))
        return PlaceOrder(
            **self.cause(account),
            order_id=self.placed[-1][2],
            account=account,
            client_order_id=name,
            symbol=symbol,
            request=self.request(now_us),
        )

    def bracket(self) -> PlaceOrderList:
        """An entry near the middle, and its two exits."""
        account, symbol = self.chance.choice(self.accounts), self.chance.choice(self.symbols)
        quantity, name = self.quantity(), f"l{self.count}"
        asked = (
            OrderRequest(side="buy", quantity=quantity, price=f"{MIDDLE + self.chance.gauss(0, 0.3):.2f}"),
            OrderRequest(side="sell", quantity=quantity, price=f"{MIDDLE + 2}"),
            OrderRequest(side="sell", order_type="stop", quantity=quantity, trigger_price=f"{MIDDLE - 1}"),
        )
        names = [f"{name}-{role}" for role in ("entry", "profit", "stop")]
        ids = [self.new_id(account, one) for one in names]
        self.placed += [(account, symbol, one) for one in ids]
        return PlaceOrderList(
            **self.cause(account),
            list_id=list_id(0, account, name),
            account=account,
            client_list_id=name,
            symbol=symbol,
            kind="otoco",
            legs=tuple(ListLeg(*leg) for leg in zip(ids, names, asked, strict=True)),
        )

    def change(self, drawn: float, now_us: int) -> AnyCommand:
        at = self.chance.randrange(max(0, len(self.placed) - 80), len(self.placed))
        account, symbol, order_id = self.placed[at]
        if drawn < 0.005:
            return CancelAll(**self.cause(account), account=account, symbol=symbol, session="s1")
        if drawn < 0.15:
            return CancelOrder(**self.cause(account), order_id=order_id, account=account)
        if drawn < 0.25:
            return AmendOrder(**self.cause(account), order_id=order_id, account=account, **self.amendment())
        placing = self.place(now_us)
        return CancelReplace(
            **self.cause(account),
            cancel_order_id=order_id,
            mode=self.chance.choice(["stop_on_failure", "allow_failure"]),
            order_id=self.new_id(account, placing.client_order_id),
            account=account,
            client_order_id=placing.client_order_id,
            symbol=symbol,
            request=placing.request,
        )

    def amendment(self) -> dict[str, Any]:
        return self.chance.choice(
            [{"quantity": self.quantity()}, {"price": self.price()}, {"trigger_price": self.price()}]
        )

    def request(self, now_us: int) -> OrderRequest:
        side: Side = self.chance.choice(["buy", "sell"])
        drawn = self.chance.random()
        if drawn < 0.1:
            return OrderRequest(side=side, **self.market())
        parts: dict[str, Any] = {
            "side": side,
            "self_trade": self.chance.choice(SELF_TRADE),
            "quantity": self.quantity(),
        }
        if drawn < 0.3:
            return OrderRequest(**parts, **self.conditional(side))
        price = "100.003" if drawn > 0.98 else self.price()
        return OrderRequest(**parts, price=price, **self.time(now_us), **self.extras())

    def market(self) -> dict[str, Any]:
        too_little = {"quote_quantity": "0.001"}
        budget = {"quote_quantity": str(self.chance.randint(1, 800))}
        amount = self.chance.choice([too_little, budget, budget, {"quantity": self.quantity()}])
        return {"order_type": "market", "time_in_force": "ioc", **amount}

    def conditional(self, side: Side) -> dict[str, Any]:
        order_type = self.chance.choice(CONDITIONAL)
        source = {"order_type": order_type, "trigger_source": self.chance.choice(["last", "mark"])}
        if order_type == "trailing_stop":
            return source | self.chance.choice([{"trailing_offset": "0.6"}, {"trailing_bps": 70}])
        rising = (side == "buy") != order_type.startswith("take_profit")
        distance = abs(self.chance.gauss(0.8, 0.6))
        trigger = {"trigger_price": f"{MIDDLE + distance if rising else MIDDLE - distance:.2f}"}
        limit = {"price": self.price()} if order_type.endswith("limit") else {}
        return source | trigger | limit

    def time(self, now_us: int) -> dict[str, Any]:
        tif = self.chance.choice(["gtc", "gtc", "gtc", "gtd", "day", "ioc", "ioc", "fok"])
        expires = {"expires_at_us": now_us + self.chance.randint(1, EXPIRES_US_MAX)} if tif == "gtd" else {}
        return {"time_in_force": tif, **expires}

    def extras(self) -> dict[str, Any]:
        return self.chance.choice(
            [{}, {}, {}, {"post_only": True}, {"display_quantity": "0.3"}, {"session": "s1"}]
        )

    def price(self) -> str:
        return f"{self.chance.gauss(MIDDLE, 1):.2f}"

    def quantity(self) -> str:
        return f"{self.chance.randint(1, 500) / 100}"
