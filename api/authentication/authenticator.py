"""All that an API needs to know who is asking: tokens of three kinds of issuers, and signed requests."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt
from litestar.exceptions import NotAuthorizedException

from api.authentication import signed
from api.authentication.addresses import TrustedProxies
from api.authentication.external import ExternalIssuer, ExternalIssuerConfig
from api.authentication.identity import Credential
from api.authentication.key_directory import KeyDirectory
from api.authentication.replays import ReplayMemory
from api.authentication.sealing import Seal
from api.authentication.tokens import Issuer, OwnIssuer, TokenChecker, UnknownKeyError, local_issuer
from api.authentication.watch import Watch
from api.identity.schema import engine_of

CONNECTIONS_MAX = 4
FOREVER = float("inf")


@dataclass(frozen=True)
class IdentityConfig:
    """Where users and keys are. ``issuer``: the name in the tokens of the service `identity`; ``key``: opens
    the secrets of API keys; ``refresh_ms``: within what time revocations are known.
    """

    postgres_dsn: str = field(repr=False)
    redis_url: str = field(repr=False)
    key: str = field(repr=False)
    issuer: str
    external: ExternalIssuerConfig | None = None
    refresh_ms: int = 2_000
    trusted_proxies: tuple[str, ...] = ()
    """Networks of load balancers whose `X-Forwarded-For` is believed."""


class Authenticator:
    """Without ``config`` it takes the local operator's tokens, and nothing else.

    Raises ``ValueError`` for a token secret of less than 32 bytes.
    """

    def __init__(self, token_secret: str, config: IdentityConfig | None = None) -> None:
        issuers: list[Issuer] = [local_issuer(token_secret)]
        self.proxies = TrustedProxies(config.trusted_proxies if config else ())
        self._external = ExternalIssuer(config.external) if config and config.external else None
        self._watch: Watch | None = None
        self._keys: KeyDirectory | None = None
        self._replays: ReplayMemory | None = None
        if config:
            self._engine = engine_of(config.postgres_dsn, CONNECTIONS_MAX)
            self._watch = Watch(self._engine, config.refresh_ms, self._external)
            self._keys = KeyDirectory(self._engine, Seal(config.key), config.refresh_ms)
            self._replays = ReplayMemory(config.redis_url)
            issuers.append(OwnIssuer(config.issuer, self._watch.published))
        if self._external:
            issuers.append(self._external)
        self._tokens = TokenChecker(issuers)

    def start(self) -> None:
        """Begin to look at what is revoked."""
        if self._watch is not None:
            self._watch.start()

    async def stop(self) -> None:
        if self._replays is not None:
            await self._replays.close()
        if self._watch is not None:
            await asyncio.to_thread(self._watch.stop)
            self._engine.dispose()

    # --- Tokens ------------------------------------------------------------------------------------------

    def check_token(self, encoded: str) -> Credential:
        """Return what a token proves, from memory. Raises ``NotAuthorizedException``."""
        found = self._tokens.check(encoded)
        self.check_revoked(found)
        return found

    async def learn(self, encoded: str) -> None:
        """Look whether there is news of the key that a token names, if it is not known. Never raises."""
        try:
            await asyncio.to_thread(self._tokens.check, encoded)
        except UnknownKeyError:
            await asyncio.to_thread(self._look_for_keys, encoded)
        except NotAuthorizedException:
            pass

    async def check_token_or_learn(self, encoded: str) -> Credential:
        """Return what a token proves, also by a key that is new. Raises ``NotAuthorizedException``."""
        try:
            return self.check_token(encoded)
        except UnknownKeyError:
            await asyncio.to_thread(self._look_for_keys, encoded)
            return self.check_token(encoded)

    def check_revoked(self, credential: Credential) -> None:
        """Raise ``NotAuthorizedException`` for what was revoked, or has expired."""
        if self.is_over(credential, time.time()):
            raise NotAuthorizedException("the token has expired, or was revoked: get a new one")

    def is_over(self, credential: Credential, epoch_s: float) -> bool:
        """Tell whether a credential has expired or was revoked, as far as is known here."""
        if epoch_s >= credential.expires:
            return True
        revoked = self._watch.revoked if self._watch is not None else frozenset()
        return bool(revoked) and not revoked.isdisjoint(_names(credential))

    def _look_for_keys(self, encoded: str) -> None:
        claimed = jwt.decode(encoded, options={"verify_signature": False}).get("iss")
        if self._external is not None and claimed == self._external.name:
            self._external.fetch()
        elif self._watch is not None:
            self._watch.look_sooner()

    # --- Signed requests ---------------------------------------------------------------------------------

    async def check_signed(
        self, headers: Mapping[str, str], method: str, target: str, body: bytes, address: str
    ) -> Credential:
        """Return what a signed request proves. Raises ``NotAuthorizedException``, ``Problem`` (503)."""
        request = signed.read(headers, method, target, body, address)
        now_s = time.time()
        signed.check_time(request, now_s * 1_000)
        if self._keys is None or self._replays is None or self._watch is None:
            raise NotAuthorizedException("this API takes no signed requests: send a bearer token")
        key = await self._keys.find(request.key_id)
        if key is None:
            raise NotAuthorizedException(f"there is no key {request.key_id!r}")
        signed.check_signature(request, key)
        signed.check_use(request, key, now_s)
        credential = Credential(key.identity, key.expires or FOREVER)
        self.check_revoked(credential)
        if not await self._replays.first_time(request, method):
            raise NotAuthorizedException("this signed request was sent before: sign each one anew")
        self._watch.used(request.key_id)
        return credential


def _names(credential: Credential) -> tuple[tuple[str, str], ...]:
    return (
        ("token", credential.token_id),
        ("session", credential.session),
        ("key", credential.identity.key_id),
    )
