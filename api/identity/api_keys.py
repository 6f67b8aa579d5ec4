"""API keys: made with a secret that is told once, found by those who check signatures, revoked for ever."""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from typing import cast, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.authentication.identity import Identity, Role
from api.authentication.scopes import SCOPES, ours
from api.authentication.sealing import Seal
from api.authentication.signed import KeyRecord, Scheme
from api.identity import journal, sessions
from api.identity.errors import conflict, not_allowed, not_found, refused
from api.identity.models import ApiKey, User
from api.identity.store import Store, now
from api.identity.users import ROLES, find

KEYS_OF_A_USER_MAX = 50
NETWORKS_MAX = 50
LABEL_CHARS_MAX = 100
REVOKED_TOLD_S = 86_400
PREFIX = "key_"


@dataclass(frozen=True)
class Wish:
    """A key as it is asked for. ``public_key``: of an Ed25519 pair, PEM or base64 of its 32 bytes; without it
    the pair is made here. Without ``roles`` and ``accounts`` the key has the owner's, but never admin's.
    """

    owner: str
    label: str = ""
    scheme: Scheme = "hmac-sha256"
    scopes: Sequence[str] = ("read",)
    roles: Sequence[str] | None = None
    accounts: Sequence[str] | None = None
    networks: Sequence[str] = ()
    expires_at: datetime | None = None
    public_key: str = ""


@dataclass(frozen=True)
class Made:
    """``secret``: to be told now and never again; empty where the public key was given."""

    key: ApiKey
    secret: str


def create(store: Store, actor: str, wish: Wish) -> Made:
    """Make a key. Raises ``Problem``: 400, 403, 404, 409."""
    _check(wish)
    with store.work() as session:
        owner = find(session, wish.owner, to_change=True)
        if _live_keys(session, owner.name) >= KEYS_OF_A_USER_MAX:
            raise conflict(f"{owner.name} has {KEYS_OF_A_USER_MAX} keys; revoke one first")
        key = _made(store.seal, owner, wish)
        secret = _give_secret(store.seal, key, wish)
        session.add(key)
        journal.record(session, actor, "api_key_made", key.id, None, journal.shown(key))
    return Made(key, secret)


def revoke(store: Store, actor: str, key_id: str, *, owner: str | None = None) -> ApiKey:
    """Let a key open nothing any more. ``owner``: whose it has to be. Raises ``Problem`` (404)."""
    with store.work() as session:
        key = session.get(ApiKey, key_id, with_for_update={"of": ApiKey})
        if key is None or (owner is not None and key.owner != owner):
            raise not_found(f"there is no key {key_id!r}")
        if key.revoked_at is None:
            before = journal.shown(key)
            key.revoked_at = now()
            sessions.revoke(session, "key", key.id, REVOKED_TOLD_S)
            journal.record(session, actor, "api_key_revoked", key.id, before, journal.shown(key))
    return key


def listed(store: Store, owner: str | None, after: str, limit: int) -> list[ApiKey]:
    """Return at most ``limit`` keys after the id ``after``, those of ``owner`` or of everybody."""
    wanted = select(ApiKey).where(ApiKey.id > after).order_by(ApiKey.id).limit(limit)
    with store.work() as session:
        return list(session.scalars(wanted if owner is None else wanted.where(ApiKey.owner == owner)))


def is_ours(seal: Seal, key_id: str) -> bool:
    """Tell whether an id can be one of ours: those that strangers think up cost no look into the database."""
    return key_id.startswith(PREFIX) and seal.has_tag(
        key_id[: -len(seal.tag(""))], key_id[-len(seal.tag("")) :]
    )


def record_of(session: Session, seal: Seal, key_id: str) -> KeyRecord | None:
    """Return a key, ready to check signatures. Raises ``SealBrokenError``."""
    key = session.get(ApiKey, key_id)
    if key is None:
        return None
    sealed = key.secret
    return KeyRecord(
        identity=_identity(key),
        scheme=cast("Scheme", key.scheme),
        material=(key.public or b"") if sealed is None else seal.open(sealed, key.id),
        networks=tuple(ip_network(network) for network in key.networks),
        expires=key.expires_at.timestamp() if key.expires_at else 0.0,
        refused="was revoked"
        if key.revoked_at
        else "is of a user who is locked"
        if key.user.locked_reason
        else "",
    )


