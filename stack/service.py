"""The composition root: `python -m stack.service NAME` runs one of our services, wired from the settings."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from types import FrameType

import psycopg
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from stack.services import STANDBY
from stack.settings import Settings
from streams import topics
from streams.kafka_address import client_options

log = logging.getLogger("stack.service")

TOPIC_WAIT_S = 30.0
CONNECT_WAIT_S = 10
PARENT_LOOK_S = 0.2
DAY_MS = 86_400_000


def prepare(settings: Settings) -> None:
    """Create what is missing of tables and topics; what is there stays."""
    from commands import schema

    with psycopg.connect(
        settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_WAIT_S
    ) as connection:
        schema.create(connection, settings.shards)
    _create_topics(settings)


def _create_topics(settings: Settings) -> None:
    partitions = {
        topics.ORDERS: settings.shards,
        topics.EXECUTIONS: settings.topic_partitions,
        topics.ACCOUNTS: settings.topic_partitions,
        topics.PRICES: settings.topic_partitions,
        topics.DEAD_LETTERS: settings.topic_partitions,
    }
    wanted = [
        NewTopic(
            topic,
            num_partitions=count,
            replication_factor=settings.topic_replicas,
            config={"retention.ms": str(settings.topic_retention_days * DAY_MS)},
        )
        for topic, count in partitions.items()
    ]
    admin = AdminClient(client_options(settings.kafka_bootstrap))
    for created in admin.create_topics(wanted, operation_timeout=TOPIC_WAIT_S).values():
        try:
            created.result(TOPIC_WAIT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def order_processor(settings: Settings) -> None:
    _process_orders(settings, "order-processor", settings.processor_instance)


def standby(settings: Settings) -> None:
    _process_orders(settings, STANDBY.name, STANDBY.name)


def _process_orders(settings: Settings, name: str, instance: str) -> None:
    from commands.processor import Processor
    from commands.shard_processor import ProcessorConfig
    from commands.snapshotting import SnapshotConfig

    config = ProcessorConfig(
        postgres_dsn=settings.postgres_dsn,
        kafka_bootstrap=settings.kafka_bootstrap,
        redis_url=settings.redis_url,
        partitions=settings.topic_partitions,
        instance=instance,
        batch_commands_max=settings.batch_commands_max,
        ids_expected=settings.ids_expected,
        snapshots=SnapshotConfig(
            events=settings.snapshot_events,
            interval_ms_min=settings.snapshot_interval_ms_min,
            write_ms_max=settings.snapshot_write_ms_max,
        ),
    )
    Processor(config, _says_ready(settings, name)).run(_stop_on_signal())


def read_models(settings: Settings) -> None:
    from streams.read_models import ReadModelsConfig, run

    config = ReadModelsConfig(
        kafka_bootstrap=settings.kafka_bootstrap,
        mongo_url=settings.mongo_url,
        mongo_database=settings.mongo_database,
        postgres_dsn=settings.postgres_dsn,
        folder=settings.folder / "read-models",
        partitions=settings.topic_partitions,
        dead_letters_replicas=settings.topic_replicas,
    )
    run(config, _says_ready(settings, "read-models"))


def auditor(settings: Settings) -> None:
    from commands.auditor import Auditor, AuditorConfig
    from commands.heads import HeadFiles, Signer

    config = AuditorConfig(
        postgres_dsn=settings.postgres_dsn,
        interval_ms=settings.head_interval_ms,
        commits_max=settings.head_commits_max,
        stop_ms_max=settings.head_stop_ms_max,
    )
    signing = Auditor(config, HeadFiles(settings.heads), Signer(settings.head_signing_key))
    signing.run(_stop_on_signal(), _says_ready(settings, "auditor"))


def command_api(settings: Settings) -> None:
    _serve("stack.service:command_api_app", settings, settings.command_api_port, websockets=True)


def command_api_app() -> object:
    """Make the application; granian calls it in its worker process."""
    from api.command.app import CommandApiConfig, create_app

    settings = Settings.load()
    _log_to_stderr()
    _end_with_parent()
    return create_app(
        CommandApiConfig(
            kafka_bootstrap=settings.kafka_bootstrap,
            redis_url=settings.redis_url,
            token_secret=settings.token_secret,
            reply_ms_max=settings.reply_ms_max,
            valid_ms=settings.order_valid_ms,
        )
    )


def query_api(settings: Settings) -> None:
    _serve("stack.service:query_api_app", settings, settings.query_api_port)


def query_api_app() -> object:
    """Make the application; granian calls it in its worker process."""
    from api.query.app import QueryConfig, create_app

    settings = Settings.load()
    _log_to_stderr()
    _end_with_parent()
    return create_app(
        QueryConfig(
            mongo_url=settings.mongo_url,
            mongo_database=settings.mongo_database,
            token_secret=settings.token_secret,
        )
    )


def _serve(target: str, settings: Settings, port: int, *, websockets: bool = False) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols

    Granian(
        target,
        address=settings.api_host,
        port=port,
        ssl_cert=settings.api_certificate,
        ssl_key=settings.api_key,
        ssl_protocol_min=SSLProtocols.tls12,  # no load balancer promises later ones to its targets
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        workers=1,
        factory=True,
        websockets=websockets,
        respawn_failed_workers=False,
        log_access=False,
    ).serve()


def _end_with_parent() -> None:
    """End this worker when its server is killed: it would go on serving beside the server's successor."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_LOOK_S)
        os._exit(1)

    Thread(target=watch, name="end-with-parent", daemon=True).start()


def _says_ready(settings: Settings, name: str) -> Callable[[], None]:
    """Return what tells the supervising side that the service is ready: it makes a file."""
    mark = _ready_mark(settings, name)
    mark.parent.mkdir(parents=True, exist_ok=True)
    return mark.touch


def _ready_mark(settings: Settings, name: str) -> Path:
    return settings.folder / "run" / f"{name}.ready"


def _stop_on_signal() -> Flag:
    stop = Flag()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


RUNNERS: dict[str, Callable[[Settings], None]] = {
    "prepare": prepare,
    "order-processor": order_processor,
    STANDBY.name: standby,
    "read-models": read_models,
    "auditor": auditor,
    "command-api": command_api,
    "query-api": query_api,
}


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in RUNNERS:
        sys.exit(f"usage: python -m stack.service {{{'|'.join(RUNNERS)}}}")
    _log_to_stderr()
    name, settings = sys.argv[1], Settings.load()
    # In a pod nobody else removes what a container before this one left; early, before a probe looks.
    _ready_mark(settings, name).unlink(missing_ok=True)
    RUNNERS[name](settings)


if __name__ == "__main__":
    main()
