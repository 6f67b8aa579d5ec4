"""Who is asking on the private stream: the one place that looks at a token."""

from litestar.exceptions import NotAuthorizedException

from api.auth import Identity, check_token, may_read
from api.problems import Problem


class RefusedTokenError(Exception):
    """The token is none of ours, has expired, or is not for this; the text says which."""


def identify(secret: str, token: str) -> tuple[Identity, float]:
    """Return whom the token stands for, and until when (seconds since 1970). Raises ``RefusedTokenError``."""
    try:
        return check_token(secret, token)
    except NotAuthorizedException as error:
        raise RefusedTokenError(error.detail) from None


def may_follow(identity: Identity, account: str) -> bool:
    try:
        may_read(identity, account)
    except Problem:
        return False
    return True
