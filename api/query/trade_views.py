"""What the query API answers about a trade that the venue busted or corrected."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.query.decimals import Price, Time, given, price_of, time_of
from domain.market import MarketRules
from projections.projection import Document

TradeStatus = Annotated[
    Literal["made", "busted", "corrected"],
    Meta(description="busted: it counts as never made. corrected: it counts at another price."),
]


class TradeChangeView(msgspec.Struct, frozen=True):
    """``corrected_price``: what the trade counts at; ``null``: it was busted."""

    corrected_price: Price | None
    reason: Annotated[str, Meta(examples=["clearly erroneous price"])]
    changed_at: Time


def trade_status(
    change: Document | None, rules: MarketRules
) -> tuple[Literal["made", "busted", "corrected"], TradeChangeView | None]:
    """Return what ``change`` has made of its trade; ``None``: it stands as it was made."""
    if change is None:
        return "made", None
    view = TradeChangeView(
        given(price_of, rules, change["price"]), change["reason"], time_of(change["changed_at_us"])
    )
    return change["status"], view
