"""The scopes of clients and keys; which one a route asks for stands in ``api.permissions``."""

from typing import get_args

from api.authentication.identity import Scope

SCOPES: tuple[Scope, ...] = get_args(Scope)
OPENID_SCOPES = ("openid", "profile")


def ours(scope: str) -> frozenset[Scope]:
    """Return those scopes of a token's claim (separated by blanks) that mean something here."""
    named = scope.split()
    return frozenset(known for known in SCOPES if known in named)
