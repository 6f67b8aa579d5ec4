"""Who may do what: one table from every route to its right, and from every right to the roles that have it.

A role reaches its ``own`` accounts (those that the identity names), or ``any``. A guard on the whole
application looks the route up; what a request names only in its body, or what an id stands for, is checked
where it is known, against the same right. A route that the table does not have is refused, and an
application with such a route does not start (``close``). docs/permissions.md is made of this module.

The scopes of an API key narrow what its owner's roles allow, and never widen it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, NamedTuple

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler, WebsocketRouteHandler

from api.auth import Identity, Role
from api.authentication.identity import Scope
from api.problems import Problem

Reach = Literal["own", "any"]

EVERY_ACCOUNT = "*"
"""Among an identity's accounts: all there are. No account has this name, so nobody is given it by mistake:
it is for who holds the secret that signs tokens, as the load generators of this machine do."""

OPEN_PATHS = ("/schema",)
"""Documents that say nothing of anybody: the API's own description."""


@dataclass(frozen=True, eq=False)
class Right:
    """``what``: completes "may not ..."; ``roles``: who has it, and for which accounts; empty: everyone with
    a valid token. ``scope``: what an API key needs for it; ``None``: open to everyone, without a token.
    """

    name: str
    what: str
    scope: Scope | None
    roles: Mapping[Role, Reach]

    def reach(self, identity: Identity) -> Reach | None:
        """Return which accounts the identity may do it for; ``None``: it may not do it at all."""
        if identity.scopes is not None and self.scope not in identity.scopes:
            return None
        if not self.roles:
            return "any"
        found: Reach | None = None
        for role in identity.roles:
            reach = self.roles.get(role)
            if reach == "any":
                return reach
            found = reach or found
        return found

    def check(self, identity: Identity, account: str) -> None:
        """Raise ``Problem`` (403) unless the identity may do it for ``account``."""
        reach = self.reach(identity)
        if reach != "any" and (reach is None or not _owns(identity, account)):
            raise _forbidden(f"{identity.subject} may not {self.what} for account {account}")

    def allows(self, identity: Identity, account: str) -> bool:
        """Whether it may: for what is not to be told from what is not there."""
        reach = self.reach(identity)
        return reach == "any" or (reach == "own" and _owns(identity, account))

    def accounts(self, identity: Identity, asked: Sequence[str] | None) -> list[str] | None:
        """Return the accounts to do it for: those asked for, else all that it may be done for (``None``: all
        there are). Raises ``Problem`` (403) for one that it may not be done for.
        """
        for account in asked or ():
            self.check(identity, account)
        if asked:
            return sorted(set(asked))
        everyone = self.reach(identity) == "any" or EVERY_ACCOUNT in identity.accounts
        return None if everyone else sorted(identity.accounts)


def _owns(identity: Identity, account: str) -> bool:
    return account in identity.accounts or EVERY_ACCOUNT in identity.accounts


def _forbidden(detail: str) -> Problem:
    return Problem(HTTPStatus.FORBIDDEN, "not_allowed", detail)


# --- Rights: what there is to do, and who does it ----------------------------------------------------------
# An administrator runs accounts, money and the list of markets: no trading, and no look at anybody's orders.
# An operator runs the markets: orders and trades, no balances. Stopping is the operator's and the risk
# officer's, limits are the risk officer's alone. Analysts and auditors change nothing.

OPEN = Right("open", "ask", None, {})
SEE_MARKETS = Right("see markets", "see markets", "read", {})
TRADE = Right("trade", "trade", "trade", {"trader": "own"})
WITHDRAW = Right("withdraw", "move funds", "withdraw", {"trader": "own"})
STOP = Right("stop", "stop trading", "trade", {"trader": "own", "operator": "any", "risk": "any"})

SEE_ACCOUNT = Right(
    "see account",
    "see the terms",
    "read",
    {"trader": "own", "analyst": "any", "auditor": "any", "operator": "any", "risk": "any", "admin": "any"},
)
SEE_ORDERS = Right(
    "see orders",
    "see orders and trades",
    "read",
    {"trader": "own", "analyst": "any", "auditor": "any", "operator": "any", "risk": "any"},
)
SEE_FUNDS = Right(
    "see funds",
    "see balances and transfers",
    "read",
    {"trader": "own", "analyst": "any", "auditor": "any", "risk": "any", "admin": "any"},
)
SEE_RESULTS = Right(
    "see results",
    "see positions, profits and all that happened",
    "read",
    {"trader": "own", "analyst": "any", "auditor": "any", "risk": "any"},
)
SEE_LEDGER = Right(
    "see ledger", "see the venue's books", "read", {"analyst": "any", "auditor": "any", "admin": "any"}
)
AUDIT = Right("audit", "look into the history", "read", {"auditor": "any"})

