"""What a finding becomes: a breach on record, an alert that tells of it, and the action it calls for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from domain.numbers import format_units
from domain.statuses import STRICTER
from projections.risk.orders import OrderAlert
from projections.risk.prices import Cause
from projections.risk.rules import Finding, Level
from streams.codec import RecordedEvent
from streams.risk.records import NewBreach, name_of
from streams.risk.tables import Action, Alert, Breach

REASON_MAX = 200
STATUS_OF: Mapping[Level, str] = {"hard": "reduce_only", "suspend": "suspended"}
SEVERITY: Mapping[str, str] = {"soft": "warning", "hard": "critical", "suspend": "critical"}


class About(NamedTuple):
    """An account or a market, by its name, and the status it has."""

    scope: str
    name: str
    status: str = ""


class Writer:
    """Makes rows as of ``now_us``; ``webhook``: alerts are to be sent on."""

    def __init__(self, now_us: int, *, webhook: bool) -> None:
        self.now_us = now_us
        self.webhook = webhook

    def breach(self, about: About, finding: Finding, cause: Cause, evidence: dict[str, Any]) -> NewBreach:
        """``evidence``: the figures; with ``words`` where the finding's own do not say it well.

        The same cause can begin a breach twice (a limit was loosened and tightened), so the time is part
        of its name. That it is not begun twice at once the record sees to.
        """
        began = (cause.event_id, str(self.now_us))
        row = Breach(
            breach_id=name_of("breach", about.scope, about.name, *finding.place, *began),
            scope=about.scope,
            subject=about.name,
            rule=finding.rule,
            key=finding.key,
            level=finding.level,
            value=format_units(finding.value, finding.scale),
            threshold=format_units(finding.threshold, finding.scale),
            event_id=cause.event_id,
            event_at_us=cause.occurred_at_us,
            opened_at_us=self.now_us,
            cleared_at_us=None,
            evidence=evidence,
        )
        words = str(evidence.get("words") or finding.words())
        alert = self._alert(
            "breach",
            SEVERITY[finding.level],
            (about.name, None) if about.scope == "account" else (None, about.name),
            f"{about.name}: {words}",
            cause.event_id,
            {"rule": finding.rule, "level": finding.level, "value": row.value, "threshold": row.threshold},
            row.breach_id,
        )
        return NewBreach(row, alert, self._action(row, about, words, cause))

    def order_alert(self, alert: OrderAlert, recorded: RecordedEvent) -> Alert:
        evidence = {**alert.evidence, "event_id": recorded.event_id, "actor": recorded.actor}
        message = f"{alert.account} on {alert.symbol}: {alert.message}"
        about = (alert.account, alert.symbol)
        return self._alert(alert.kind, "warning", about, message, recorded.event_id, evidence)

    def _action(self, row: Breach, about: About, words: str, cause: Cause) -> Action | None:
        """Return what is to be done about it; nothing where that is so already."""
        kind = _wanted(row, about)
        if not kind:
            return None
        return Action(
            action_id=name_of("action", row.breach_id),
            breach_id=row.breach_id,
            scope=row.scope,
            subject=row.subject,
            kind=kind,
            reason=f"{words} (breach {row.breach_id})"[:REASON_MAX],
            cause_event_id=cause.event_id,
            cause_at_us=cause.occurred_at_us,
            decided_at_us=self.now_us,
            sent_at_us=None,
            done_event_id=None,
            done_at_us=None,
        )

    def _alert(
        self,
        kind: str,
        severity: str,
        about: tuple[str | None, str | None],
        message: str,
        event_id: str,
        evidence: dict[str, Any],
        breach_id: str | None = None,
    ) -> Alert:
        return Alert(
            alert_id=name_of("alert", kind, breach_id or "", event_id, about[0] or "", about[1] or ""),
            kind=kind,
            severity=severity,
            account=about[0],
            symbol=about[1],
            message=message,
            breach_id=breach_id,
            event_id=event_id,
            evidence=evidence,
            created_at_us=self.now_us,
            acknowledged_by=None,
            acknowledged_at_us=None,
            note=None,
            attempts=0,
            next_try_us=self.now_us if self.webhook else None,
            delivered_at_us=None,
        )


def _wanted(row: Breach, about: About) -> str:
    if about.scope == "market":
        return "halted" if row.level == "hard" and about.status == "open" else ""
    kind = STATUS_OF.get(row.level, "")  # type: ignore[call-overload] # a text from the database
    if kind and STRICTER.index(kind) <= STRICTER.index(about.status):
        return ""
    return str(kind)
