"""Users: made, locked, given roles and passwords; each with a record of who did it."""

import re
from collections.abc import Sequence
from typing import get_args

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.authentication.identity import Role
from api.identity import journal, passwords, sessions
from api.identity.errors import conflict, not_found, refused
from api.identity.models import SignInAttempts, User
from api.identity.store import Store, now

ROLES: tuple[Role, ...] = get_args(Role)
NAME = re.compile(r"[a-z][a-z0-9._-]{1,62}[a-z0-9]")
ACCOUNTS_MAX = 1_000


def create(
    store: Store, actor: str, name: str, password: str, roles: Sequence[str], accounts: Sequence[str]
) -> User:
    """Make a user. Raises ``Problem``: 400, or 409 where the name is or was somebody's."""
    if not NAME.fullmatch(name):
        raise refused(f"a user's name has 3 to 64 of a-z 0-9 . _ - and begins with a letter; was {name!r}")
    _check(roles, accounts)
    password_hash = passwords.hashed(name, password)
    with store.work() as session:
        if session.get(User, name):
            raise conflict(f"there is a user {name} already")
        user = User(
            name=name,
            password_hash=password_hash,
            roles=sorted(set(roles)),
            accounts=sorted(set(accounts)),
            locked_reason="",
            created_at=now(),
            password_changed_at=now(),
        )
        session.add(user)
        journal.record(session, actor, "user_created", name, None, journal.shown(user))
    return user


def listed(store: Store, after: str, limit: int) -> list[User]:
    """Return at most ``limit`` users whose names come after ``after``."""
    with store.work() as session:
        return list(session.scalars(select(User).where(User.name > after).order_by(User.name).limit(limit)))


def find(session: Session, name: str, *, to_change: bool = False) -> User:
    """Raises ``Problem`` (404)."""
    user = session.get(User, name, with_for_update=to_change or None)
    if user is None:
        raise not_found(f"there is no user {name!r}")
    return user


def get(store: Store, name: str) -> User:
    """Raises ``Problem`` (404)."""
    with store.work() as session:
        return find(session, name)


def exists(store: Store, name: str) -> bool:
    with store.work() as session:
        return session.get(User, name) is not None


def lock(store: Store, actor: str, name: str, reason: str) -> User:
    """Let a user in no more, and end what they have open: sessions at once, keys within seconds."""
    if not reason.strip():
        raise refused("say why the user is locked")
    with store.work() as session:
        user = find(session, name, to_change=True)
        before = journal.shown(user)
        user.locked_reason = reason
        sessions.end_all(session, name, "user_locked", store.lives)
        journal.record(session, actor, "user_locked", name, before, journal.shown(user))
    return user


def unlock(store: Store, actor: str, name: str) -> User:
    """Let a user in again, also one who is held up by wrong passwords."""
    with store.work() as session:
        user = find(session, name, to_change=True)
        before = journal.shown(user)
        user.locked_reason = ""
        session.execute(delete(SignInAttempts).where(SignInAttempts.subject == f"name:{name}"))
        journal.record(session, actor, "user_unlocked", name, before, journal.shown(user))
    return user


def set_roles(store: Store, actor: str, name: str, roles: Sequence[str], accounts: Sequence[str]) -> User:
    """Give a user these roles and accounts in place of the old ones; open sessions end."""
    _check(roles, accounts)
    with store.work() as session:
        user = find(session, name, to_change=True)
        before = journal.shown(user)
        user.roles, user.accounts = sorted(set(roles)), sorted(set(accounts))
        sessions.end_all(session, name, "roles_changed", store.lives)
        journal.record(session, actor, "user_roles_changed", name, before, journal.shown(user))
    return user


def set_password(store: Store, actor: str, name: str, password: str) -> User:
    """Replace a password; open sessions end."""
    password_hash = passwords.hashed(name, password)
    with store.work() as session:
        user = find(session, name, to_change=True)
        user.password_hash, user.password_changed_at = password_hash, now()
        sessions.end_all(session, name, "password_changed", store.lives)
        journal.record(session, actor, "user_password_changed", name)
    return user


def _check(roles: Sequence[str], accounts: Sequence[str]) -> None:
    if unknown := sorted(set(roles) - set(ROLES)):
        raise refused(f"no role {', '.join(unknown)}; there are {', '.join(ROLES)}")
    if len(accounts) > ACCOUNTS_MAX:
        raise refused(f"{len(accounts)} accounts for one user; {ACCOUNTS_MAX} are the most")
