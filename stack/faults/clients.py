"""The clients of a round: as patient as a load's, counting what became of each request."""

from collections import Counter

from api.client.calls import Method
from stack.faults import bounds
from stack.load.client import CommandClient, NotNowError
from stack.load.gathering import GatheringClient
from stack.load.session import admin_token
from stack.ports import HOST
from stack.settings import Settings


class CountingClient(GatheringClient):
    """``failures``: requests that got no outcome, by why. "unreached": no server listened, nothing was asked;
    "cut": asked, and the connection ended before the answer.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(*_addresses(settings), bounds.PATIENCE_S)
        self.failures: Counter[str] = Counter()

    async def _send(self, method: Method, path: str, body: bytes | None) -> bytes:
        try:
            return await super()._send(method, path, body)
        except NotNowError as later:
            self.failures[_kind(later)] += 1
            raise


def once(settings: Settings, patience_s: float = 0.0) -> CommandClient:
    """Return a client that sends each command once, or again for ``patience_s`` at most."""
    return CommandClient(*_addresses(settings), patience_s)


def _addresses(settings: Settings) -> tuple[str, str, str]:
    commands, queries = (
        f"http://{HOST}:{port}" for port in (settings.command_api_port, settings.query_api_port)
    )
    return commands, queries, admin_token(settings)


def _kind(later: NotNowError) -> str:
    if not later.reached:
        return "unreached"
    why = str(later)
    return why if why.startswith("status") or why == "in_progress" else "cut"
