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
from typing import TYPE_CHECKING

import psycopg
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions, NewTopic

from stack.services import FEEDS, FIRST_PROCESSOR, MARK_PRICER, MORE_PROCESSORS, STANDBY
from stack.settings import Settings
from streams import topics
from streams.kafka_address import client_options

if TYPE_CHECKING:
    from api.protection import ProtectionConfig

log = logging.getLogger("stack.service")

TOPIC_WAIT_S = 30.0
CONNECT_WAIT_S = 10
PARENT_LOOK_S = 0.2
DAY_MS = 86_400_000
HEADER_BUFFER_BYTES = 65_536
"""Headers beyond it are refused by the server itself; the APIs refuse them at a quarter of that."""


def prepare(settings: Settings) -> None:
    """Create what is missing of tables and topics; what is there stays."""
    from api.identity import schema as identity_schema
    from commands import schema
    from streams.audit import access, index
    from streams.risk import migrating

    with psycopg.connect(
        settings.postgres_dsn, autocommit=True, connect_timeout=CONNECT_WAIT_S
    ) as connection:
        schema.create(connection, settings.shards)
        index.create(connection)
        access.create(connection)
    identity_schema.migrate(settings.postgres_dsn)
    migrating.migrate(settings.postgres_dsn)
    create_topics(settings)


def create_topics(settings: Settings) -> None:
    """Create the topics that are missing, and partitions of `orders` for new shards."""
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
            config=_retention(settings, topic),
        )
        for topic, count in partitions.items()
    ]
    admin = AdminClient(client_options(settings.kafka_bootstrap))
    for topic, created in admin.create_topics(wanted, operation_timeout=TOPIC_WAIT_S).items():
        try:
            created.result(TOPIC_WAIT_S)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            if topic == topics.ORDERS:
                _grow_orders(admin, settings.shards)


def _grow_orders(admin: AdminClient, shards: int) -> None:
    """Give every shard its partition. None is ever taken away: there are orders on it."""
    there = len(admin.list_topics(topics.ORDERS, timeout=TOPIC_WAIT_S).topics[topics.ORDERS].partitions)
    if there > shards:
        sys.exit(f"There are {there} shards; none is ever given up. Next: OMS_SHARDS={there} ./oms up")
    if there < shards:
        for grown in admin.create_partitions([NewPartitions(topics.ORDERS, shards)]).values():
            grown.result(TOPIC_WAIT_S)


def _retention(settings: Settings, topic: str) -> dict[str, str]:
    """How long Kafka keeps records; of dead letters also how many bytes, since a defect can make many."""
    if topic != topics.DEAD_LETTERS:
        return {"retention.ms": str(settings.topic_retention_days * DAY_MS)}
    return {
        "retention.ms": str(settings.dead_letters_retention_days * DAY_MS),
        "retention.bytes": str(settings.dead_letters_bytes_max),
    }


def order_processor(settings: Settings) -> None:
    _process_orders(settings, FIRST_PROCESSOR, settings.processor_instance)


def named_processor(name: str) -> Callable[[Settings], None]:
    """Return what runs a processor under its own name, which no other one has."""
    return lambda settings: _process_orders(settings, name, name)


def _process_orders(settings: Settings, name: str, instance: str) -> None:
    from commands.courier import CourierConfig
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
        shards=settings.shards,
        courier=CourierConfig(
            again_ms_min=settings.courier_again_ms_min, again_ms_max=settings.courier_again_ms_max
        ),
    )
    Processor(config, _says_ready(settings, name)).run(_stop_on_signal())


def read_models(settings: Settings) -> None:
    from streams.attending import AttendanceBounds
    from streams.read_models import ReadModelsConfig, run

    config = ReadModelsConfig(
        kafka_bootstrap=settings.kafka_bootstrap,
        mongo_url=settings.mongo_url,
        mongo_database=settings.mongo_database,
        postgres_dsn=settings.postgres_dsn,
        folder=settings.folder / "read-models",
        partitions=settings.topic_partitions,
        dead_letters_replicas=settings.topic_replicas,
        attendance=AttendanceBounds(
            kept_ms=settings.cursor_life_ms, ended_kept_ms=settings.ended_kept_days * DAY_MS
        ),
    )
    run(config, _says_ready(settings, "read-models"))


