"""Where a request comes from: the peer, or what a load balancer that is trusted says of its own peer."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from litestar.connection import ASGIConnection

FORWARDED_FOR = "x-forwarded-for"
HOPS_MAX = 10
UNKNOWN = "unknown"


class TrustedProxies:
    """``networks``: of the load balancers; without any, nobody's word is taken. Raises ``ValueError``."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ip_network(network) for network in networks]

    def client_of(self, connection: ASGIConnection[Any, Any, Any, Any]) -> str:
        """Return the nearest address that is not a trusted proxy's."""
        peer = connection.client.host if connection.client else UNKNOWN
        if not self._networks or not self._trusts(peer):
            return peer
        hops = connection.headers.get(FORWARDED_FOR, "").split(",")[-HOPS_MAX:]
        for hop in reversed([hop.strip() for hop in hops]):
            if _address(hop) is None:
                break
            peer = hop
            if not self._trusts(hop):
                break
        return peer

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
