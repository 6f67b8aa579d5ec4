"""What a scope lets a client or a key do, of what the roles of its owner allow.

``read``: every GET. ``trade``: orders, order lists, the kill switch, and the WebSocket they come by.
``withdraw``: withdrawals and transfers. ``admin``: everything else that changes something.
"""

import re
from http import HTTPStatus
from typing import get_args

from api.authentication.identity import Identity, Scope
from api.problems import Problem

SCOPES: tuple[Scope, ...] = get_args(Scope)
OPENID_SCOPES = ("openid", "profile")

_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_TRADING = re.compile(r"/v1/(orders|order-lists)(/|$)|/v1/accounts/[^/]+/kill-switch$")
_WITHDRAWING = re.compile(r"/v1/transfers(/|$)|/v1/accounts/[^/]+/withdrawals(/|$)")
TRADING_SOCKET = "/v1/ws"


def needed(method: str, path: str) -> Scope:
    """Return the scope that a request asks for."""
    if path.rstrip("/") == TRADING_SOCKET:
        return "trade"
    if method in _READING:
        return "read"
    if _TRADING.match(path):
        return "trade"
    return "withdraw" if _WITHDRAWING.match(path) else "admin"


def in_scope(identity: Identity, method: str, path: str) -> None:
    """Raise a problem (403) where a client or a key is used beyond its scopes."""
    if identity.scopes is None or (scope := needed(method, path)) in identity.scopes:
        return
    which = f"the key {identity.key_id}" if identity.key_id else f"the token of client {identity.client}"
    has = ", ".join(sorted(identity.scopes)) or "none"
    raise Problem(HTTPStatus.FORBIDDEN, "not_allowed", f"{which} has the scopes {has}; this needs {scope}")


def ours(scope: str) -> frozenset[Scope]:
    """Return those scopes of a token's claim (separated by blanks) that mean something here."""
    named = scope.split()
    return frozenset(known for known in SCOPES if known in named)
