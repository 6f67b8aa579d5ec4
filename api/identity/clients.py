"""Clients: programs that ask for tokens, for a user (authorization code) or for themselves."""

import hmac
import re
import secrets
from collections.abc import Sequence
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin
from sqlalchemy import select

from api.authentication.external import LOOPBACK
from api.authentication.scopes import OPENID_SCOPES, SCOPES
from api.identity import journal, users
from api.identity.errors import conflict, refused
from api.identity.models import Client
from api.identity.sessions import digest
from api.identity.store import Store, now

NAME = re.compile(r"[a-z][a-z0-9._-]{1,62}[a-z0-9]")
DASHBOARD = "dashboard"
FOR_USERS = ("authorization_code", "refresh_token")
FOR_ITSELF = ("client_credentials",)
SUBJECT_PREFIX = "client:"
"""Before the id of a client that asks for itself: no user's name has a colon."""


class OAuthClient(ClientMixin):  # type: ignore[misc] # Authlib has no types of its own
    """A client, as Authlib asks about it."""

    def __init__(self, row: Client) -> None:
        self.row = row

    def get_client_id(self) -> str:
        return self.row.id

    def get_default_redirect_uri(self) -> str | None:
        return None  # it has to say where to: a default would hide a mistake

    def get_allowed_scope(self, scope: str | None) -> str:
        wanted = scope.split() if scope else self.row.scopes
        return " ".join(one for one in self.row.scopes if one in wanted)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.row.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        stored = self.row.secret_hash
        return stored is not None and hmac.compare_digest(stored, digest(client_secret))

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return (method == "none") == (self.row.secret_hash is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code" and "authorization_code" in self.row.grant_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.row.grant_types


def create_public(store: Store, actor: str, name: str, redirect_uris: Sequence[str]) -> Client:
    """Make a client that cannot keep a secret, such as a page in a browser. Raises ``Problem``."""
    for uri in redirect_uris:
        parts = urlsplit(uri)
        loopback = parts.scheme == "http" and parts.hostname in LOOPBACK
        if not (parts.scheme == "https" or loopback) or parts.fragment or not parts.hostname:
            raise refused(f"redirect to {uri!r}: it is an address by https, or on this machine")
    if not redirect_uris:
        raise refused("a client for users needs an address to go back to")
    made = _client(name, FOR_USERS, (*OPENID_SCOPES, *SCOPES))
    made.redirect_uris = list(redirect_uris)
    return _added(store, actor, made)


def create_confidential(
    store: Store, actor: str, name: str, scopes: Sequence[str], roles: Sequence[str], accounts: Sequence[str]
) -> tuple[Client, str]:
    """Make a client that asks for itself; return it and its secret, told once. Raises ``Problem``."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise refused(f"no scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    if unknown := sorted(set(roles) - set(users.ROLES)):
        raise refused(f"no role {', '.join(unknown)}; there are {', '.join(users.ROLES)}")
    secret = secrets.token_urlsafe(32)
    made = _client(name, FOR_ITSELF, scopes)
    made.secret_hash, made.roles, made.accounts = digest(secret), sorted(roles), sorted(accounts)
    return _added(store, actor, made), secret


def ensure_dashboard(store: Store, redirect_uris: Sequence[str]) -> None:
    """See to it that the dashboard's client is there, and goes back to where the dashboard is now."""
    with store.work() as session:
        there = session.get(Client, DASHBOARD, with_for_update=True)
        if there is not None and there.redirect_uris != list(redirect_uris):
            before = journal.shown(there)
            there.redirect_uris = list(redirect_uris)
            journal.record(session, "identity", "client_changed", DASHBOARD, before, journal.shown(there))
    if there is None:
        create_public(store, "identity", DASHBOARD, redirect_uris)


def find(store: Store, name: str) -> OAuthClient | None:
    with store.work() as session:
        row = session.get(Client, name)
    return None if row is None else OAuthClient(row)


def listed(store: Store, limit: int) -> list[Client]:
    with store.work() as session:
        return list(session.scalars(select(Client).order_by(Client.id).limit(limit)))


def _client(name: str, grant_types: Sequence[str], scopes: Sequence[str]) -> Client:
    if not NAME.fullmatch(name):
        raise refused(f"a client's id has 3 to 64 of a-z 0-9 . _ - and begins with a letter; was {name!r}")
    return Client(
        id=name,
        redirect_uris=[],
        grant_types=list(grant_types),
        scopes=list(scopes),
        roles=[],
        accounts=[],
        created_at=now(),
    )


def _added(store: Store, actor: str, client: Client) -> Client:
    with store.work() as session:
        if session.get(Client, client.id):
            raise conflict(f"there is a client {client.id} already")
        session.add(client)
        journal.record(session, actor, "client_made", client.id, None, journal.shown(client))
    return client
