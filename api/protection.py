"""What all our HTTP services have around them: rights, rate limits, the shield, and which pages may call."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.types import Guard, Method

from api import permissions
from api.rate_limits import Meter, RateLimitConfig, RateLimits
from api.shield import Shield, ShieldConfig

CORS_METHODS: tuple[Method, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")
ASKED_WITH = (
    "authorization",
    "content-type",
    "idempotency-key",
    "oms-read-after",
    "x-correlation-id",
    "x-request-id",
)
TOLD_WITH = (
    "idempotent-replayed",
    "oms-as-of",
    "oms-lag-ms",
    "oms-seq",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
)
PREFLIGHT_S = 600


@dataclass(frozen=True)
class ProtectionConfig:
    """``limits``: none without it; ``cors_origins``: pages of these origins may call from a browser."""

    shield: ShieldConfig = field(default_factory=ShieldConfig)
    limits: RateLimitConfig | None = None
    cors_origins: Sequence[str] = ()


class Protection:
    """Made before the application, with what it is to be made with; ``put_around`` it when it is there."""

    def __init__(self, config: ProtectionConfig) -> None:
        self._config = config
        self.limits = None if config.limits is None else RateLimits(config.limits)
        self.guards: list[Guard] = [permissions.guard]
        if self.limits is not None:
            self.guards.append(Meter(self.limits))
        self.cors = _cors(config.cors_origins) if config.cors_origins else None

    async def close(self) -> None:
        if self.limits is not None:
            await self.limits.close()

    def put_around(self, app: Litestar) -> None:
        """Raises ``ValueError`` for a route that nobody has a right to."""
        permissions.close(app)
        shield: Any = Shield(app.asgi_handler, self._config.shield, self.limits)
        app.asgi_handler = shield


def _cors(origins: Sequence[str]) -> CORSConfig:
    """Tokens travel in a header and never in a cookie, so credentials are not for other pages."""
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=[*CORS_METHODS],
        allow_headers=[*ASKED_WITH],
        expose_headers=[*TOLD_WITH],
        allow_credentials=False,
        max_age=PREFLIGHT_S,
    )
