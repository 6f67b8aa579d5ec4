"""Users, clients, sessions, keys, and the events of identity."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0001"
down_revision = None

SCHEMA = "identity"

_APPEND_ONLY = """
    CREATE FUNCTION identity.events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'identity.events takes new rows only'; END $$;
    CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.events
        EXECUTE FUNCTION identity.events_are_append_only();
"""


def upgrade() -> None:
    _people()
    _sessions()
    _keys()
    _guards()


def downgrade() -> None:
    """Nothing leads back: what is here is nowhere else. A backup of the schema does."""
    raise NotImplementedError("users, keys and the record of what was done to them are never dropped")


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("name", sa.String(64), primary_key=True),
        _text("password_hash"),
        _texts("roles"),
        _texts("accounts"),
        _text("locked_reason"),
        _time("created_at"),
        _time("password_changed_at"),
        _time("last_login_at", nullable=True),
        schema=SCHEMA,
    )
    op.create_table(
        "clients",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary),
        _texts("redirect_uris"),
        _texts("grant_types"),
        _texts("scopes"),
        _texts("roles"),
        _texts("accounts"),
        _time("created_at"),
        schema=SCHEMA,
    )


def _sessions() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("client_id", sa.String(64), sa.ForeignKey("identity.clients.id"), nullable=False),
        sa.Column("user_name", sa.String(64), sa.ForeignKey("identity.users.name"), nullable=False),
        *map(_text, ("redirect_uri", "scope", "nonce", "code_challenge", "family")),
        _time("signed_in_at"),
        _time("expires_at", index=True),
        _time("used_at", nullable=True),
        schema=SCHEMA,
    )
    op.create_table(
        "refresh_families",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "user_name", sa.String(64), sa.ForeignKey("identity.users.name"), nullable=False, index=True
        ),
        sa.Column("client_id", sa.String(64), sa.ForeignKey("identity.clients.id"), nullable=False),
        _text("scope"),
        _time("started_at"),
        _time("expires_at", index=True),
        _text("ended_reason"),
        schema=SCHEMA,
    )
    family = sa.ForeignKey("identity.refresh_families.id", ondelete="CASCADE")
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("family_id", sa.String(32), family, nullable=False, index=True),
        _time("used_at", nullable=True),
        schema=SCHEMA,
    )


def _keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(64), primary_key=True),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _time("created_at"),
        _time("published_until", nullable=True),
        schema=SCHEMA,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), sa.ForeignKey("identity.users.name"), nullable=False, index=True),
        _text("label"),
        _text("scheme"),
        sa.Column("secret", sa.LargeBinary),
        sa.Column("public", sa.LargeBinary),
        *map(_texts, ("scopes", "roles", "accounts", "networks")),
        _time("created_at"),
        *(_time(name, nullable=True) for name in ("expires_at", "revoked_at", "last_used_at")),
        schema=SCHEMA,
    )


def _guards() -> None:
    op.create_table(
        "revocations",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("id", sa.String(128), primary_key=True),
        _time("until", index=True),
        schema=SCHEMA,
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("subject", sa.String(160), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        _time("last_at", index=True),
        _time("blocked_until"),
        schema=SCHEMA,
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        *map(_text, ("actor", "what", "which", "before", "after")),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        schema=SCHEMA,
    )
    op.execute(_APPEND_ONLY)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, ARRAY(sa.Text), nullable=False)


def _time(name: str, *, nullable: bool = False, index: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, index=index)
