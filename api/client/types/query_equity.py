"""What the APIs take and give: the structs of api.query.equity.

Written by docs/client_source.py from it: do not edit.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from api.client.types.words import Step


class EquityPoint(msgspec.Struct, frozen=True, kw_only=True):
    """How trading stood at the end of the step that begins at ``at``; all in ``asset``, the markets' quote
    asset. ``equity``: realised and unrealised PnL less fees, since the first trade. ``fees`` since then.
    ``position_value``: what the positions were worth at mark, short ones negative. ``peak``: the highest
    equity from just before the first step on; ``drawdown``: how far equity is below it. ``unmarked``: open
    positions whose market had no price yet, which count as worth nothing.
    """

    at: datetime
    asset: str
    equity: Decimal
    fees: Decimal
    position_value: Decimal
    peak: Decimal
    drawdown: Decimal
    unmarked: int


class DrawdownView(msgspec.Struct, frozen=True, kw_only=True):
    """The deepest fall of equity in the time asked for: from ``peak_at`` (``null``: from before it) until
    ``trough_at``; both ``null``: it never fell.
    """

    asset: str
    max_drawdown: Decimal
    peak_at: datetime | None
    trough_at: datetime | None


class EquityView(msgspec.Struct, frozen=True, kw_only=True):
    """By time and asset, oldest first."""

    account: str
    step: Step
    points: list[EquityPoint]
    drawdowns: list[DrawdownView]
