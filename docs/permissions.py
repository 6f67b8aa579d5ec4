"""Writes docs/permissions.md from the code: `python docs/permissions.py`."""

import sys
from pathlib import Path
from typing import get_args

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from litestar import Litestar
from litestar.di import Provide

from api.auth import Role
from api.command import app as command_app
from api.identity import admin, oauth
from api.permissions import OPEN, RIGHTS, ROUTES, Right, Route, routes_of
from api.query.app import QueryConfig
from api.query.app import create_app as query_app
from api.query.audit.desk import AuditConfig

PAGE = Path(__file__).with_name("permissions.md")
ROLES: tuple[Role, ...] = get_args(Role)
UNUSED = "0" * 32  # signs nothing here

BEFORE = """\
# Who may do what

Made by `python docs/permissions.py` from [api/permissions.py](../api/permissions.py); a test fails when it is
stale, and another one calls every route with every role and compares.

**own**: for the accounts that the token names. **any**: for all accounts, or for what belongs to none.
Empty: refused (403). Without a token everything but "open" is answered with 401. A person with several roles
has what each of them has. An order, or a list of orders, of somebody else is answered as one that there is
not (404), so an id tells nothing.

An API key has scopes, which narrow what its owner's roles allow; the column *scope* names the one it needs.

"""


def _nothing() -> Provide:
    """Stands where an application has what its routes need."""
    return Provide(lambda: None, sync_to_thread=False)


def apps() -> dict[str, Litestar]:
    """Return the applications, connected to nothing."""
    audit = AuditConfig("postgresql://127.0.0.1:1/none", ())
    return {
        "Command API": Litestar(
            command_app.HANDLERS,
            dependencies={name: _nothing() for name in ("desk", "door", "adjustments", "requests")},
        ),
        "Identity": Litestar([*oauth.ROUTES, *admin.ROUTES], dependencies={"desk": _nothing()}),
        "Query API": query_app(QueryConfig("mongodb://127.0.0.1:1", "none", UNUSED, audit=audit)),
    }


def as_text() -> str:
    parts = [BEFORE, "## Rights\n\n", _table([_right_row(right) for right in RIGHTS if right is not OPEN])]
    for title, app in apps().items():
        parts += [f"\n## {title}\n\n", _routes([_route_row(route) for route in routes_of(app)])]
    return "".join(parts)


def _table(rows: list[str]) -> str:
    head = f"| right | scope | {' | '.join(ROLES)} |\n|---|---|{'---|' * len(ROLES)}\n"
    return head + "\n".join(rows) + "\n"


def _right_row(right: Right) -> str:
    return f"| {right.name} | {right.scope} | {_cells(right)} |"


def _cells(right: Right) -> str:
    return " | ".join(right.roles.get(role, "") if right.roles else "any" for role in ROLES)


def _routes(rows: list[str]) -> str:
    return "| route | operation | right |\n|---|---|---|\n" + "\n".join(sorted(rows)) + "\n"


def _route_row(route: Route) -> str:
    return f"| `{route.method} {route.path}` | {route.name} | {ROUTES[route.name].name} |"


if __name__ == "__main__":
    PAGE.write_text(as_text())
