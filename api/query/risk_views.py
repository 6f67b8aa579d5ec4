"""What the query API says of risk. Amounts are decimal strings in whole units; times are UTC, RFC 3339."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from api.query.decimals import Decimal, Price, SymbolName, Time, time_given, time_of
from projections.projection import Document
from streams.risk.tables import Action, Alert, Breach, LimitRequest


class MarketExposureView(msgspec.Struct, frozen=True):
    """A position at the mark price (or the last trade); ``day_pnl`` is realised and unrealised, fees paid."""

    symbol: SymbolName
    quantity: Decimal
    price: Price | None
    quote: str
    cost: Decimal
    value: Decimal
    unrealised: Decimal
    realised_today: Decimal
    day_pnl: Decimal


class AssetExposureView(msgspec.Struct, frozen=True):
    """All there is of an asset; ``value`` in the reporting currency, ``null`` without a price."""

    asset: str
    quantity: Decimal
    on_orders: Decimal
    value: Decimal | None


class TailView(msgspec.Struct, frozen=True):
    """One day, historical simulation."""

    confidence: Annotated[str, Meta(examples=["0.99"])]
    var: Decimal
    expected_shortfall: Decimal


class StressView(msgspec.Struct, frozen=True):
    """What the account gains if all prices move by ``percent`` at once."""

    percent: int
    pnl: Decimal


class LimitUseView(msgspec.Struct, frozen=True):
    """``key``: the asset or market. ``used_percent``: of its highest level."""

    rule: str
    key: str
    value: Decimal
    used_percent: Decimal
    soft: Decimal | None = None
    hard: Decimal | None = None
    suspend: Decimal | None = None


class RiskView(msgspec.Struct, frozen=True):
    """One account. ``gross_exposure``, ``day_pnl``, ``open_orders`` by quote asset; ``concentration`` is
    the share of ``largest`` in all it has. ``value_at_risk`` is empty while there is too little history.
    """

    account: str
    status: str
    currency: str
    equity: Decimal
    markets: list[MarketExposureView]
    assets: list[AssetExposureView]
    gross_exposure: dict[str, Decimal]
    day_pnl: dict[str, Decimal]
    open_orders: dict[str, Decimal]
    concentration: Decimal
    largest: str
    unvalued: list[str]
    value_at_risk: list[TailView]
    stress: list[StressView]
    limits: list[LimitUseView]
    calculated_at: Time


class RisksView(msgspec.Struct, frozen=True):
    accounts: list[RiskView]
    next_after: str | None


class StressedAccount(msgspec.Struct, frozen=True):
    account: str
    currency: str
    equity: Decimal
    stress: list[StressView]
    value_at_risk: list[TailView]


class StressesView(msgspec.Struct, frozen=True):
    accounts: list[StressedAccount]
    next_after: str | None


class BreachView(msgspec.Struct, frozen=True):
    breach_id: str
    scope: Literal["account", "market"]
    subject: str
    rule: str
    key: str
    level: str
    value: Decimal
    threshold: Decimal
    event_id: str
    event_at: Time
    opened_at: Time
    cleared_at: Time | None
    evidence: dict[str, Any]


class BreachesView(msgspec.Struct, frozen=True):
    breaches: list[BreachView]
    next_before: int | None


class ActionView(msgspec.Struct, frozen=True):
    """``kind``: the status it gave. ``latency_ms``: from the breaching event to the one that did it."""

    action_id: str
    breach_id: str
    scope: Literal["account", "market"]
    subject: str
    kind: str
    reason: str
    cause_event_id: str
    decided_at: Time
    sent_at: Time | None
    done_event_id: str | None
    latency_ms: float | None


class ActionsView(msgspec.Struct, frozen=True):
    actions: list[ActionView]
    next_before: int | None


class AlertView(msgspec.Struct, frozen=True):
    """``number`` counts alerts: go on after it."""

    alert_id: str
    number: int
    kind: str
    severity: str
    account: str | None
    symbol: str | None
    message: str
    breach_id: str | None
    event_id: str
    evidence: dict[str, Any]
    created_at: Time
    acknowledged_by: str | None
    acknowledged_at: Time | None
    note: str | None
    delivered_at: Time | None
    attempts: int


class AlertsView(msgspec.Struct, frozen=True):
    alerts: list[AlertView]
    next_after: int


class LimitRequestView(msgspec.Struct, frozen=True):
    request_id: str
    account: str
    state: str
    pre_trade: dict[str, Any] | None
    thresholds: dict[str, Any] | None
    before: dict[str, Any]
    loosens: list[str]
    reason: str
    requested_by: str
    requested_at: Time
    decided_by: str | None
    decided_at: Time | None
    note: str | None


class LimitRequestsView(msgspec.Struct, frozen=True):
    requests: list[LimitRequestView]
    next_before: int | None


def risk_view(document: Document) -> RiskView:
    return msgspec.convert({**document, "calculated_at": time_of(document["calculated_at_us"])}, RiskView)


def stressed(document: Document) -> StressedAccount:
    return msgspec.convert(document, StressedAccount)


def breach_view(row: Breach) -> BreachView:
    return BreachView(
        row.breach_id,
        "account" if row.scope == "account" else "market",
        row.subject,
        row.rule,
        row.key,
        row.level,
        row.value,
        row.threshold,
        row.event_id,
        time_of(row.event_at_us),
        time_of(row.opened_at_us),
        time_given(row.cleared_at_us),
        row.evidence,
    )


def action_view(row: Action) -> ActionView:
    done = row.done_at_us
    return ActionView(
        row.action_id,
        row.breach_id,
        "account" if row.scope == "account" else "market",
        row.subject,
        row.kind,
        row.reason,
        row.cause_event_id,
        time_of(row.decided_at_us),
        time_given(row.sent_at_us),
        row.done_event_id,
        None if done is None else (done - row.cause_at_us) / 1_000,
    )


def alert_view(row: Alert) -> AlertView:
    return AlertView(
        row.alert_id,
        row.number,
        row.kind,
        row.severity,
        row.account,
        row.symbol,
        row.message,
        row.breach_id,
        row.event_id,
        row.evidence,
        time_of(row.created_at_us),
        row.acknowledged_by,
        time_given(row.acknowledged_at_us),
        row.note,
        time_given(row.delivered_at_us),
        row.attempts,
    )


def request_view(row: LimitRequest) -> LimitRequestView:
    return LimitRequestView(
        row.request_id,
        row.account,
        row.state,
        row.pre_trade,
        row.thresholds,
        row.before,
        row.loosens["limits"],
        row.reason,
        row.requested_by,
        time_of(row.requested_at_us),
        row.decided_by,
        time_given(row.decided_at_us),
        row.note,
    )
