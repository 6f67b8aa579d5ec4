"""What the risk engine writes down, and reads again when it starts: one transaction for all that was decided
together, so that a breach, its alert and its action are there together or not at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from projections.risk.prices import Bar
from projections.risk.rules import RiskLimits, Threshold
from streams.risk.tables import Action, Alert, Breach, Evaluated, LimitsInForce, PriceBar

ROWS_MAX = 100_000
_ALERTS_LOCK = 0x6F6D7306  # alerts are numbered in the order in which they can be read

Place = tuple[str, str, str]
"""Rule, key and level of a breach."""


def name_of(*parts: str) -> str:
    """Return the id of what ``parts`` name: the same for whoever names it again."""
    named = "".join(f"{len(part)}:{part}" for part in parts)
    return blake2b(named.encode(), digest_size=12).hexdigest()


class NewBreach(NamedTuple):
    row: Breach
    alert: Alert
    action: Action | None


@dataclass
class Decided:
    """What one look at the figures comes to. ``seen``: up to which event of each account and shard."""

    breaches: list[NewBreach] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    done: list[tuple[str, str, int]] = field(default_factory=list)
    """Actions that an event says are done: action, event, when."""
    pre_trade: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: dict[tuple[str, int], int] = field(default_factory=dict)

    @property
    def anything(self) -> bool:
        return bool(self.breaches or self.cleared or self.alerts or self.done or self.pre_trade)


class Records:
    """The tables at ``engine``. Methods raise ``SQLAlchemyError``."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    # --- Writing ------------------------------------------------------------------------------------------

    def write(self, decided: Decided, now_us: int) -> list[Action]:
        """Write it, and return the actions that are new. To write it again changes nothing."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            if decided.breaches or decided.alerts:
                session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ALERTS_LOCK})
            # first what ended: it may begin again in the same look
            for breach_id in decided.cleared:
                session.execute(
                    update(Breach)
                    .where(Breach.breach_id == breach_id, Breach.cleared_at_us.is_(None))
                    .values(cleared_at_us=now_us)
                )
            actions = [
                new.action
                for new in decided.breaches
                if _added(session, new.row) and _added(session, new.alert) and new.action
            ]
            actions = [action for action in actions if _added(session, action)]
            for alert in decided.alerts:
                _added(session, alert)
            _mark_done(session, decided.done)
            _keep_pre_trade(session, decided.pre_trade, now_us)
            _mark_evaluated(session, decided.seen)
        return actions

    def sent(self, action_ids: Iterable[str], now_us: int) -> None:
        """Take note that the commands of these actions are in the log."""
        with Session(self.engine) as session, session.begin():
            session.execute(
                update(Action)
                .where(Action.action_id.in_(list(action_ids)), Action.sent_at_us.is_(None))
                .values(sent_at_us=now_us)
            )

    def keep_bars(self, bars: Mapping[str, Sequence[Bar]], bar_s: int, oldest_slot: int) -> None:
        """Write the bars of these markets, and forget those before ``oldest_slot``."""
        with Session(self.engine) as session, session.begin():
            for symbol in sorted(bars):
                for bar in bars[symbol]:
                    row = {"symbol": symbol, "slot": bar.slot, "bar_s": bar_s, "close": bar.close}
                    session.execute(
                        insert(PriceBar)
                        .values(row)
                        .on_conflict_do_update(
                            index_elements=["symbol", "slot", "bar_s"], set_={"close": bar.close}
                        )
                    )
                session.execute(
                    delete(PriceBar).where(
                        PriceBar.symbol == symbol, PriceBar.bar_s == bar_s, PriceBar.slot < oldest_slot
                    )
                )

    # --- Reading ------------------------------------------------------------------------------------------

    def open_breaches(self) -> dict[tuple[str, str], dict[Place, str]]:
        """Return by scope and subject what is open: the breach's id by its place."""
        found: dict[tuple[str, str], dict[Place, str]] = {}
        with Session(self.engine) as session:
            rows = session.scalars(select(Breach).where(Breach.cleared_at_us.is_(None)).limit(ROWS_MAX))
            for row in rows:
                places = found.setdefault((row.scope, row.subject), {})
                places[row.rule, row.key, row.level] = row.breach_id
        return found

    def evaluated(self) -> dict[tuple[str, int], int]:
        with Session(self.engine) as session:
            return {(row.account, row.shard): row.seq for row in session.scalars(select(Evaluated))}

    def unsent(self) -> list[Action]:
        """Return what was decided and may not have reached the log, oldest first."""
        wanted = select(Action).where(Action.sent_at_us.is_(None)).order_by(Action.decided_at_us)
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(wanted.limit(ROWS_MAX)))

    def thresholds(self, since_us: int = 0) -> tuple[dict[str, RiskLimits], int]:
        """Return the thresholds of accounts that were changed since, and when the newest was."""
        wanted = select(LimitsInForce).where(LimitsInForce.changed_at_us >= since_us)
        found: dict[str, RiskLimits] = {}
        newest_us = since_us
        with Session(self.engine) as session:
            for row in session.scalars(wanted):
                found[row.account] = msgspec.convert(row.thresholds, RiskLimits)
                newest_us = max(newest_us, row.changed_at_us)
        return found, newest_us

    def bars(self, bar_s: int) -> dict[str, list[Bar]]:
        found: dict[str, list[Bar]] = {}
        wanted = select(PriceBar).where(PriceBar.bar_s == bar_s).order_by(PriceBar.symbol, PriceBar.slot)
        with Session(self.engine) as session:
            for row in session.scalars(wanted):
                found.setdefault(row.symbol, []).append(Bar(row.slot, row.close))
        return found


def as_builtins(limits: Mapping[Any, Mapping[str, Threshold]]) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(limits)
    return built


def _added(session: Session, row: Breach | Alert | Action) -> bool:
    """Insert the row unless it, or an open breach like it, is there already."""
    kind = type(row)
    columns = [column.name for column in kind.__table__.columns if column.name != "number"]
    values = {name: getattr(row, name) for name in columns}
    done = session.execute(insert(kind).values(values).on_conflict_do_nothing().returning(text("1")))
    return done.first() is not None


def _mark_done(session: Session, done: Iterable[tuple[str, str, int]]) -> None:
    for action_id, event_id, at_us in done:
        session.execute(
            update(Action)
            .where(Action.action_id == action_id, Action.done_event_id.is_(None))
            .values(done_event_id=event_id, done_at_us=at_us)
        )


def _keep_pre_trade(session: Session, pre_trade: Mapping[str, Any], now_us: int) -> None:
    for account in sorted(pre_trade):
        row = {"account": account, "thresholds": {}, "pre_trade": pre_trade[account], "changed_at_us": now_us}
        session.execute(
            insert(LimitsInForce)
            .values(row)
            .on_conflict_do_update(index_elements=["account"], set_={"pre_trade": pre_trade[account]})
        )


def _mark_evaluated(session: Session, seen: Mapping[tuple[str, int], int]) -> None:
    for account, shard in sorted(seen):
        row = {"account": account, "shard": shard, "seq": seen[account, shard]}
        adding = insert(Evaluated).values(row)
        session.execute(
            adding.on_conflict_do_update(
                index_elements=["account", "shard"],
                set_={"seq": func.greatest(Evaluated.seq, adding.excluded.seq)},
            )
        )
