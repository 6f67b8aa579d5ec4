"""The operator's way back from the worst: a backup of the event store, and everything else rebuilt from it.

The store is the truth. Kafka's topics, the read models and the caches follow from it, so after a disaster
they are emptied and made anew: the processor publishes the whole history again, the read models fold it. What
was asked for and never stored is gone, and was never acknowledged.
"""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from time import monotonic, sleep

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from psycopg.conninfo import conninfo_to_dict

from commands.auditor import Ledger, newest
from commands.heads import HeadFiles, Signer
from commands.processor import GROUP as PROCESSORS
from stack.running import Stack, StackError
from stack.servers import postgres
from stack.settings import Settings
from streams import topics
from streams.kafka_address import client_options
from streams.read_models import ReadModelsConfig
from streams.risk.app import GROUP as RISK

GROUPS = (PROCESSORS, ReadModelsConfig.group, RISK)
REBUILT_TOPICS = (topics.ORDERS, topics.EXECUTIONS, topics.ACCOUNTS)
KAFKA_WAIT_S = 30.0
CONNECT_WAIT_S = 10
POLL_S = 0.2

Said = Callable[[str], None]


def back_up(settings: Settings, file: Path) -> None:
    """Write the event store as it is at this moment to ``file``; trading goes on meanwhile.

    Raises ``StackError`` with PostgreSQL's own words.
    """
    draft = file.with_name(f"{file.name}.draft")
    without = (
        "--exclude-table-data=snapshot*",
        "--exclude-table-data=audit_index*",
    )  # the events lead to them
    _run(settings, "pg_dump", "--format=custom", "--no-owner", *without, f"--file={draft}")
    draft.chmod(0o600)
    draft.replace(file)


def restore(stack: Stack, file: Path | None, said: Said) -> None:
    """Put the backup in ``file`` in place of the store (``None``: the store stays), forget everything that
    follows from it, and let the shards go on from an empty log. The servers run, the services do not.

    Raises ``StackError``.
    """
    if running := [state.name for state in stack.status() if state.group == "services" and state.running]:
        raise StackError(f"{', '.join(running)} still run and would write on. Next: ./oms down")
    stack.up()
    settings = stack.settings
    if file is not None:
        said(f"Putting the backup {file} in place of the event store")
        options = ("--clean", "--if-exists", "--single-transaction", "--no-owner")
        _run(settings, "pg_restore", *options, f"--dbname={_connection(settings)['PGDATABASE']}", str(file))
    said("Forgetting the topics, the read models and the caches")
    forget_topics(settings.kafka_bootstrap)
    _forget_read_models(settings)
    _forget_caches(settings)
    stack.prepare()
    for shard, last_seq in rejoin(settings):
        said(f"Shard {shard} goes on after seq {last_seq}; its history is published again at the next start")


def forget_topics(bootstrap: str) -> None:
    """Delete the topics that are made anew, and how far anyone has read in them."""
    admin = AdminClient(client_options(bootstrap))
    there = [topic for topic in REBUILT_TOPICS if topic in admin.list_topics(timeout=KAFKA_WAIT_S).topics]
    _forget_groups(admin)
    if there:
        for gone in admin.delete_topics(there, operation_timeout=KAFKA_WAIT_S).values():
            gone.result(KAFKA_WAIT_S)
    deadline = monotonic() + KAFKA_WAIT_S
    while set(there) & set(admin.list_topics(timeout=KAFKA_WAIT_S).topics):
        if monotonic() > deadline:
            raise StackError(f"Kafka has not deleted {', '.join(there)} after {KAFKA_WAIT_S:.0f} s.")
        sleep(POLL_S)


def _forget_groups(admin: AdminClient) -> None:
    """A member that was killed stays in its group for some seconds, and then the group cannot be deleted."""
    known = {group.group_id for group in admin.list_consumer_groups().result(KAFKA_WAIT_S).valid}
    left = sorted(known & set(GROUPS))
    deadline = monotonic() + KAFKA_WAIT_S
    while left:
        deleted = admin.delete_consumer_groups(left)
        left = [group for group, gone in deleted.items() if not _is_gone(group, gone, deadline)]
        sleep(POLL_S if left else 0)


def _is_gone(group: str, deleted: Future[None], deadline: float) -> bool:
    try:
        deleted.result(KAFKA_WAIT_S)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return True
        if error.args[0].code() != KafkaError.NON_EMPTY_GROUP or monotonic() > deadline:
            raise StackError(f"Kafka does not forget the consumer group {group}: {error}") from None
        return False
    return True


def rejoin(settings: Settings) -> list[tuple[int, int]]:
    """Have every shard go on at the end of its log, and publish all of its history again. Return shards and
    their last seqs. Where the signed heads know of more than the store has, a head puts the loss on record.
    """
    with psycopg.connect(
        settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_WAIT_S
    ) as connection:
        shards = connection.execute("SELECT shard, last_seq FROM shards ORDER BY shard").fetchall()
        for shard, _ in shards:
            connection.execute(
                "UPDATE shards SET epoch = epoch + 1, next_offset = %s, published_seq = 0 WHERE shard = %s",
                (_log_end(settings.kafka_bootstrap, shard), shard),
            )
            _put_loss_on_record(connection, settings, shard)
    return [(shard, last_seq) for shard, last_seq in shards]


def _put_loss_on_record(connection: psycopg.Connection, settings: Settings, shard: int) -> None:
    ledger = Ledger(shard, HeadFiles(settings.heads), Signer(settings.head_signing_key))
    end = newest(connection, shard)
    if end is not None and ledger.last is not None and ledger.last.last_seq > end.last_seq:
        ledger.sign(end, "restored")


def _log_end(bootstrap: str, shard: int) -> int:
    consumer = Consumer({**client_options(bootstrap), "group.id": "restoring"})
    try:
        _, high = consumer.get_watermark_offsets(TopicPartition(topics.ORDERS, shard), timeout=KAFKA_WAIT_S)
    except KafkaException as error:
        raise StackError(f"Kafka does not tell where the log of shard {shard} ends: {error}") from None
    finally:
        consumer.close()
    return int(high)


def _forget_read_models(settings: Settings) -> None:
    import pymongo

    with pymongo.MongoClient[dict[str, object]](settings.mongo_url) as client:
        database = client[settings.mongo_database]
        for collection in database.list_collection_names():
            database.drop_collection(collection)


def _forget_caches(settings: Settings) -> None:
    import redis

    with redis.Redis.from_url(settings.redis_url) as client:
        client.flushdb()


def _run(settings: Settings, program: str, *options: str) -> None:
    done = subprocess.run(
        [postgres.binaries() / program, *options],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **_connection(settings)},
    )
    if done.returncode != 0:
        raise StackError(f"{program} failed: {done.stderr.strip()}")


def _connection(settings: Settings) -> dict[str, str]:
    """By the environment: a password on the command line could be read by everyone on the machine."""
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "password": "PGPASSWORD",
        "dbname": "PGDATABASE",
        "sslmode": "PGSSLMODE",
        "sslrootcert": "PGSSLROOTCERT",
    }
    given = conninfo_to_dict(settings.postgres_dsn)
    return {names[key]: str(value) for key, value in given.items() if key in names}
