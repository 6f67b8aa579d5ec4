"""The keys that sign tokens, and their rotation."""

import secrets

from sqlalchemy import Select, delete, func, or_, select, text
from sqlalchemy.orm import Session

from api.authentication.local_key import KEY_BYTES, SigningKey
from api.identity import journal
from api.identity.models import SigningKeyRow
from api.identity.sessions import SKEW_S
from api.identity.store import Store, in_seconds, now

_LOCK = 0x6F6D7306  # a number of our own: one makes a key at a time


def current(store: Store) -> SigningKey:
    """Return the key that signs; the first call of all makes it. Raises ``SealBrokenError``."""
    with store.work() as session:
        row = _newest(session)
        if row is None:
            session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            row = _newest(session) or _add(store, session, "identity", None)
        return SigningKey(store.seal.open(row.sealed, _name(row.kid)))


def rotate(store: Store, actor: str) -> str:
    """Sign with a new key from now on, and return its name. The old one stays published until the last token
    that it signed has expired.
    """
    with store.work() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        old = _newest(session)
        if old is not None:
            old.published_until = in_seconds(store.lives.access_token_s + SKEW_S)
        session.execute(delete(SigningKeyRow).where(SigningKeyRow.published_until < now()))
        return _add(store, session, actor, old).kid


def published(session: Session) -> dict[str, bytes]:
    """Return the public keys by their names: of all tokens that may still be good."""
    return {row.kid: row.public for row in session.scalars(_published())}


def _published() -> Select[SigningKeyRow]:
    until = SigningKeyRow.published_until
    return select(SigningKeyRow).where(or_(until.is_(None), until > func.now()))


def _newest(session: Session) -> SigningKeyRow | None:
    signing = select(SigningKeyRow).where(SigningKeyRow.published_until.is_(None))
    return session.scalars(signing.order_by(SigningKeyRow.created_at.desc()).limit(1)).first()


def _add(store: Store, session: Session, actor: str, old: SigningKeyRow | None) -> SigningKeyRow:
    key = SigningKey(secrets.token_bytes(KEY_BYTES))
    sealed = store.seal.close(key.seed, _name(key.kid))
    row = SigningKeyRow(kid=key.kid, public=key.public_bytes, sealed=sealed, created_at=now())
    session.add(row)
    before = None if old is None else journal.shown(old)
    journal.record(session, actor, "signing_key_made", key.kid, before, journal.shown(row))
    return row


def _name(kid: str) -> str:
    return f"signing key {kid}"