def risk(settings: Settings) -> None:
    from commands.direct import DirectSender
    from projections.risk.circuit import CircuitBounds
    from projections.risk.orders import OrderBounds
    from streams.risk.app import RiskConfig, run
    from streams.risk.engine import EngineBounds
    from streams.risk.outbox import ACTOR
    from streams.risk.webhook import WebhookConfig

    webhook = WebhookConfig(
        settings.risk_webhook_url,
        settings.risk_webhook_secret,
        attempts_max=settings.risk_webhook_attempts_max,
        again_ms_min=settings.risk_webhook_again_ms_min,
    )
    config = RiskConfig(
        kafka_bootstrap=settings.kafka_bootstrap,
        mongo_url=settings.mongo_url,
        mongo_database=settings.mongo_database,
        postgres_dsn=settings.postgres_dsn,
        folder=settings.folder / "risk",
        partitions=settings.topic_partitions,
        shards=settings.shards,
        bounds=EngineBounds(
            currency=settings.risk_currency,
            webhook=bool(settings.risk_webhook_url),
            circuit=CircuitBounds(settings.risk_halt_move_ppm, settings.risk_halt_within_s),
            orders=OrderBounds(settings.risk_collar_ppm, settings.risk_size_multiple),
        ),
        webhook=webhook if settings.risk_webhook_url else None,
        bar_s=settings.risk_bar_s,
        bars_max=settings.risk_bars_max,
        dead_letters_replicas=settings.topic_replicas,
    )
    run(config, DirectSender(settings.kafka_bootstrap, ACTOR), _says_ready(settings, "risk"))


def auditor(settings: Settings) -> None:
    from commands.auditor import Auditor, AuditorConfig
    from commands.heads import HeadFiles, Signer
    from streams.audit.keeping import indexing

    config = AuditorConfig(
        postgres_dsn=settings.postgres_dsn,
        interval_ms=settings.head_interval_ms,
        commits_max=settings.head_commits_max,
        stop_ms_max=settings.head_stop_ms_max,
    )
    signing = Auditor(config, HeadFiles(settings.heads), Signer(settings.head_signing_key))
    stop = _stop_on_signal()
    with indexing(settings.postgres_dsn, settings.audit_index_share_percent):
        signing.run(stop, _says_ready(settings, "auditor"))


def feeds(settings: Settings) -> None:
    from streams.feeds.service import FeedsConfig, played, run

    speed, repeats = settings.feed_recordings_speed, settings.feed_recordings_repeat
    recordings = settings.feed_recordings.items()
    config = FeedsConfig(
        kafka_bootstrap=settings.kafka_bootstrap,
        partitions=settings.topic_partitions,
        venues={str(name): theirs for name, theirs in settings.feeds.items()},
        addresses={str(name): address for name, address in settings.feed_addresses.items()},
        played=[played(symbol, path, speed, repeats=repeats) for symbol, path in recordings],
    )
    run(config, _says_ready(settings, FEEDS.name))


def mark_pricer(settings: Settings) -> None:
    from commands.mark_pricer import MarkPricer, MarkPricerConfig
    from stack.pricing import ReadModels, connect
    from streams.pricing.formulas import PricingRules
    from streams.pricing.pricing import Pace

    rules = PricingRules(
        fresh_ms=settings.index_fresh_ms,
        outlier_ppm=settings.index_outlier_ppm,
        band_ppm=settings.mark_band_ppm,
        sources_min=settings.index_sources_min,
    )
    config = MarkPricerConfig(
        kafka_bootstrap=settings.kafka_bootstrap,
        partitions=settings.topic_partitions,
        rules=rules,
        weights=settings.index_weights,
        pace=Pace(interval_ms=settings.mark_interval_ms_min, valid_ms=settings.mark_valid_ms),
    )
    models = ReadModels(connect(settings))
    pricer = MarkPricer(config, models.own_markets, models.show)
    pricer.run(_stop_on_signal(), _says_ready(settings, MARK_PRICER.name))


def command_api(settings: Settings) -> None:
    _serve("stack.service:command_api_app", settings, settings.command_api_port, websockets=True)


def command_api_app() -> object:
    """Make the application; granian calls it in its worker process."""
    from api.command.app import CommandApiConfig, create_app
    from stack.identity import identity_of

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
            shards=settings.shards,
            postgres_dsn=settings.postgres_dsn,
            identity=identity_of(settings),
            protection=protection_of(settings),
        )
    )


def query_api(settings: Settings) -> None:
    _serve("stack.service:query_api_app", settings, settings.query_api_port)


