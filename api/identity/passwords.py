"""Passwords: argon2id with the second recommended set of RFC 9106 (64 MiB, three passes)."""

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.identity.errors import refused

CHARS_MIN = 12
CHARS_MAX = 256
AT_ONCE_MAX = 4
"""Each takes 64 MiB for a tenth of a second: strangers are not to use up the machine's memory."""

_hasher = PasswordHasher()
_room = BoundedSemaphore(AT_ONCE_MAX)
_nobodys = ""


def hashed(name: str, password: str) -> str:
    """Return what is stored for a new password. Raises ``Problem`` (400) for a weak one."""
    if not CHARS_MIN <= len(password) <= CHARS_MAX:
        raise refused(f"the password has {len(password)} characters; {CHARS_MIN} to {CHARS_MAX} are good")
    if name.lower() in password.lower():
        raise refused("the password contains the user's name: choose another")
    return _hash(password)


def verifies(stored: str | None, password: str) -> bool:
    """Tell whether the password is right. Without a user it takes as long, and is never right."""
    with _room:
        try:
            _hasher.verify(stored or _nobody(), password[:CHARS_MAX])
        except (VerificationError, InvalidHashError):
            return False
    return stored is not None


def outdated(stored: str) -> bool:
    """Tell whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def rehashed(password: str) -> str:
    return _hash(password)


def _hash(password: str) -> str:
    with _room:
        return _hasher.hash(password)


def _nobody() -> str:
    global _nobodys  # noqa: PLW0603 - made once, when it is first needed: it takes a while
    if not _nobodys:
        _nobodys = _hasher.hash("nobody has this password")
    return _nobodys
