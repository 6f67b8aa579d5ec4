"""What is odd about single orders: prices far from the market, sizes far beyond the usual, trades of an
account with itself. Each finding has its evidence; nothing is refused here, that is done before a trade.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal, NamedTuple

from domain.numbers import format_units
from domain.order import OrderFilled, OrderPlaced, OrderRejected, TradePrevented
from projections.risk.figures import PPM
from projections.risk.prices import MarketPrices, PriceBook

OrderAlertKind = Literal["fat_finger", "price_collar", "self_trade"]
ORDER_EVENTS = frozenset({OrderPlaced, OrderRejected, OrderFilled, TradePrevented})
TRADES_KEPT_MAX = 4_096
SIZES_KEPT_MAX = 500
SIZES_MIN = 50
"""Before so many orders were seen on a market none is unusual there."""


@dataclass(frozen=True)
class OrderBounds:
    """``collar_ppm``: so far from the market's price an order is odd. ``size_multiple``: so many times the
    median notional of a market's last 500 orders is.
    """

    collar_ppm: int = 100_000
    size_multiple: int = 50


class OrderAlert(NamedTuple):
    """``evidence``: values and thresholds, as text where they are amounts."""

    kind: OrderAlertKind
    account: str
    symbol: str
    message: str
    evidence: dict[str, Any]


@dataclass
class OrderWatch:
    """Looks at the events of orders, in the order in which they happened on each market."""

    prices: PriceBook
    bounds: OrderBounds = field(default_factory=OrderBounds)

    def __post_init__(self) -> None:
        self._sizes: dict[str, deque[int]] = {}
        self._takers: OrderedDict[tuple[str, int], OrderFilled] = OrderedDict()
        self._looks: dict[type, Callable[[Any], list[OrderAlert]]] = {
            OrderPlaced: self._placed,
            OrderRejected: self._rejected,
            OrderFilled: self._filled,
            TradePrevented: self._prevented,
        }

    def look(self, event: object) -> list[OrderAlert]:
        look = self._looks.get(type(event))
        return [] if look is None else look(event)

    def _placed(self, event: OrderPlaced) -> list[OrderAlert]:
        market = self.prices.markets.get(event.symbol)
        if market is None:
            return []
        found = []
        if event.trigger is None and event.price is not None and (alert := self._collar(market, event)):
            found.append(alert)
        if alert := self._size(market, event):
            found.append(alert)
        return found

    def _collar(self, market: MarketPrices, event: OrderPlaced) -> OrderAlert | None:
        """A buy far above the market or a sell far below it; the other way round it only waits."""
        price, asked = market.price, event.price
        if price is None or asked is None:
            return None
        beyond = (asked - price if event.side == "buy" else price - asked) * PPM // price
        if beyond < self.bounds.collar_ppm:
            return None
        scale = market.rules.price_scale
        return OrderAlert(
            "price_collar",
            event.account,
            event.symbol,
            f"{event.side} at {format_units(asked, scale)}, {beyond / 10_000:.1f} % beyond the market's "
            f"{format_units(price, scale)}",
            {
                "order_id": event.order_id,
                "price": format_units(asked, scale),
                "market_price": format_units(price, scale),
                "beyond_ppm": beyond,
                "threshold_ppm": self.bounds.collar_ppm,
            },
        )

    def _size(self, market: MarketPrices, event: OrderPlaced) -> OrderAlert | None:
        price = event.price or market.price
        notional = event.budget or (market.rules.notional(price, event.quantity) if price else 0)
        sizes = self._sizes.setdefault(event.symbol, deque(maxlen=SIZES_KEPT_MAX))
        usual = int(median(sizes)) if len(sizes) >= SIZES_MIN else 0
        sizes.append(notional)
        if not usual or notional < usual * self.bounds.size_multiple:
            return None
        scale, quote = market.rules.quote_scale, market.rules.quote_asset
        return OrderAlert(
            "fat_finger",
            event.account,
            event.symbol,
            f"worth {format_units(notional, scale)} {quote}, {notional // usual} times the usual order",
            {
                "order_id": event.order_id,
                "notional": format_units(notional, scale),
                "median_notional": format_units(usual, scale),
                "threshold_multiple": self.bounds.size_multiple,
            },
        )

    def _rejected(self, event: OrderRejected) -> list[OrderAlert]:
        kinds: dict[str, OrderAlertKind] = {"price_band": "price_collar", "max_order_notional": "fat_finger"}
        kind = kinds.get(event.code)
        if kind is None:
            return []
        evidence = {"order_id": event.order_id, "code": event.code, "detail": event.detail}
        return [OrderAlert(kind, event.account, event.symbol, f"rejected: {event.detail}", evidence)]

    def _filled(self, event: OrderFilled) -> list[OrderAlert]:
        """Both sides of a trade come one after the other; of one account, it traded with itself."""
        other = self._takers.pop((event.symbol, event.trade_id), None)
        if other is None:
            self._takers[event.symbol, event.trade_id] = event
            if len(self._takers) > TRADES_KEPT_MAX:
                self._takers.popitem(last=False)
            return []
        if other.account != event.account or other.order_id == event.order_id:
            return []
        return [
            OrderAlert(
                "self_trade",
                event.account,
                event.symbol,
                f"trade {event.trade_id} has the account on both sides",
                {"trade_id": event.trade_id, "order_ids": [other.order_id, event.order_id]},
            )
        ]

    def _prevented(self, event: TradePrevented) -> list[OrderAlert]:
        other = event.counter_account or event.account
        return [
            OrderAlert(
                "self_trade",
                event.account,
                event.symbol,
                f"a trade with its own order, of account {other}, was prevented ({event.mode})",
                {
                    "order_ids": [event.order_id, event.counter_order_id],
                    "counter_account": other,
                    "mode": event.mode,
                },
            )
        ]
