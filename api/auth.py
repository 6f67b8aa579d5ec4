"""Who is asking is proved in ``api.authentication``; what they may do is said here.

Roles are checked by a guard on the route, the account by ``may_act_for`` and ``may_read`` on each call.
"""

from http import HTTPStatus
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from api.authentication.identity import Credential, Identity, Role
from api.authentication.middleware import bearer_tokens
from api.authentication.tokens import check_token, mint_token
from api.problems import Problem

__all__ = [
    "READS_ALL",
    "STOPS_ALL",
    "Identity",
    "Role",
    "bearer_tokens",
    "check_token",
    "may_act_for",
    "may_read",
    "may_stop",
    "mint_token",
    "requires",
]

READS_ALL: frozenset[Role] = frozenset({"analyst", "auditor", "operator", "risk", "admin"})

STOPS_ALL: frozenset[Role] = frozenset({"operator", "risk", "admin"})


def requires(*roles: Role) -> Guard:
    """Return a guard that lets in whoever has one of ``roles``."""

    def guard(connection: ASGIConnection[Any, Identity, Credential, Any], _: BaseRouteHandler) -> None:
        if "user" not in connection.scope:  # OPTIONS is answered without a token, here it is not
            raise NotAuthorizedException
        if not connection.user.roles & set(roles):
            raise _forbidden(f"{connection.user.subject} has none of the roles {', '.join(roles)}")

    return guard


def may_act_for(identity: Identity, account: str) -> None:
    """Raise a problem (403) unless the identity may trade for ``account``."""
    if "admin" not in identity.roles and not ("trader" in identity.roles and account in identity.accounts):
        raise _forbidden(f"{identity.subject} may not trade for account {account}")


def may_stop(identity: Identity, account: str) -> None:
    """Raise a problem (403) unless the identity may stop ``account``: its trader, and who runs the venue."""
    if not identity.roles & STOPS_ALL:
        may_act_for(identity, account)


def may_read(identity: Identity, account: str) -> None:
    """Raise a problem (403) unless the identity may see ``account``."""
    if not identity.roles & READS_ALL and account not in identity.accounts:
        raise _forbidden(f"{identity.subject} may not see account {account}")


def _forbidden(detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, "not_allowed", detail)
