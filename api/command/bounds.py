"""Every bound of the command API; names end in their unit."""

from dataclasses import dataclass

# --- Flow control: how much may be on its way to one shard (docs/adr/0008-flow-control.md) --------------
WORK_MS = 100
"""So much of the processor's work may wait for it."""
CREDIT_FIRST = 4_000
"""Commands in flight, before anything is known of the processor."""
CREDIT_MIN = 500
"""As many as one request may hold: below it a full batch could never pass."""
CREDIT_MAX = 50_000
RESERVED = 10_000
"""Beyond the credit of new orders: for cancels, and for whatever else must not wait behind a backlog."""
TICK_MS = 100
RETRY_AFTER_MS_MIN = 100
RETRY_AFTER_MS_MAX = 1_000

# --- Several shards -------------------------------------------------------------------------------------
DIRECTORY_REREAD_MS_MIN = 250
"""A symbol that is not known is looked for in the store no more often than so, all requests together."""

# --- What travels ---------------------------------------------------------------------------------------
COMMANDS_PER_RECORD_MAX = 500
"""In one Kafka record, which may have 1 MB; a command has 2 KB at most."""
GATHER_MS = 8
"""Between two records for a shard: what comes sooner after the last one goes together."""


@dataclass(frozen=True)
class WebSocketBounds:
    """Of one connection, but for ``connections_max``, which is of the process."""

    connections_max: int = 1_000
    items_max: int = 500
    """In one frame."""
    frame_bytes_max: int = 262_144
    flood_bytes_max: int = 4_194_304
    """A frame beyond it ends the connection; one beyond ``frame_bytes_max`` is only refused."""
    in_flight_max: int = 5_000
    send_bytes_max: int = 16_777_216
    """Replies that wait for a client which does not read them."""
    bad_frames_max: int = 20
    """One after the other."""
    auth_ms_max: int = 5_000
    idle_ms_max: int = 15_000
    """Then the client is asked for a sign of life, and has as long again to give one."""
    expiry_notice_ms: int = 60_000
    expiry_grace_ms: int = 30_000
    """After its token has expired nothing is taken but a new one; after this, not even that."""
    accounts_max: int = 1_000
    """For which one connection may have orders that are to end with it."""
    close_ms_max: int = 1_000


# --- Cancel on disconnect -------------------------------------------------------------------------------
LEASE_MS = 10_000
"""An API process not heard of for so long is dead, and another one ends its sessions."""
LEASE_RENEW_MS = 2_000
CLAIM_MS = 30_000
REMEMBER_MS_MAX = 200
"""How long an order waits for Redis to note whose session it belongs to."""
ENDING_MS_MAX = 3_000
"""How long a process that is told to stop waits for its sessions' cancels to be decided."""
