"""The durable record: breaches, alerts, actions, limits and their changes, in the schema ``risk``.

All times are microseconds since 1970, UTC. What is decided once has an id that follows from its cause, so
that to write it again changes nothing.
"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Identity, Index, Integer, MetaData, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA = "risk"


class Base(DeclarativeBase):
    metadata = MetaData(schema=SCHEMA)
    type_annotation_map = {int: BigInteger, str: Text, dict[str, Any]: JSON}  # noqa: RUF012 - as SQLAlchemy wants it


class Breach(Base):
    """A threshold that was reached, and until when. ``subject``: the account or market (``scope``). ``value``
    and ``threshold`` are decimals in whole units of ``key``, as they were when it began.
    """

    __tablename__ = "breaches"
    __table_args__ = (
        # One at a time: who begins it first has begun it, whatever other workers see.
        Index(
            "breaches_open",
            "scope",
            "subject",
            "rule",
            "key",
            "level",
            unique=True,
            postgresql_where=text("cleared_at_us IS NULL"),
        ),
        Index("breaches_by_time", "opened_at_us"),
        Index("breaches_of_subject", "subject", "opened_at_us"),
    )

    breach_id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    subject: Mapped[str]
    rule: Mapped[str]
    key: Mapped[str]
    level: Mapped[str]
    value: Mapped[str]
    threshold: Mapped[str]
    event_id: Mapped[str]
    event_at_us: Mapped[int]
    opened_at_us: Mapped[int]
    cleared_at_us: Mapped[int | None]
    evidence: Mapped[dict[str, Any]]


class Alert(Base):
    """Something a risk officer should see. ``number`` counts them, so that a reader can go on where it was.

    ``next_try_us``: when it is to be sent to the webhook next; ``None``: no more, as it was delivered or
    given up after ``attempts``.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        Index("alerts_by_number", "number", unique=True),
        Index("alerts_of_account", "account", "number"),
        Index("alerts_to_send", "next_try_us", postgresql_where=text("next_try_us IS NOT NULL")),
    )

    alert_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(Identity(always=True))
    kind: Mapped[str]
    severity: Mapped[str]
    account: Mapped[str | None]
    symbol: Mapped[str | None]
    message: Mapped[str]
    breach_id: Mapped[str | None]
    event_id: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    created_at_us: Mapped[int]
    acknowledged_by: Mapped[str | None]
    acknowledged_at_us: Mapped[int | None]
    note: Mapped[str | None]
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_try_us: Mapped[int | None]
    delivered_at_us: Mapped[int | None]


class Action(Base):
    """What the risk engine did about a breach: a command with an id of its own for each shard.

    ``sent_at_us``: since when it is in the log of all its shards. ``done_event_id``: the event by which it
    was done, if there was anything left to do.
    """

    __tablename__ = "actions"
    __table_args__ = (
        Index("actions_of_subject", "subject", "decided_at_us"),
        Index("actions_to_send", "decided_at_us", postgresql_where=text("sent_at_us IS NULL")),
    )

    action_id: Mapped[str] = mapped_column(primary_key=True)
    breach_id: Mapped[str]
    scope: Mapped[str]
    subject: Mapped[str]
    kind: Mapped[str]
    reason: Mapped[str]
    cause_event_id: Mapped[str]
    cause_at_us: Mapped[int]
    decided_at_us: Mapped[int]
    sent_at_us: Mapped[int | None]
    done_event_id: Mapped[str | None]
    done_at_us: Mapped[int | None]


class Evaluated(Base):
    """Up to which event of a shard an account's breaches are on record: what is folded again up to there,
    after a crash, is not judged again.
    """

    __tablename__ = "evaluated"

    account: Mapped[str] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(Integer, primary_key=True)
    seq: Mapped[int]


class LimitsInForce(Base):
    """What the risk engine watches for an account (``thresholds``), and the limits checked before a trade as
    its events tell (``pre_trade``, decimals in whole units). The account ``*`` has the thresholds of all
    that have none of their own.
    """

    __tablename__ = "limits"

    account: Mapped[str] = mapped_column(primary_key=True)
    thresholds: Mapped[dict[str, Any]]
    pre_trade: Mapped[dict[str, Any]]
    changed_at_us: Mapped[int]


class LimitRequest(Base):
    """A change of limits that somebody asked for: applied at once if it only tightens; else ``pending`` until
    another risk officer approves or rejects it. Rows are never deleted: they are the history.
    """

    __tablename__ = "limit_requests"
    __table_args__ = (Index("limit_requests_of_account", "account", "requested_at_us"),)

    request_id: Mapped[str] = mapped_column(primary_key=True)
    account: Mapped[str]
    state: Mapped[str]
    pre_trade: Mapped[dict[str, Any] | None]
    thresholds: Mapped[dict[str, Any] | None]
    loosens: Mapped[dict[str, Any]]
    before: Mapped[dict[str, Any]]
    reason: Mapped[str]
    requested_by: Mapped[str]
    requested_at_us: Mapped[int]
    decided_by: Mapped[str | None]
    decided_at_us: Mapped[int | None]
    note: Mapped[str | None]
    command_id: Mapped[str]


class PriceBar(Base):
    """The last price (price units) of a market in one bar."""

    __tablename__ = "price_bars"

    symbol: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    bar_s: Mapped[int] = mapped_column(Integer, primary_key=True)
    close: Mapped[int]
