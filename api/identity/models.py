"""The tables of the schema ``identity``, beside the event store and without a tie to it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, LargeBinary, MetaData, String, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA = "identity"


class Table(DeclarativeBase):
    """What all tables share: the schema, times with their zone, lists of names as arrays."""

    metadata = MetaData(schema=SCHEMA)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        bytes: LargeBinary,
        str: Text,
    }


class User(Table):
    """``name`` is for ever: nobody is deleted, so that a name in the history stays one person's."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    password_hash: Mapped[str]
    roles: Mapped[list[str]]
    accounts: Mapped[list[str]]
    locked_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    password_changed_at: Mapped[datetime]
    last_login_at: Mapped[datetime | None]


class Client(Table):
    """A program that asks for tokens; one without a secret is public, and proves itself by PKCE."""

    __tablename__ = "clients"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    secret_hash: Mapped[bytes | None]
    redirect_uris: Mapped[list[str]]
    grant_types: Mapped[list[str]]
    scopes: Mapped[list[str]]
    roles: Mapped[list[str]]
    accounts: Mapped[list[str]]
    created_at: Mapped[datetime]


class AuthorizationCode(Table):
    """Good for one use, for a minute. ``family``: of the refresh tokens that come of it."""

    __tablename__ = "authorization_codes"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"))
    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"))
    redirect_uri: Mapped[str]
    scope: Mapped[str]
    nonce: Mapped[str]
    code_challenge: Mapped[str]
    family: Mapped[str]
    signed_in_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class RefreshFamily(Table):
    """All refresh tokens that came of one signing in: a session. They end together."""

    __tablename__ = "refresh_families"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.id"))
    scope: Mapped[str]
    started_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_reason: Mapped[str] = mapped_column(default="")


class RefreshToken(Table):
    """Good for one use: the next one comes with what it was used for."""

    __tablename__ = "refresh_tokens"

    hash: Mapped[bytes] = mapped_column(primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("refresh_families.id", ondelete="CASCADE"), index=True)
    used_at: Mapped[datetime | None]
    family: Mapped[RefreshFamily] = relationship(lazy="joined")


class SigningKeyRow(Table):
    """Signs tokens until it is retired, and is published until the last of them has expired."""

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    public: Mapped[bytes]
    sealed: Mapped[bytes]
    created_at: Mapped[datetime]
    published_until: Mapped[datetime | None]


class ApiKey(Table):
    """``secret`` is sealed for HMAC, which needs it; for Ed25519 only the public key is ever here."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(ForeignKey("users.name"), index=True)
    label: Mapped[str]
    scheme: Mapped[str]
    secret: Mapped[bytes | None]
    public: Mapped[bytes | None]
    scopes: Mapped[list[str]]
    roles: Mapped[list[str]]
    accounts: Mapped[list[str]]
    networks: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    user: Mapped[User] = relationship(lazy="joined")


class Revocation(Table):
    """What must not be taken any more though it has not expired. ``kind``: token, session or key; kept for as
    long as it could be taken.
    """

    __tablename__ = "revocations"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    id: Mapped[str] = mapped_column(String(128), primary_key=True)
    until: Mapped[datetime] = mapped_column(index=True)


class SignInAttempts(Table):
    """Failures in a row. ``subject``: a user's name or an address, whether there is such a user or not."""

    __tablename__ = "sign_in_attempts"

    subject: Mapped[str] = mapped_column(String(160), primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime]


class IdentityEvent(Table):
    """What was done to users, clients and keys; takes new rows only. ``hash`` covers the row before."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at_us: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str]
    what: Mapped[str]
    which: Mapped[str]
    before: Mapped[str]
    after: Mapped[str]
    hash: Mapped[bytes]
