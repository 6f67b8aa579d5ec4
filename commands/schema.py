"""The event store's tables.

``events`` is partitioned by shard: each shard's processor writes its own partition, and a stream id names
its shard, so that the primary key of the partition fences the whole stream. ``shards`` holds one row per
shard, the fence and the tracking at once. ``commits`` has one row per commit, linked by the hash chain.
``snapshots`` and their pages only save a replay. ``listing_claims`` keeps a symbol to one shard
(docs/adr/0012); ``adjustments`` wait for a second pair of eyes.
"""

import psycopg
from psycopg.sql import SQL, Identifier, Literal

_TABLES = SQL("""
    CREATE TABLE IF NOT EXISTS events (
        shard smallint NOT NULL,
        notification_id bigint NOT NULL,
        originator_id uuid NOT NULL,
        originator_version bigint NOT NULL,
        topic text NOT NULL,
        state bytea NOT NULL
    ) PARTITION BY LIST (shard);

    -- The few events that say which market is on which shard (streams/listings.py reads them).
    CREATE INDEX IF NOT EXISTS events_listings ON events (shard) WHERE starts_with(topic, 'MarketListed.');

    -- So that no two shards list one symbol, or one asset with two scales. `claims`: how many listings that
    -- were not refused have claimed it.
    CREATE TABLE IF NOT EXISTS listing_claims (
        kind text NOT NULL,
        name text NOT NULL,
        value int NOT NULL,
        claims int NOT NULL DEFAULT 1,
        PRIMARY KEY (kind, name)
    );

    -- Adjustments of balances that one person asks for and another one decides on (streams/adjustments.py).
    CREATE TABLE IF NOT EXISTS adjustments (
        transfer_id text PRIMARY KEY,
        content bytea NOT NULL,
        asked_by text NOT NULL,
        asked_at_us bigint NOT NULL,
        decision text,
        decided_by text,
        decided_at_us bigint,
        CHECK (decision IN ('approved', 'rejected')),
        CHECK (decision <> 'approved' OR decided_by <> asked_by)
    );
    CREATE INDEX IF NOT EXISTS adjustments_open ON adjustments (asked_at_us) WHERE decision IS NULL;
    -- What requests with an Idempotency-Key were answered (streams/idempotency_keys.py). `status` is null
    -- while one is under way, in the hands of `claim`.
    CREATE TABLE IF NOT EXISTS idempotency_keys (
        subject text NOT NULL,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        claim text NOT NULL,
        claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        status int,
        body bytea,
        PRIMARY KEY (subject, key)
    );
    CREATE INDEX IF NOT EXISTS idempotency_keys_age ON idempotency_keys (claimed_at);

    CREATE TABLE IF NOT EXISTS commits (
        shard smallint NOT NULL,
        last_seq bigint NOT NULL,
        first_seq bigint NOT NULL,
        next_offset bigint NOT NULL,
        epoch bigint NOT NULL,
        occurred_at_us bigint NOT NULL,
        state_hash bytea NOT NULL,
        state_hash_version smallint NOT NULL,
        chain_hash bytea NOT NULL,
        PRIMARY KEY (shard, last_seq)
    );

    -- One row per shard, updated by every commit: room for updates in place, and an early vacuum.
    CREATE TABLE IF NOT EXISTS shards (
        shard smallint PRIMARY KEY,
        epoch bigint NOT NULL DEFAULT 0,
        next_offset bigint NOT NULL DEFAULT 0,
        last_seq bigint NOT NULL DEFAULT 0,
        chain_hash bytea NOT NULL DEFAULT '\\x',
        published_seq bigint NOT NULL DEFAULT 0
    ) WITH (
        fillfactor = 10,
        autovacuum_vacuum_threshold = 1000,
        autovacuum_vacuum_scale_factor = 0
    );

    -- To be quicker than a replay, and for nothing else: backups leave them out.
    CREATE TABLE IF NOT EXISTS snapshots (
        shard smallint NOT NULL,
        last_seq bigint NOT NULL,
        chain_hash bytea NOT NULL,
        state_hash bytea NOT NULL,
        state_hash_version smallint NOT NULL,
        layout bytea NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (shard, last_seq)
    );

    CREATE TABLE IF NOT EXISTS snapshot_pages (
        shard smallint NOT NULL,
        last_seq bigint NOT NULL,
        page int NOT NULL,
        digest bytea NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (shard, last_seq, page),
        FOREIGN KEY (shard, last_seq) REFERENCES snapshots ON DELETE CASCADE
    );
    ALTER TABLE snapshot_pages ALTER content SET STORAGE EXTERNAL; -- it is compressed already
""")

_PARTITION = SQL("""
    CREATE TABLE IF NOT EXISTS {table} PARTITION OF events (
        PRIMARY KEY (originator_id, originator_version)
    ) FOR VALUES IN ({shard});
    CREATE UNIQUE INDEX IF NOT EXISTS {index} ON {table} (notification_id);
    -- Rows are only ever added, and never change: vacuumed and frozen in turns of the same size.
    ALTER TABLE {table} SET (
        autovacuum_vacuum_insert_threshold = 1000000,
        autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_analyze_threshold = 1000000,
        autovacuum_analyze_scale_factor = 0,
        autovacuum_freeze_min_age = 0
    );
    INSERT INTO shards (shard) VALUES ({shard}) ON CONFLICT DO NOTHING;
""")

_LOCK = 0x6F6D7301  # any number of our own: schemas are made by one process at a time


def events_table(shard: int) -> str:
    return f"events_{shard}"


def create(connection: psycopg.Connection, shards: int) -> None:
    """Create what is missing for ``shards`` shards; what is there stays."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(_TABLES)
        for shard in range(shards):
            connection.execute(
                _PARTITION.format(
                    table=Identifier(events_table(shard)),
                    index=Identifier(f"{events_table(shard)}_seq"),
                    shard=Literal(shard),
                )
            )