def query_api_app() -> object:
    """Make the application; granian calls it in its worker process."""
    from api.query.app import QueryConfig, create_app
    from api.query.audit.desk import AuditConfig
    from stack.identity import identity_of

    settings = Settings.load()
    _log_to_stderr()
    _end_with_parent()
    return create_app(
        QueryConfig(
            mongo_url=settings.mongo_url,
            mongo_database=settings.mongo_database,
            token_secret=settings.token_secret,
            partitions=settings.topic_partitions,
            audit=AuditConfig(
                postgres_dsn=settings.postgres_dsn,
                time_machine=(sys.executable, "-m", "stack.audit.machine"),
                replay_wait_ms_max=settings.audit_replay_wait_ms_max,
                index_events_max=settings.audit_index_events_max,
            ),
            identity=identity_of(settings),
            protection=protection_of(settings),
        )
    )


def identity(settings: Settings) -> None:
    _serve("stack.service:identity_app", settings, settings.identity_port)


def identity_app() -> object:
    """Make the application; granian calls it in its worker process."""
    from api.identity.app import IdentityServiceConfig, create_app
    from stack.identity import identity_of, lives_of

    settings = Settings.load()
    _log_to_stderr()
    _end_with_parent()
    return create_app(
        IdentityServiceConfig(
            token_secret=settings.token_secret,
            identity=identity_of(settings),
            dashboard=settings.dashboard_redirects,
            lives=lives_of(settings),
        )
    )


def market_data(settings: Settings) -> None:
    _serve("stack.service:market_data_app", settings, settings.market_data_port, websockets=True)


def market_data_app() -> object:
    """Make the application; granian calls it in its worker process. Each connection needs a file of it."""
    import resource

    from api.market_data.app import create_app
    from api.market_data.bounds import StreamBounds
    from api.market_data.service import MarketDataConfig
    from stack.identity import identity_of

    settings = Settings.load()
    _log_to_stderr()
    _end_with_parent()
    files_max = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    return create_app(
        MarketDataConfig(
            kafka_bootstrap=settings.kafka_bootstrap,
            postgres_dsn=settings.postgres_dsn,
            mongo_url=settings.mongo_url,
            mongo_database=settings.mongo_database,
            token_secret=settings.token_secret,
            partitions=settings.topic_partitions,
            limits=StreamBounds(
                connections_max=settings.stream_connections_max,
                connections_per_address_max=settings.stream_connections_per_address_max,
                send_bytes_max=settings.stream_send_bytes_max,
                ring_messages_max=settings.stream_ring_messages_max,
            ),
            identity=identity_of(settings),
        )
    )


def protection_of(settings: Settings) -> "ProtectionConfig":
    """Return what stands around each of our HTTP services."""
    from api.protection import ProtectionConfig
    from api.rate_limits import ACCOUNT, ADDRESS, SUBJECT, RateLimitConfig
    from api.shield import ShieldConfig
    from api.token_bucket import Policy

    limits = RateLimitConfig(
        redis_url=settings.redis_url,
        address=Policy(ADDRESS, settings.rate_address_per_s, settings.rate_address_burst),
        subject=Policy(SUBJECT, settings.rate_subject_per_s, settings.rate_subject_burst),
        account=Policy(ACCOUNT, settings.rate_account_per_s, settings.rate_account_burst),
        clients={name: Policy(SUBJECT, *own) for name, own in settings.rate_clients.items()},
        alone_percent=settings.rate_alone_percent,
    )
    shield = ShieldConfig(
        tls=settings.api_certificate is not None,
        proxies=settings.api_proxies,
        body_ms_max=settings.body_ms_max,
    )
    return ProtectionConfig(shield, limits if settings.rate_limits else None, settings.cors_origins)


def _serve(target: str, settings: Settings, port: int, *, websockets: bool = False) -> None:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops, SSLProtocols
    from granian.http import HTTP1Settings

    Granian(
        target,
        address=settings.api_host,
        port=port,
        ssl_cert=settings.api_certificate,
        ssl_key=settings.api_key,
        # a load balancer whose listeners speak 1.3 speaks it to its targets too (terraform/modules/edge)
        ssl_protocol_min=SSLProtocols.tls13,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=settings.header_ms_max, max_buffer_size=HEADER_BUFFER_BYTES
        ),
        backpressure=settings.requests_at_once_max,
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
    from api.passage import WithRequestId

    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(WithRequestId())
    logging.basicConfig(
        level=logging.INFO,
        handlers=[handler],
        format="%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s",
    )


RUNNERS: dict[str, Callable[[Settings], None]] = {
    "prepare": prepare,
    FIRST_PROCESSOR: order_processor,
    **{service.name: named_processor(service.name) for service in (*MORE_PROCESSORS, STANDBY)},
    "read-models": read_models,
    "risk": risk,
    "auditor": auditor,
    FEEDS.name: feeds,
    MARK_PRICER.name: mark_pricer,
    "command-api": command_api,
    "query-api": query_api,
    "identity": identity,
    "market-data": market_data,
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
