"""Who opens a WebSocket, where the handshake already says so."""

from typing import Any

from litestar import WebSocket

from api.authentication import signed
from api.authentication.authenticator import Authenticator
from api.authentication.identity import Credential
from api.authentication.middleware import target_of


async def handshake(authenticator: Authenticator, socket: WebSocket[Any, Any, Any]) -> Credential | None:
    """Return what a token or a signature in the handshake proves; ``None`` where there is neither.

    Raises ``NotAuthorizedException``, ``Problem``.
    """
    if signed.KEY_HEADER in socket.headers:
        address = authenticator.proxies.client_of(socket)
        return await authenticator.check_signed(socket.headers, "GET", target_of(socket), b"", address)
    header = socket.headers.get("authorization")
    return None if header is None else await authenticator.check_token_or_learn(header.partition(" ")[-1])
