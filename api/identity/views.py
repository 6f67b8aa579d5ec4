"""What the routes of identity take and tell; never a secret but where one is made."""

from datetime import datetime
from typing import Annotated

import msgspec

from api.authentication.identity import Role, Scope
from api.authentication.signed import Scheme
from api.identity.models import ApiKey, Client, IdentityEvent, User
from api.query.decimals import time_of

Name = Annotated[str, msgspec.Meta(max_length=64)]
NotEveryAccount = Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^*]+$")]
"""`*` stands for every account (api/permissions.py): nobody is given that."""
Names = Annotated[list[NotEveryAccount], msgspec.Meta(max_length=1_000)]
Password = Annotated[str, msgspec.Meta(max_length=256)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class NewUser(msgspec.Struct, forbid_unknown_fields=True):
    name: Name
    password: Password
    roles: list[Role] = []
    accounts: Names = []


class NewRoles(msgspec.Struct, forbid_unknown_fields=True):
    roles: list[Role]
    accounts: Names


class NewPassword(msgspec.Struct, forbid_unknown_fields=True):
    """``current``: the old one, from a user who changes their own."""

    password: Password
    current: Password = ""


class Locking(msgspec.Struct, forbid_unknown_fields=True):
    reason: Reason


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    """``owner``: only an administrator makes keys for others. ``public_key``: for ed25519, PEM or base64."""

    owner: Name | None = None
    label: Annotated[str, msgspec.Meta(max_length=100)] = ""
    scheme: Scheme = "hmac-sha256"
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["read"]
    )
    roles: list[Role] | None = None
    accounts: Names | None = None
    networks: Names = []
    expires_at: datetime | None = None
    public_key: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class NewClient(msgspec.Struct, forbid_unknown_fields=True):
    """With ``redirect_uris`` a public client for users; without, one that asks for itself with a secret."""

    id: Name
    redirect_uris: Names = []
    scopes: list[Scope] = []
    roles: list[Role] = []
    accounts: Names = []


class UserView(msgspec.Struct):
    name: str
    roles: list[str]
    accounts: list[str]
    locked: bool
    locked_reason: str
    created_at: str
    last_login_at: str | None


class KeyView(msgspec.Struct):
    id: str
    owner: str
    label: str
    scheme: str
    scopes: list[str]
    roles: list[str]
    accounts: list[str]
    networks: list[str]
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None


class NewKeyView(msgspec.Struct):
    """``secret``: told now, and never again; empty where the public key was given."""

    key: KeyView
    secret: str


class ClientView(msgspec.Struct):
    id: str
    public: bool
    redirect_uris: list[str]
    grant_types: list[str]
    scopes: list[str]
    roles: list[str]
    accounts: list[str]


class NewClientView(msgspec.Struct):
    """``secret``: told now, and never again; empty for a public client."""

    client: ClientView
    secret: str


class EventView(msgspec.Struct):
    """``before``, ``after``: the fields as they were and are; ``null`` where there was or is nothing."""

    id: int
    at: str
    actor: str
    what: str
    which: str
    before: msgspec.Raw
    after: msgspec.Raw
    hash: str


class MeView(msgspec.Struct):
    subject: str
    roles: list[str]
    accounts: list[str]
    scopes: list[Scope] | None
    client: str
    key_id: str


def user_view(user: User) -> UserView:
    return UserView(
        user.name,
        user.roles,
        user.accounts,
        bool(user.locked_reason),
        user.locked_reason,
        _time(user.created_at) or "",
        _time(user.last_login_at),
    )


def key_view(key: ApiKey) -> KeyView:
    return KeyView(
        key.id,
        key.owner,
        key.label,
        key.scheme,
        key.scopes,
        key.roles,
        key.accounts,
        key.networks,
        _time(key.created_at) or "",
        _time(key.expires_at),
        _time(key.revoked_at),
        _time(key.last_used_at),
    )


def client_view(client: Client) -> ClientView:
    return ClientView(
        client.id,
        client.secret_hash is None,
        client.redirect_uris,
        client.grant_types,
        client.scopes,
        client.roles,
        client.accounts,
    )


def event_view(event: IdentityEvent) -> EventView:
    before, after = (msgspec.Raw((state or "null").encode()) for state in (event.before, event.after))
    at = time_of(event.at_us)
    return EventView(event.id, at, event.actor, event.what, event.which, before, after, event.hash.hex())


def _time(at: datetime | None) -> str | None:
    return None if at is None else time_of(round(at.timestamp() * 1_000_000))
