"""Who sends a request, and what it was proved by."""

from typing import Literal

import msgspec

Role = Literal["trader", "analyst", "auditor", "operator", "risk", "admin"]
Scope = Literal["read", "trade", "withdraw", "admin"]


class Identity(msgspec.Struct, frozen=True):
    """Who sends a request: its subject, its roles, and the accounts it may trade for.

    ``scopes``: what a client or a key may do of what the roles allow; ``None``: all of it. ``client``: which
    client a token was given to; ``key_id``: which API key signed the request; empty where there is none.
    """

    subject: str
    roles: frozenset[Role]
    accounts: frozenset[str]
    scopes: frozenset[Scope] | None = None
    client: str = ""
    key_id: str = ""


class Credential(msgspec.Struct, frozen=True):
    """What proved an identity. ``expires``: seconds since 1970; ``token_id`` and ``session``: what can be
    revoked before that, empty where there is none.
    """

    identity: Identity
    expires: float
    token_id: str = ""
    session: str = ""