def note_uses(session: Session, uses: Mapping[str, datetime]) -> None:
    """Write down when keys were used last; never an earlier time than what is there."""
    for key_id, at in sorted(uses.items()):
        used = func.greatest(func.coalesce(ApiKey.last_used_at, at), at)
        session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=used))


def _identity(key: ApiKey) -> Identity:
    """A key never has more than its owner has now; an admin's has the roles and accounts it was given."""
    roles, accounts = set(key.roles), set(key.accounts)
    if "admin" not in key.user.roles:
        roles &= set(key.user.roles)
        accounts &= set(key.user.accounts)
    return Identity(
        subject=key.owner,
        roles=frozenset(cast("set[Role]", roles)),
        accounts=frozenset(accounts),
        scopes=ours(" ".join(key.scopes)),
        key_id=key.id,
    )


def _made(seal: Seal, owner: User, wish: Wish) -> ApiKey:
    number = PREFIX + secrets.token_hex(10)
    is_admin = "admin" in owner.roles
    roles = wish.roles if wish.roles is not None else [role for role in owner.roles if role != "admin"]
    accounts = wish.accounts if wish.accounts is not None else owner.accounts
    if not is_admin and (beyond := set(roles) - set(owner.roles) or set(accounts) - set(owner.accounts)):
        raise not_allowed(f"{owner.name} does not have {', '.join(sorted(beyond))}, nor can a key of theirs")
    return ApiKey(
        id=number + seal.tag(number),
        owner=owner.name,
        user=owner,
        label=wish.label,
        scheme=wish.scheme,
        scopes=sorted(set(wish.scopes)),
        roles=sorted(set(roles)),
        accounts=sorted(set(accounts)),
        networks=[str(ip_network(network, strict=False)) for network in wish.networks],
        created_at=now(),
        expires_at=wish.expires_at,
    )


def _give_secret(seal: Seal, key: ApiKey, wish: Wish) -> str:
    if wish.scheme == "hmac-sha256":
        secret = secrets.token_urlsafe(32)
        key.secret = seal.close(secret.encode(), key.id)
        return secret
    if wish.public_key:
        key.public = _public(wish.public_key)
        return ""
    private = Ed25519PrivateKey.generate()
    key.public = private.public_key().public_bytes_raw()
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public(given: str) -> bytes:
    try:
        if given.lstrip().startswith("-----BEGIN"):
            loaded = load_pem_public_key(given.encode())
            if not isinstance(loaded, Ed25519PublicKey):
                raise refused("the public key is not of the kind Ed25519")
            return loaded.public_bytes_raw()
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(given, validate=True)).public_bytes_raw()
    except (ValueError, binascii.Error) as error:
        raise refused(f"the public key is neither PEM nor base64 of 32 bytes: {error}") from None


def _live_keys(session: Session, owner: str) -> int:
    counted = select(func.count()).where(ApiKey.owner == owner, ApiKey.revoked_at.is_(None))
    return session.scalars(counted).one()


def _check(wish: Wish) -> None:
    if wish.scheme not in get_args(Scheme):
        raise refused(f"no scheme {wish.scheme!r}; there are {', '.join(get_args(Scheme))}")
    if unknown := sorted(set(wish.scopes) - set(SCOPES)):
        raise refused(f"no scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    if unknown := sorted(set(wish.roles or ()) - set(ROLES)):
        raise refused(f"no role {', '.join(unknown)}; there are {', '.join(ROLES)}")
    if not wish.scopes:
        raise refused("a key without scopes opens nothing: name one")
    if len(wish.networks) > NETWORKS_MAX or len(wish.label) > LABEL_CHARS_MAX:
        raise refused(f"at most {NETWORKS_MAX} networks, and a label of {LABEL_CHARS_MAX} characters")
    if wish.expires_at is not None and wish.expires_at <= now():
        raise refused(f"the key would have expired at {wish.expires_at.isoformat()}")
    for network in wish.networks:
        try:
            ip_network(network, strict=False)
        except ValueError as error:
            raise refused(f"network {network!r}: {error}; it is like 203.0.113.7 or 203.0.113.0/24") from None
