"""Identity, wired from the settings: for the services, for the commands, and the first user of a stack."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from api.authentication.authenticator import IdentityConfig
from api.authentication.external import ExternalIssuerConfig
from api.authentication.identity import Role
from api.identity import users
from api.identity.store import Lives, Store
from api.problems import Problem
from stack.settings import Settings, write_private

FIRST_USER = "demo"
FIRST_USER_FILE = "demo-user"
FIRST_ROLES = ("admin", "trader")


def identity_of(settings: Settings) -> IdentityConfig:
    """Return what an API needs to know who is asking."""
    return IdentityConfig(
        postgres_dsn=settings.postgres_dsn,
        redis_url=settings.redis_url,
        key=settings.identity_key,
        issuer=settings.identity_issuer.rstrip("/"),
        external=external_of(settings),
        refresh_ms=settings.identity_refresh_ms,
        trusted_proxies=settings.trusted_proxies,
    )


def external_of(settings: Settings) -> ExternalIssuerConfig | None:
    """Return the other issuer whose tokens are taken, if one is configured. Raises ``ValueError``."""
    if not settings.external_issuer:
        return None
    if unknown := sorted(set(settings.external_role_names.values()) - set(users.ROLES)):
        raise ValueError(f"external_role_names has {', '.join(unknown)}; there are {', '.join(users.ROLES)}")
    return ExternalIssuerConfig(
        issuer=settings.external_issuer,
        audience=settings.external_audience,
        jwks_url=settings.external_jwks_url,
        audience_claim=settings.external_audience_claim,
        roles_claim=settings.external_roles_claim,
        accounts_claim=settings.external_accounts_claim,
        role_names=cast("dict[str, Role]", settings.external_role_names),
    )


def lives_of(settings: Settings) -> Lives:
    return Lives(
        access_token_s=settings.access_token_s,
        refresh_idle_s=settings.refresh_idle_s,
        refresh_total_s=settings.refresh_total_s,
    )


@contextmanager
def store_of(settings: Settings) -> Iterator[Store]:
    """Yield the store of the running stack. Raises ``RuntimeError`` for what it refuses, in its own words."""
    store = Store(settings.postgres_dsn, settings.identity_key, lives_of(settings))
    try:
        yield store
    except Problem as problem:
        raise RuntimeError(problem.detail) from None
    finally:
        store.close()


def first_user(settings: Settings) -> bool:
    """See to it that a local stack has a user to sign in as: `demo`, an administrator and trader.

    The password is in the file `demo-user` of the stack's folder, for its owner alone. Return whether the
    user was made now.
    """
    kept = settings.folder / FIRST_USER_FILE
    with store_of(settings) as store:
        if users.exists(store, FIRST_USER):
            return False
        password = secrets.token_urlsafe(15)
        write_private(kept, f"{FIRST_USER} {password}\n")
        users.create(store, "stack", FIRST_USER, password, FIRST_ROLES, ())
    return True
