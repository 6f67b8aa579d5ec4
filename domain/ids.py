"""Ids that are known before anything happened, so that a repeat names the same thing.

A stream id is a UUID (version 8, RFC 9562): the first 16 bits are the shard, the rest is a hash of what it
names. So an order's id follows from its account and the client's own id, and a cancel finds its shard.
"""

import re
from hashlib import blake2b

SHARDS_MAX = 1 << 16
_STREAM_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}")

_ORDER = blake2b(digest_size=14, person=b"order")


def stream_id(shard: int, kind: str, *names: str) -> str:
    """Return the UUID of the stream of ``kind`` ("order", "account", ...) that ``names`` identify.

    Each name is hashed with its length: whatever characters clients use, no two lists of names read the same.
    """
    named = "".join([f"{len(name)}:{name}" for name in names])
    return _stream_id(shard, blake2b(named.encode(), digest_size=14, person=kind.encode()).hexdigest())


def _stream_id(shard: int, digest: str) -> str:
    return f"{shard:04x}{digest[:4]}-{digest[4:8]}-8{digest[9:12]}-8{digest[13:16]}-{digest[16:]}"


def order_id(shard: int, account: str, client_order_id: str) -> str:
    """Return ``stream_id`` of an order: every order needs it, so it costs half here."""
    hashed = _ORDER.copy()
    hashed.update(f"{len(account)}:{account}{len(client_order_id)}:{client_order_id}".encode())
    return _stream_id(shard, hashed.hexdigest())


def list_id(shard: int, account: str, client_list_id: str) -> str:
    return stream_id(shard, "list", account, client_list_id)


def transfer_id(shard: int, account: str, client_transfer_id: str) -> str:
    return stream_id(shard, "transfer", account, client_transfer_id)


def arrival_stream(shard: int, transfer: str) -> str:
    """Return the stream that ``shard`` keeps of a transfer which comes from another shard."""
    return stream_id(shard, "arrival", transfer)


def account_stream(shard: int, account: str) -> str:
    return stream_id(shard, "account", account)


def market_stream(shard: int, symbol: str) -> str:
    return stream_id(shard, "market", symbol)


def venue_stream(shard: int) -> str:
    return stream_id(shard, "venue")


def shard_of(stream: str) -> int:
    """Return the shard a stream id names. Raises ``ValueError`` if it is no stream id."""
    if not _STREAM_ID.fullmatch(stream):
        raise ValueError(
            f"{stream!r} is no stream id such as {stream_id(0, 'order', 'account', 'client id')}"
        )
    return int(stream[:4], 16)
