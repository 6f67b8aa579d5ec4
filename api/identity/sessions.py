"""Sessions: authorization codes, families of refresh tokens, and what is revoked before it expires.

Codes and refresh tokens are stored as hashes, and are good for one use. A second use means that somebody else
has it as well: then the whole family ends, with the access tokens that came of it (RFC 9700).
"""

import hashlib
import logging
import secrets
from datetime import datetime
from uuid import uuid4

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.identity import journal
from api.identity.models import AuthorizationCode, RefreshFamily, RefreshToken, Revocation
from api.identity.store import Lives, Store, in_seconds, now

logger = logging.getLogger(__name__)

ACTOR = "identity"
SKEW_S = 30


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def new_family() -> str:
    return uuid4().hex


def use_code(store: Store, code: str, client_id: str) -> AuthorizationCode | None:
    """Return what a code stands for, once; a second use ends the session that came of the first."""
    with store.work() as session:
        used = session.scalars(
            update(AuthorizationCode)
            .where(AuthorizationCode.hash == digest(code), AuthorizationCode.used_at.is_(None))
            .values(used_at=now())
            .returning(AuthorizationCode)
        ).first()
        if used is None:
            known = session.get(AuthorizationCode, digest(code))
            if known:
                end(session, known.family, "code_used_twice", store.lives)
            return None
        return used if used.client_id == client_id and used.expires_at > now() else None


def begin(session: Session, lives: Lives, code: AuthorizationCode) -> None:
    """Begin the family of refresh tokens that a code leads to; and forget what is over."""
    session.execute(delete(AuthorizationCode).where(AuthorizationCode.expires_at < in_seconds(-3_600)))
    session.execute(delete(RefreshFamily).where(RefreshFamily.expires_at < in_seconds(-86_400)))
    session.add(
        RefreshFamily(
            id=code.family,
            user_name=code.user_name,
            client_id=code.client_id,
            scope=code.scope,
            started_at=now(),
            expires_at=in_seconds(lives.refresh_idle_s),
            ended_reason="",
        )
    )
    session.flush()


def new_refresh_token(session: Session, family: str) -> str:
    """Return the family's next refresh token."""
    token = secrets.token_urlsafe(48)
    session.add(RefreshToken(hash=digest(token), family_id=family))
    return token


def use_refresh_token(store: Store, token: str, client_id: str) -> RefreshFamily | None:
    """Return the session that a refresh token goes on with, once; a second use ends the session."""
    with store.work() as session:
        found = session.get(RefreshToken, digest(token), with_for_update={"of": RefreshToken})
        if found is None:
            return None
        family = session.get_one(RefreshFamily, found.family_id, with_for_update=True, populate_existing=True)
        if found.used_at is not None or family.client_id != client_id:
            end(session, family.id, "refresh_token_used_twice", store.lives)
            return None
        found.used_at = now()
        if family.ended_reason or family.expires_at <= now():
            return None
        most = family.started_at.timestamp() + store.lives.refresh_total_s
        family.expires_at = min(
            in_seconds(store.lives.refresh_idle_s), datetime.fromtimestamp(most, now().tzinfo)
        )
        return family


def end(session: Session, family_id: str, reason: str, lives: Lives) -> None:
    """End a session: its refresh tokens at once, its access tokens as soon as the APIs have heard."""
    family = session.get(RefreshFamily, family_id, with_for_update=True)
    if family is None or family.ended_reason:
        return
    family.ended_reason = reason
    revoke(session, "session", family_id, lives.access_token_s)
    if reason in {"code_used_twice", "refresh_token_used_twice"}:
        logger.warning("a session of %s by %s has ended: %s", family.user_name, family.client_id, reason)
        state = {"client": family.client_id, "reason": reason}
        journal.record(session, ACTOR, "session_revoked", family.user_name, None, state)


def end_all(session: Session, user_name: str, reason: str, lives: Lives) -> None:
    """End all sessions of a user."""
    open_ones = select(RefreshFamily.id).where(
        RefreshFamily.user_name == user_name, RefreshFamily.ended_reason == ""
    )
    for family_id in session.scalars(open_ones).all():
        end(session, family_id, reason, lives)


def revoke(session: Session, kind: str, what: str, valid_s: float) -> None:
    """Put something on the list that the APIs look at, for as long as it could be taken."""
    row = insert(Revocation).values(kind=kind, id=what, until=in_seconds(valid_s + SKEW_S))
    session.execute(row.on_conflict_do_nothing())
    session.execute(delete(Revocation).where(Revocation.until < now()))