RUN_MARKETS = Right("run markets", "run markets", "admin", {"operator": "any"})
HALT = Right("halt", "open, restrict or halt", "admin", {"operator": "any", "risk": "any"})
SET_LIMITS = Right("set limits", "set limits", "admin", {"risk": "any"})
ACKNOWLEDGE = Right("acknowledge", "acknowledge alerts", "admin", {"operator": "any", "risk": "any"})
SEE_RISK = Right(
    "see risk",
    "see every account's risk",
    "read",
    {"analyst": "any", "auditor": "any", "operator": "any", "risk": "any"},
)
SET_RULES = Right("set rules", "change a market's rules", "admin", {"operator": "any", "admin": "any"})
ADMINISTER = Right("administer", "administer accounts, money and markets", "admin", {"admin": "any"})
RUN_IDENTITIES = Right("run identities", "administer users and clients", "admin", {"admin": "any"})
SEE_IDENTITIES = Right(
    "see identity events", "see what became of users and keys", "read", {"auditor": "any", "admin": "any"}
)
KNOW_ONESELF = Right("know oneself", "ask who it is", "read", {})
OWN_KEYS = Right("own keys", "change its keys and password", "admin", {})
APPROVE = Right("approve", "approve adjustments", "admin", {"admin": "any", "risk": "any"})

# --- Routes: by operation id; WebSockets by their path -----------------------------------------------------

ROUTES: dict[str, Right] = {
    **dict.fromkeys(["health", "problems"], OPEN),
    # a connection says who it is in its first message; each item is then checked for itself
    "WS /v1/ws": OPEN,
    # --- command API ---
    **dict.fromkeys(
        [
            "placeOrder",
            "testOrder",
            "cancelReplace",
            "amendOrder",
            "cancelOrder",
            "cancelOrderByName",
            "cancelAll",
            "sendBatch",
            "placeOrderList",
            "cancelOrderList",
        ],
        TRADE,
    ),
    **dict.fromkeys(["requestWithdrawal", "transferFunds"], WITHDRAW),
    "killSwitch": STOP,
    **dict.fromkeys(
        [
            "openAccount",
            "deposit",
            "completeWithdrawal",
            "cancelWithdrawal",
            "adjustBalance",
            "setAccountLimits",
            "setAccountFees",
            "setAccountGroup",
            "listMarket",
            "delistMarket",
        ],
        ADMINISTER,
    ),
    **dict.fromkeys(["listAdjustments", "approveAdjustment", "rejectAdjustment"], APPROVE),
    **dict.fromkeys(["requestLimits", "approveLimits", "rejectLimits"], SET_LIMITS),
    "acknowledgeAlert": ACKNOWLEDGE,
    "changeMarketRules": SET_RULES,
    **dict.fromkeys(["setMarketStatus", "setAccountStatus", "setVenueStatus", "cancelMarketOrders"], HALT),
    **dict.fromkeys(["setMarkPrice", "bustTrade", "correctTrade"], RUN_MARKETS),
    # --- query API ---
    **dict.fromkeys(
        [
            "listMarkets",
            "getMarket",
            "getBook",
            "listTrades",
            "getVenueStatus",
            "listCandles",
            "getPrices",
            "listPrices",
        ],
        SEE_MARKETS,
    ),
    **dict.fromkeys(["getAccount", "getLimits", "searchAccounts"], SEE_ACCOUNT),
    **dict.fromkeys(
        [
            "getOrder",
            "getOrderList",
            "listOrders",
            "listOrderEvents",
            "listAccountTrades",
            "searchOrders",
            "sumOrders",
            "sumTrades",
        ],
        SEE_ORDERS,
    ),
    **dict.fromkeys(
        [
            "listRisks",
            "listStress",
            "listBreaches",
            "listRiskActions",
            "listLimitRequests",
            "listAlerts",
            "streamAlerts",
        ],
        SEE_RISK,
    ),
    **dict.fromkeys(["listBalances", "listTransfers", "searchBalances", "searchTransfers"], SEE_FUNDS),
    **dict.fromkeys(
        [
            "listPositions",
            "searchPositions",
            "searchDailyPnl",
            "sumFees",
            "listActivity",
            "getPortfolio",
            "getEquity",
            "getTurnover",
            "getRisk",
        ],
        SEE_RESULTS,
    ),
    **dict.fromkeys(["getTrialBalance", "listEntries"], SEE_LEDGER),
    **dict.fromkeys(
        [
            "auditOrder",
            "auditAccount",
            "auditMarket",
            "auditTrade",
            "auditCommand",
            "auditStream",
            "auditSearch",
            "auditAccesses",
            "auditOrderAsOf",
            "auditAccountAsOf",
            "auditMarketAsOf",
            "auditBookAsOf",
        ],
        AUDIT,
    ),
    # --- identity: a key, or a password of somebody else, is checked where it is known whose it is ---
    **dict.fromkeys(["configuration", "keySet", "authorize", "signIn", "token", "revokeToken"], OPEN),
    **dict.fromkeys(["whoAmI", "userInfo", "listKeys"], KNOW_ONESELF),
    **dict.fromkeys(["createKey", "revokeKey", "setPassword"], OWN_KEYS),
    **dict.fromkeys(
        [
            "listUsers",
            "createUser",
            "getUser",
            "setRoles",
            "lockUser",
            "unlockUser",
            "listClients",
            "createClient",
            "rotateSigningKey",
        ],
        RUN_IDENTITIES,
    ),
    "identityEvents": SEE_IDENTITIES,
}

