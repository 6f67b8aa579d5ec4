"""What the routes of the risk desk take and answer."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from api.command.control_schemas import Reason
from api.command.schemas import AccountLimitsRequest, Asset, DecimalText, DoneView, Request
from projections.risk.rules import Threshold

KEYS_MAX = 100


class ThresholdRequest(Request):
    """``soft`` alerts, ``hard`` lets the account only sell, ``suspend`` stops it."""

    soft: DecimalText | None = None
    hard: DecimalText | None = None
    suspend: DecimalText | None = None


ByAsset = Annotated[
    dict[Asset, ThresholdRequest],
    Meta(
        max_length=KEYS_MAX, description="By quote asset", examples=[{"USD": {"soft": "800", "hard": "1000"}}]
    ),
]


class ThresholdsRequest(Request):
    """What the risk engine watches, all of it; what is left out is not watched."""

    intraday_loss: ByAsset = field(default_factory=dict)
    gross_exposure: ByAsset = field(default_factory=dict)
    var_99: ByAsset = field(default_factory=dict)
    concentration: Annotated[
        ThresholdRequest | None, Meta(description="Shares of what the account has, such as 0.8.")
    ] = None

    def as_limits(self) -> dict[Any, dict[str, Threshold]]:
        found: dict[Any, dict[str, Threshold]] = {}
        for rule in ("intraday_loss", "gross_exposure", "var_99"):
            if by_asset := getattr(self, rule):
                found[rule] = {asset: _threshold(each) for asset, each in by_asset.items()}
        if self.concentration is not None:
            found["concentration"] = {"*": _threshold(self.concentration)}
        return found


def _threshold(asked: ThresholdRequest) -> Threshold:
    return Threshold(asked.soft, asked.hard, asked.suspend)


class LimitChangeRequest(Request):
    """``pre_trade``: what each order is checked against; ``thresholds``: what the risk engine watches. What
    is left out stays as it is.
    """

    reason: Reason
    pre_trade: AccountLimitsRequest | None = None
    thresholds: ThresholdsRequest | None = None


class DecisionRequest(Request):
    """``note``: for the record."""

    note: Reason


class LimitChangeView(Struct):
    """``pending``: it loosens what ``loosens`` names, and somebody else has to approve it. ``applied``: it is
    in force; ``done`` says what became of the command.
    """

    request_id: str
    account: str
    state: Literal["pending", "approved", "applied", "rejected"]
    loosens: list[str]
    requested_by: str
    decided_by: str | None = None
    done: DoneView | None = None


class AcknowledgedView(Struct):
    alert_id: str
    acknowledged_by: str
    acknowledged_at_us: int
    note: str
