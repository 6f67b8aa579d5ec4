"""Owners: which processor decides which shard, as the event store sees it."""

import psutil
import psycopg

from stack.running import Stack
from stack.services import STANDBY, processors

CONNECT_WAIT_S = 2
ELSEWHERE = "a processor that was not started here"

# commands/ownership.py names an owner's sessions so
_SESSIONS = """
    SELECT application_name, client_port FROM pg_stat_activity WHERE application_name LIKE 'oms-shard-%'
"""


def owners(stack: Stack) -> dict[int, str]:
    """Return by shard the name of the processor that owns it; what nobody owns is left out.

    Raises ``psycopg.OperationalError`` if the store does not answer.
    """
    with psycopg.connect(stack.settings.postgres_dsn, connect_timeout=CONNECT_WAIT_S) as store:
        sessions = store.execute(_SESSIONS).fetchall()
    by_port = _processors_by_port(stack)
    return {int(name.rpartition("-")[2]): by_port.get(port, ELSEWHERE) for name, port in sessions}


def _processors_by_port(stack: Stack) -> dict[int, str]:
    """Return by the local port of each connection whose it is."""
    found: dict[int, str] = {}
    for name in (*processors(stack.settings), STANDBY.name):
        pid = stack.pid(name)
        if not pid:
            continue
        for connection in psutil.Process(pid).net_connections("tcp"):
            if connection.laddr:
                found[connection.laddr.port] = name
    return found
