"""Signing in with name and password, and what holds up those who guess.

Every attempt is counted before the password is looked at, by the name and by the address that it came from,
in the database: so guesses that come all at once, or through several replicas, count as well. A name that
does not exist is treated as one that does.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from api.identity import journal, passwords
from api.identity.models import SignInAttempts, User
from api.identity.store import Store, now

FREE_BY_NAME = 5
FREE_BY_ADDRESS = 30
DELAY_S_MAX = 900
FORGOTTEN_AFTER = timedelta(hours=1)
NAME_CHARS_MAX = 64
ACTOR = "sign-in"


class SignInError(Exception):
    """``retry_after_s``: how long the next attempt has to wait; 0 if it need not."""

    def __init__(self, retry_after_s: int = 0) -> None:
        super().__init__("name or password is wrong" if not retry_after_s else "too many attempts")
        self.retry_after_s = retry_after_s


def sign_in(store: Store, name: str, password: str, address: str) -> User:
    """Return the user whose name and password these are. Raises ``SignInError``."""
    name = name.strip().lower()[:NAME_CHARS_MAX]
    subjects = sorted([f"name:{name}", f"address:{address}"])
    with store.work() as session:
        waits = [_count(session, subject) for subject in subjects]
        user = session.get(User, name)
        if not max(waits):
            _tell_of_blocks(session, subjects, user)
    if max(waits):
        raise SignInError(max(waits))
    right = passwords.verifies(user.password_hash if user else None, password)
    if user is None or not right or user.locked_reason:
        raise SignInError
    _succeeded(store, user.name, password, subjects)
    return user


def _count(session: Session, subject: str) -> int:
    """Count one attempt; return how many seconds are left to wait before any is looked at."""
    at = now()
    made = insert(SignInAttempts).values(subject=subject, failures=0, last_at=at, blocked_until=at)
    session.execute(made.on_conflict_do_nothing())
    row = session.get_one(SignInAttempts, subject, with_for_update=True, populate_existing=True)
    if row.blocked_until > at:
        return max(1, round((row.blocked_until - at).total_seconds()))
    if at - row.last_at > FORGOTTEN_AFTER:
        row.failures = 0
    row.failures += 1
    row.last_at = at
    row.blocked_until = at + timedelta(seconds=_delay_s(subject, row.failures))
    return 0


def _delay_s(subject: str, failures: int) -> int:
    """Return how long the next attempt has to wait: nothing at first, then twice as long each time."""
    beyond = failures - (FREE_BY_NAME if subject.startswith("name:") else FREE_BY_ADDRESS)
    return 0 if beyond < 0 else int(min(2 ** min(beyond, 16), DELAY_S_MAX))


def _tell_of_blocks(session: Session, subjects: list[str], user: User | None) -> None:
    """Put blocks on record; not under a name that nobody has: it may be a password in the wrong field."""
    for subject in subjects:
        row = session.get_one(SignInAttempts, subject)
        if row.blocked_until > row.last_at and (user or subject.startswith("address:")):
            state = {"failures": row.failures, "blocked_until": _text(row.blocked_until)}
            journal.record(session, ACTOR, "sign_in_blocked", subject, None, state)


def _succeeded(store: Store, name: str, password: str, subjects: list[str]) -> None:
    """Forget the failures under the name; of the address only this attempt, for it may be guessing others."""
    with store.work() as session:
        for subject in subjects:
            row = session.get_one(SignInAttempts, subject, with_for_update=True)
            row.failures = 0 if subject.startswith("name:") else max(0, row.failures - 1)
            row.blocked_until = now()
        user = session.get_one(User, name, with_for_update=True)
        user.last_login_at = now()
        if passwords.outdated(user.password_hash):
            user.password_hash = passwords.rehashed(password)
        session.execute(delete(SignInAttempts).where(SignInAttempts.last_at < now() - 24 * FORGOTTEN_AFTER))


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