RIGHTS = tuple(dict.fromkeys(ROUTES.values()))

# --- The guard ---------------------------------------------------------------------------------------------

Asked = ASGIConnection[Any, Identity, Any, Any]


class Route(NamedTuple):
    """One way into an application."""

    name: str
    method: str
    path: str
    handler: BaseRouteHandler


def routes_of(app: Litestar) -> Iterator[Route]:
    """Yield every route that needs a right, in order; what the framework answers by itself needs none."""
    for route in app.routes:
        if route.path.startswith(OPEN_PATHS):
            continue
        handlers = getattr(route, "route_handlers", None) or [getattr(route, "route_handler", None)]
        for handler in handlers:
            if isinstance(handler, WebsocketRouteHandler):
                yield Route(f"WS {route.path_format}", "WS", route.path_format, handler)
            elif isinstance(handler, HTTPRouteHandler) and handler.http_methods != {"OPTIONS"}:
                method = ",".join(sorted(handler.http_methods))
                name = str(handler.operation_id or f"{method} {route.path_format}")
                yield Route(name, method, route.path_format, handler)


def close(app: Litestar) -> None:
    """Give every route its right. Raises ``ValueError`` if one has none: nothing is open by oversight."""
    for route in routes_of(app):
        if route.name not in ROUTES:
            raise ValueError(
                f"{route.method} {route.path} ({route.name}) has no right: say who may do it in "
                "api/permissions.py"
            )
        route.handler.opt["right"] = ROUTES[route.name]


def guard(connection: Asked, handler: BaseRouteHandler) -> None:
    """Let in who has the route's right, for whatever account. Raises ``Problem`` (403)."""
    right = handler.opt.get("right")
    if right is OPEN or connection.scope["path"].startswith(OPEN_PATHS):
        return
    if "user" not in connection.scope:  # the token's check passes by what asks for nothing, as OPTIONS does
        raise NotAuthorizedException
    if right is None or right.reach(connection.user) is None:
        raise _forbidden(_missing(connection.user, right))


def right_of(connection: Asked) -> Right:
    right: Right = connection.scope["route_handler"].opt["right"]
    return right


def may_read(connection: Asked, account: str) -> None:
    """Raise ``Problem`` (403) unless who asks has the route's right for ``account``."""
    right_of(connection).check(connection.user, account)


def may_know(connection: Asked, account: str) -> bool:
    """Whether something of ``account``, asked for by an id, is there for who asks: another's id is answered
    as one that nobody has.
    """
    return right_of(connection).allows(connection.user, account)


def readable(connection: Asked, asked: Sequence[str] | None) -> list[str] | None:
    """Return the accounts of the route's answer; ``None``: all. Raises ``Problem`` (403)."""
    return right_of(connection).accounts(connection.user, asked)


def in_scope(identity: Identity, right: Right) -> None:
    """Raise ``Problem`` (403) where a client or a key is used beyond its scopes."""
    if beyond := _beyond_scopes(identity, right):
        raise _forbidden(beyond)


def _beyond_scopes(identity: Identity, right: Right) -> str:
    """Say what is missing; nothing if nothing is."""
    if identity.scopes is None or right.scope in identity.scopes:
        return ""
    which = f"the key {identity.key_id}" if identity.key_id else f"the token of client {identity.client}"
    return f"{which} has the scopes {', '.join(sorted(identity.scopes)) or 'none'}; this needs {right.scope}"


def _missing(identity: Identity, right: Right | None) -> str:
    if right is None:
        return "nobody may do this"
    if beyond := _beyond_scopes(identity, right):
        return beyond
    return f"{identity.subject} has none of the roles {', '.join(right.roles)}"
