"""Every bound of the market-data API; names end in their unit."""

from dataclasses import dataclass

CHECKSUM_EVERY_MESSAGES = 10
"""Of the channel `orders`; messages of `book` each carry one."""
TRADES_KEPT = 1_000
"""Of each market, the newest: for snapshots and REST."""
DAY_TRADES_LOADED_MAX = 500_000
"""At the start, all markets together, newest first: a busier venue's tickers fill up as it goes on."""
PIECES_WAITING_MAX = 64
"""What the consumer's thread may be ahead of the loop."""
MERGED_LEVELS_MAX = 2_000
"""A slow reader that is owed more levels than this gets a snapshot instead."""


@dataclass(frozen=True)
class StreamBounds:
    """Of one connection, but for those named otherwise."""

    connections_max: int = 10_000
    """Of the process."""
    connections_per_address_max: int = 2_000
    subscriptions_max: int = 500
    frame_bytes_max: int = 16_384
    frames_per_s_max: int = 50
    """From the client, with bursts of twice as many."""
    bad_frames_max: int = 10
    send_bytes_max: int = 4_194_304
    """Messages that wait for a client which does not read them."""
    conflate_bytes: int = 65_536
    """With more than this waiting, quotes, tickers, status, candles and books are conflated."""
    frame_messages_max: int = 200
    """That are sent in one frame, where several wait."""
    ring_messages_max: int = 2_000
    """Of each channel and symbol, for who comes back."""
    ring_bytes_max: int = 4_194_304
    channel_idle_ms_max: int = 60_000
    """So long after its last subscriber left a channel goes on, for who comes back."""
    ticker_ms: int = 1_000
    heartbeat_ms: int = 10_000
    """A connection that was sent nothing for so long is sent a heartbeat."""
    idle_ms_max: int = 60_000
    """One that has sent nothing, no pong either, for so long is closed."""
    close_ms_max: int = 1_000
    auth_ms_max: int = 5_000
    expiry_notice_ms: int = 60_000
    accounts_max: int = 50
    """Of one private connection."""
    open_orders_max: int = 10_000
    """Of one account, in a snapshot."""
    snapshot_ms_max: int = 10_000
    """How long a private snapshot may wait for the read models."""
    resume_events_max: int = 200_000
    """Of the shard, that are looked through in the store for one resume."""
    private_ring_messages_max: int = 1_000
    reads_at_once_max: int = 8
    """Of the stores, for snapshots and resumes of the whole process; each takes a connection."""
