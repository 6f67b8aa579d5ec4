"""What the APIs take and give: the structs of api.command.fanout.

Written by docs/client_source.py from it: do not edit.
"""

import msgspec

from api.client.types.words import Status


class ShardView(msgspec.Struct, frozen=True, kw_only=True):
    """What one shard did. ``pending``: it has not answered in time. ``refused``: ``code`` says why."""

    shard: int
    command_id: str
    status: Status
    code: str | None = None
    detail: str | None = None
