"""Who is asking on the private stream, and whose accounts they may follow."""

from litestar.exceptions import NotAuthorizedException

from api.auth import Identity
from api.authentication.authenticator import Authenticator
from api.authentication.identity import Credential
from api.permissions import SEE_FUNDS, SEE_ORDERS


class RefusedTokenError(Exception):
    """The token is none of ours, has expired, or is not for this; the text says which."""


def identify(authenticator: Authenticator, token: str) -> Credential:
    """Return what the token proves. Raises ``RefusedTokenError``."""
    try:
        return authenticator.check_token(token)
    except NotAuthorizedException as error:
        raise RefusedTokenError(error.detail) from None


def may_follow(identity: Identity, account: str) -> bool:
    return SEE_ORDERS.allows(identity, account) and SEE_FUNDS.allows(identity, account)
