"""How often: what a request or a command costs, and whose allowances it is taken from.

Three buckets (``api.token_bucket``): of the address a request comes from, before anything is known of it; of
who sends it, the token's subject; of the account that commands are for, whoever sends them. Answers tell by
``RateLimit`` and ``RateLimit-Policy`` (draft-ietf-httpapi-ratelimit-headers) what is left.

Whatever takes risk away (cancels, kill switch, halts) may overdraw: a client that has spent all it had on
orders can still take them back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from math import ceil
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api import passage
from api.auth import Identity
from api.passage import Charge
from api.problems import Problem
from api.token_bucket import Buckets, Policy, RedisStore, Verdict
from commands.messages import AnyCommand
from domain.order import AmendOrder, CancelAll, CancelOrder, CancelReplace, PlaceOrder
from domain.order_list import CancelOrderList, PlaceOrderList
from domain.shard_transfer import SendFunds
from domain.transfer import RequestWithdrawal, TransferFunds

ADDRESS, SUBJECT, ACCOUNT = "address", "subject", "account"

REQUEST, HEAVY, REPLAY, EXPORT, LOGIN = 1, 10, 50, 100, 10
"""Tokens a request costs: any; one that reads much; one that replays the history; a whole list as a file; a
token to be checked, which is taken from the address.
"""
ORDER, CANCEL, MONEY = 2, 1, 5
"""Tokens a command costs beside its request."""

WEIGHTS: Mapping[str, int] = {
    **dict.fromkeys(
        [
            "searchOrders",
            "searchPositions",
            "searchBalances",
            "searchTransfers",
            "searchDailyPnl",
            "sumTrades",
            "sumFees",
            "sumOrders",
            "listActivity",
            "getLimits",
            "getTrialBalance",
        ],
        HEAVY,
    ),
    **dict.fromkeys(
        ["auditOrderAsOf", "auditAccountAsOf", "auditMarketAsOf", "auditBookAsOf"],
        REPLAY,
    ),
}
TAKES_RISK_AWAY = frozenset(
    {
        "cancelOrder",
        "cancelAll",
        "cancelOrderList",
        "killSwitch",
        "setMarketStatus",
        "setAccountStatus",
        "setVenueStatus",
    }
)
FILES = ("csv", "parquet")

_COSTS: dict[type, int] = {
    PlaceOrder: ORDER,
    CancelReplace: ORDER + CANCEL,
    AmendOrder: ORDER,
    CancelOrder: CANCEL,
    CancelAll: CANCEL,
    CancelOrderList: CANCEL,
    RequestWithdrawal: MONEY,
    TransferFunds: MONEY,
    SendFunds: MONEY,
}
_CANCELS = frozenset({CancelOrder, CancelAll, CancelOrderList})


@dataclass(frozen=True)
class RateLimitConfig:
    """``clients``: policies of their own for subjects that are known, as a market maker's or a bench's."""

    redis_url: str = field(repr=False)
    address: Policy
    subject: Policy
    account: Policy
    clients: Mapping[str, Policy] = field(default_factory=dict)
    alone_percent: int = 25


class RateLimits:
    """Takes what requests and commands cost from whose allowances they are; for one event loop."""

    def __init__(self, config: RateLimitConfig) -> None:
        self._config = config
        self._buckets = Buckets(RedisStore(config.redis_url), config.alone_percent)

    async def close(self) -> None:
        await self._buckets.close()

    async def of_address(self, address: str, cost: int = REQUEST) -> None:
        """Raises ``Problem`` (429)."""
        await self._take(self._config.address, address, cost, overdraw=False)

    async def of_subject(self, subject: str, cost: int, *, overdraw: bool = False) -> None:
        """Raises ``Problem`` (429)."""
        policy = self._config.clients.get(subject, self._config.subject)
        await self._take(policy, subject, cost, overdraw=overdraw)

    async def of_account(self, account: str, cost: int, *, overdraw: bool = False) -> None:
        """Raises ``Problem`` (429)."""
        await self._take(self._config.account, account, cost, overdraw=overdraw)

    async def of_commands(self, commands: Sequence[AnyCommand]) -> None:
        """Take what these cost, of one sender, from the sender and from their accounts.

        Raises ``Problem`` (429); none of them is then to be sent.
        """
        if not commands:
            return
        costs: dict[tuple[str, bool], int] = {}
        for command in commands:
            if cost := cost_of(command):
                whose = str(getattr(command, "account", "")), type(command) in _CANCELS
                costs[whose] = costs.get(whose, 0) + cost
        for (account, overdraw), cost in costs.items():
            await self.of_subject(commands[0].actor, cost, overdraw=overdraw)
            await self.of_account(account, cost, overdraw=overdraw)

    async def _take(self, policy: Policy, key: str, cost: int, *, overdraw: bool) -> None:
        verdict = self._buckets.leased(policy, key, cost)
        if verdict is None:
            verdict = await self._buckets.take(policy, key, cost, overdraw=overdraw)
        _note(policy, verdict)
        if not verdict.granted:
            raise refused(policy, key, cost, verdict)


def cost_of(command: AnyCommand) -> int:
    if isinstance(command, PlaceOrderList):
        return ORDER * len(command.legs)
    return _COSTS.get(type(command), 0)


def refused(policy: Policy, key: str, cost: int, verdict: Verdict) -> Problem:
    after_s = max(1, ceil(verdict.after_s))
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "rate_limited",
        f"this costs {cost}, and the {policy.name} {key} has {verdict.remaining} left of {policy.burst}; "
        f"{policy.per_s:g} come back each second",
        headers={"Retry-After": str(after_s)},
        retry_after_ms=ceil(verdict.after_s * 1_000),
    )


def _note(policy: Policy, verdict: Verdict) -> None:
    passed = passage.current()
    if passed is not None:
        missing = max(0, policy.burst - verdict.remaining)
        passed.charges[policy.name] = Charge(
            policy.name, policy.burst, policy.window_s, verdict.remaining, ceil(missing / policy.per_s)
        )


def headers_of(charges: Mapping[str, Charge]) -> list[tuple[bytes, bytes]]:
    """Return the fields that tell of them, as structured fields (RFC 9651)."""
    if not charges:
        return []
    policies = ", ".join(f'"{each.policy}";q={each.burst};w={each.window_s}' for each in charges.values())
    left = ", ".join(f'"{each.policy}";r={each.remaining};t={each.full_in_s}' for each in charges.values())
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", left.encode())]


class Meter:
    """A guard after the one of permissions: takes what the request itself costs, from who sends it."""

    def __init__(self, limits: RateLimits) -> None:
        self._limits = limits

    async def __call__(
        self, connection: ASGIConnection[Any, Identity, Any, Any], _: BaseRouteHandler
    ) -> None:
        """Raises ``Problem`` (429)."""
        identity: Identity | None = connection.scope.get("user")
        if identity is not None:
            operation = getattr(connection.scope["route_handler"], "operation_id", None) or ""
            await self._limits.of_subject(
                identity.subject,
                _weight(operation, connection),
                overdraw=operation in TAKES_RISK_AWAY,
            )


def _weight(operation: Any, connection: ASGIConnection[Any, Any, Any, Any]) -> int:
    weight = WEIGHTS.get(operation, REQUEST)
    query = connection.scope.get("query_string", b"")
    if b"format=" in query and connection.query_params.get("format") in FILES:
        return EXPORT
    if weight == HEAVY and connection.headers.get("accept", "").startswith(("text/csv", "application/vnd")):
        return EXPORT
    return weight
