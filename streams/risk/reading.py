"""Reading the record: breaches, alerts, actions and requests, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, func, select
from sqlalchemy.orm import Session

from streams.risk.tables import Action, Alert, Breach, LimitRequest


@dataclass(frozen=True)
class Wanted:
    """``subject``: an account or a market; ``None``: all. ``before_us``: only older ones."""

    subject: str | None = None
    open_only: bool = False
    before_us: int | None = None
    rows_max: int = 50


class Reading:
    """Methods raise ``SQLAlchemyError``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def breaches(self, wanted: Wanted) -> Sequence[Breach]:
        query = _page(select(Breach), Breach.subject, Breach.opened_at_us, wanted)
        if wanted.open_only:
            query = query.where(Breach.cleared_at_us.is_(None))
        return self._rows(query)

    def actions(self, wanted: Wanted) -> Sequence[Action]:
        return self._rows(_page(select(Action), Action.subject, Action.decided_at_us, wanted))

    def requests(self, wanted: Wanted) -> Sequence[LimitRequest]:
        query = _page(select(LimitRequest), LimitRequest.account, LimitRequest.requested_at_us, wanted)
        if wanted.open_only:
            query = query.where(LimitRequest.state == "pending")
        return self._rows(query)

    def alerts(
        self, account: str | None, *, after: int, unacknowledged: bool, rows_max: int
    ) -> Sequence[Alert]:
        """Return alerts with a higher number than ``after``, in their order."""
        query = select(Alert).where(Alert.number > after)
        if account is not None:
            query = query.where(Alert.account == account)
        if unacknowledged:
            query = query.where(Alert.acknowledged_at_us.is_(None))
        return self._rows(query.order_by(Alert.number).limit(rows_max))

    def last_alert(self) -> int:
        """Return the number of the newest alert; 0: there is none."""
        with Session(self.engine) as session:
            return session.scalar(select(func.max(Alert.number))) or 0

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with Session(self.engine, expire_on_commit=False) as session:
            return session.scalars(query).all()


def _page(query: Select[Any], subject: Any, at_us: Any, wanted: Wanted) -> Select[Any]:
    if wanted.subject is not None:
        query = query.where(subject == wanted.subject)
    if wanted.before_us is not None:
        query = query.where(at_us < wanted.before_us)
    return query.order_by(at_us.desc()).limit(wanted.rows_max)
