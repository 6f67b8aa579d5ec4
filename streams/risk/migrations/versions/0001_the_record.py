"""The record: breaches, alerts, actions, limits and their changes, price bars."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "risk"


def upgrade() -> None:
    op.create_table(
        "breaches",
        sa.Column("breach_id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("threshold", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("event_at_us", sa.BigInteger, nullable=False),
        sa.Column("opened_at_us", sa.BigInteger, nullable=False),
        sa.Column("cleared_at_us", sa.BigInteger),
        sa.Column("evidence", sa.JSON, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "breaches_open",
        "breaches",
        ["scope", "subject", "rule", "key", "level"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("cleared_at_us IS NULL"),
    )
    op.create_index("breaches_by_time", "breaches", ["opened_at_us"], schema=SCHEMA)
    op.create_index("breaches_of_subject", "breaches", ["subject", "opened_at_us"], schema=SCHEMA)
    _alerts()
    _actions()
    _limits()


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("account", sa.Text),
        sa.Column("symbol", sa.Text),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("breach_id", sa.Text),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("created_at_us", sa.BigInteger, nullable=False),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("acknowledged_at_us", sa.BigInteger),
        sa.Column("note", sa.Text),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_us", sa.BigInteger),
        sa.Column("delivered_at_us", sa.BigInteger),
        schema=SCHEMA,
    )
    op.create_index("alerts_by_number", "alerts", ["number"], unique=True, schema=SCHEMA)
    op.create_index("alerts_of_account", "alerts", ["account", "number"], schema=SCHEMA)
    op.create_index(
        "alerts_to_send",
        "alerts",
        ["next_try_us"],
        schema=SCHEMA,
        postgresql_where=sa.text("next_try_us IS NOT NULL"),
    )


def _actions() -> None:
    op.create_table(
        "actions",
        sa.Column("action_id", sa.Text, primary_key=True),
        sa.Column("breach_id", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cause_event_id", sa.Text, nullable=False),
        sa.Column("cause_at_us", sa.BigInteger, nullable=False),
        sa.Column("decided_at_us", sa.BigInteger, nullable=False),
        sa.Column("sent_at_us", sa.BigInteger),
        sa.Column("done_event_id", sa.Text),
        sa.Column("done_at_us", sa.BigInteger),
        schema=SCHEMA,
    )
    op.create_index("actions_of_subject", "actions", ["subject", "decided_at_us"], schema=SCHEMA)
    op.create_index(
        "actions_to_send",
        "actions",
        ["decided_at_us"],
        schema=SCHEMA,
        postgresql_where=sa.text("sent_at_us IS NULL"),
    )
    op.create_table(
        "evaluated",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )


def _limits() -> None:
    op.create_table(
        "limits",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("thresholds", sa.JSON, nullable=False),
        sa.Column("pre_trade", sa.JSON, nullable=False),
        sa.Column("changed_at_us", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "limit_requests",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("pre_trade", sa.JSON),
        sa.Column("thresholds", sa.JSON),
        sa.Column("loosens", sa.JSON, nullable=False),
        sa.Column("before", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("requested_at_us", sa.BigInteger, nullable=False),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at_us", sa.BigInteger),
        sa.Column("note", sa.Text),
        sa.Column("command_id", sa.Text, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "limit_requests_of_account", "limit_requests", ["account", "requested_at_us"], schema=SCHEMA
    )
    op.create_table(
        "price_bars",
        sa.Column("symbol", sa.Text, primary_key=True),
        sa.Column("slot", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("bar_s", sa.Integer, primary_key=True),
        sa.Column("close", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )


def downgrade() -> None:
    for table in ("price_bars", "limit_requests", "limits", "evaluated", "actions", "alerts", "breaches"):
        op.drop_table(table, schema=SCHEMA)
