"""TCP ports of this machine: finding free ones, and who holds one."""

import random
import socket

import psutil

HOST = "127.0.0.1"

# Below 32768, where Linux starts taking ports for outgoing connections: a port from there could be lost
# between choosing it and listening on it.
PICKED_FROM = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Pick ports that nobody listens on, at random so that parallel test runs seldom meet."""
    ports: list[int] = []
    for port in random.sample(PICKED_FROM, len(PICKED_FROM)):
        if len(ports) == count:
            break
        if is_free(port):
            ports.append(port)
    return ports


def is_free(port: int) -> bool:
    """Bind as a server would: a connection attempt alone would miss a socket that is bound elsewhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def holder(port: int) -> psutil.Process | None:
    """Name the process that listens on `port`; None if nobody does or the system does not tell us."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:
        return None
    for connection in connections:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr
        if listens and listens.port == port and connection.pid:
            return psutil.Process(connection.pid)
    return None
