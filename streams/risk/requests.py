"""Requests to change limits: who asked for what, whether it loosens anything, and who decided.

A request that only tightens is applied at once; one that loosens anything waits for somebody else. What was
decided is on record before it takes effect, under a command id that follows from the request: to finish it
after a crash sends the same command again.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Engine, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.account import LimitsRequest
from projections.risk.loosening import loosened, loosened_thresholds
from projections.risk.rules import RiskLimits
from streams.risk.records import name_of
from streams.risk.tables import Alert, LimitRequest, LimitsInForce

DEFAULT = "*"
APPLIED, APPROVED, PENDING, REJECTED = "applied", "approved", "pending", "rejected"
PENDING_MAX = 100
"""Of one account, that wait for somebody: more are refused."""


class RequestError(Exception):
    """``code``: ``not_found``, ``not_pending``, ``same_person`` or ``too_many``."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Asked:
    """``None``: these are not to change."""

    account: str
    pre_trade: LimitsRequest | None
    thresholds: RiskLimits | None
    reason: str
    by: str


class LimitRequests:
    """The requests in the tables at ``engine``. Methods raise ``SQLAlchemyError``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def ask(self, asked: Asked) -> LimitRequest:
        """Put a request on record: ``pending`` if it loosens anything, else ``approved``. Raises
        ``RequestError``.
        """
        now_us = _now_us()
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            _one_at_a_time(session, asked.account)
            pre_trade, thresholds = _in_force(session, asked.account)
            loosens = _loosens(asked, pre_trade, thresholds)
            if (newest := _newest_applied(session, asked.account)) is not None:
                # what is in force is told by events, and may be a moment old: both have to be kept
                loosens += [words for words in _loosens(asked, newest, thresholds) if words not in loosens]
            if loosens and _pending(session, asked.account) >= PENDING_MAX:
                raise RequestError("too_many", f"{PENDING_MAX} requests wait for a decision already")
            request_id = uuid4().hex
            row = LimitRequest(
                request_id=request_id,
                account=asked.account,
                state=PENDING if loosens else APPROVED,
                pre_trade=_builtins(asked.pre_trade),
                thresholds=_builtins(asked.thresholds),
                loosens={"limits": loosens},
                before={"pre_trade": _builtins(pre_trade), "thresholds": _builtins(thresholds)},
                reason=asked.reason,
                requested_by=asked.by,
                requested_at_us=now_us,
                decided_by=None if loosens else asked.by,
                decided_at_us=None if loosens else now_us,
                note=None,
                command_id=name_of("limits", request_id),
            )
            session.add(row)
        return row

    def approve(self, account: str, request_id: str, by: str, note: str) -> LimitRequest:
        """Approve what somebody else asked for; what is approved already may be again, to finish it.

        Raises ``RequestError``.
        """
        return self._decide(account, request_id, by, note, approve=True)

    def reject(self, account: str, request_id: str, by: str, note: str) -> LimitRequest:
        """Raises ``RequestError``."""
        return self._decide(account, request_id, by, note, approve=False)

    def _decide(self, account: str, request_id: str, by: str, note: str, *, approve: bool) -> LimitRequest:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            row = session.get(LimitRequest, request_id, with_for_update=True)
            if row is None or row.account != account:
                raise RequestError("not_found", f"account {account} has no request {request_id}")
            if approve and row.state == APPROVED:
                return row
            if approve and row.requested_by == by and row.state == PENDING:
                raise RequestError("same_person", f"{by} asked for it: somebody else has to approve it")
            if row.state != PENDING:
                raise RequestError("not_pending", f"request {request_id} is {row.state}")
            row.state = APPROVED if approve else REJECTED
            row.decided_by, row.decided_at_us, row.note = by, _now_us(), note
        return row

    def applied(self, request_id: str) -> LimitRequest:
        """Take note that the request is in force, and have its thresholds watched from now on."""
        now_us = _now_us()
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            row = session.get_one(LimitRequest, request_id, with_for_update=True)
            if row.state == APPROVED:
                row.state = APPLIED
                changed: dict[str, Any] = {"changed_at_us": now_us}
                if row.thresholds is not None:
                    changed["thresholds"] = row.thresholds
                if row.pre_trade is not None:
                    changed["pre_trade"] = row.pre_trade
                whole = {"account": row.account, "thresholds": {}, "pre_trade": {}, **changed}
                session.execute(
                    insert(LimitsInForce)
                    .values(whole)
                    .on_conflict_do_update(index_elements=["account"], set_=changed)
                )
        return row

    def acknowledge(self, alert_id: str, by: str, note: str) -> Alert | None:
        """Take note that somebody has seen an alert; the first stays. ``None``: there is no such alert."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            alert = session.get(Alert, alert_id, with_for_update=True)
            if alert is not None and alert.acknowledged_at_us is None:
                alert.acknowledged_by, alert.acknowledged_at_us, alert.note = by, _now_us(), note
        return alert


def _loosens(asked: Asked, pre_trade: LimitsRequest, thresholds: RiskLimits) -> list[str]:
    found = [] if asked.pre_trade is None else loosened(pre_trade, asked.pre_trade)
    return found + ([] if asked.thresholds is None else loosened_thresholds(thresholds, asked.thresholds))


def _newest_applied(session: Session, account: str) -> LimitsRequest | None:
    """Return the limits before a trade that were applied last by a request."""
    applied = select(LimitRequest.pre_trade).where(
        LimitRequest.account == account, LimitRequest.state == APPLIED, LimitRequest.pre_trade.is_not(None)
    )
    newest = applied.order_by(LimitRequest.decided_at_us.desc()).limit(1)
    found = session.scalars(newest).first()
    return None if found is None else msgspec.convert(found, LimitsRequest)


def _in_force(session: Session, account: str) -> tuple[LimitsRequest, RiskLimits]:
    """Return the limits that hold now; an account without thresholds has those of ``*``."""
    rows = {
        row.account: row
        for row in session.scalars(select(LimitsInForce).where(LimitsInForce.account.in_([account, DEFAULT])))
    }
    own, default = rows.get(account), rows.get(DEFAULT)
    thresholds = (own.thresholds if own is not None else None) or (
        default.thresholds if default is not None else {}
    )
    pre_trade = own.pre_trade if own is not None else {}
    return msgspec.convert(pre_trade, LimitsRequest), msgspec.convert(thresholds, RiskLimits)


def _pending(session: Session, account: str) -> int:
    waiting = select(LimitRequest.request_id).where(
        LimitRequest.account == account, LimitRequest.state == PENDING
    )
    return len(session.scalars(waiting.limit(PENDING_MAX)).all())


def _one_at_a_time(session: Session, account: str) -> None:
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"risk-limits:{account}"}
    )


def _builtins(limits: LimitsRequest | RiskLimits | None) -> Any:
    return None if limits is None else msgspec.to_builtins(limits)


def _now_us() -> int:
    return time.time_ns() // 1_000
