"""The synchronous client."""

from api.client.commands import Commands
from api.client.queries import Queries


class Client(Commands, Queries):
    """All routes of the command API and the query API. Use it as a context manager; many threads may."""
