"""All the venue's staff in one person, who trades for everybody: for tests of all but permissions."""

from typing import Any

from api.auth import Role
from api.permissions import EVERY_ACCOUNT

ROLES: list[Role] = ["admin", "operator", "risk", "analyst", "trader"]
STAFF: dict[str, Any] = {"roles": ROLES, "accounts": [EVERY_ACCOUNT]}
