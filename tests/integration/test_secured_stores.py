"""Clients reach stores that want TLS and a user, as those on AWS do, and refuse a server that is not theirs.

Kafka itself speaks SASL_SSL here. The other servers come without TLS, so a door before each speaks it.
"""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pymongo
import pytest
import redis
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from stack.ports import HOST, free_ports
from stack.running import Stack
from stack.servers import kafka
from stack.settings import CHECKOUT, Settings
from stack.supervision import leash
from stack.waiting import wait_until
from streams.faust_broker import broker_options
from streams.kafka_address import KafkaAddress, client_options
from streams.publisher import make_producer
from tests.integration.tls import Certificates, make_certificates, tls_before

PASSWORD = "p@ss:w/o?r%d"
BROKER_READY_MS_MAX = 90_000
API_READY_MS_MAX = 60_000
ANSWER_S = 20


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """What an impostor might show: good in every way but for who signed it."""
    return make_certificates(tmp_path_factory.mktemp("others"))


def secured(servers: Stack, **settings: Any) -> Settings:
    given: dict[str, Any] = {
        "folder": servers.settings.folder,
        "postgres_password": servers.settings.postgres_password,
    }
    return Settings(**given, **settings)


# --- PostgreSQL -------------------------------------------------------------------------------------------


def test_postgresql_is_spoken_to_over_tls(servers: Stack, ours: Certificates) -> None:
    with tls_before(servers.settings.postgres_port, ours, postgres=True) as port:
        dsn = secured(servers, postgres_port=port, postgres_ca=str(ours.ca)).postgres_dsn
        with psycopg.connect(dsn, connect_timeout=ANSWER_S) as connection:
            assert connection.pgconn.ssl_in_use
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_another_postgresql_is_refused(servers: Stack, ours: Certificates, others: Certificates) -> None:
    with tls_before(servers.settings.postgres_port, others, postgres=True) as port:
        dsn = secured(servers, postgres_port=port, postgres_ca=str(ours.ca)).postgres_dsn
        with pytest.raises(psycopg.OperationalError, match="SSL error: certificate verify failed"):
            psycopg.connect(dsn, connect_timeout=ANSWER_S)


# --- Redis ------------------------------------------------------------------------------------------------


@pytest.fixture
def redis_user(servers: Stack) -> Iterator[str]:
    name = f"oms-{uuid4().hex[:8]}"
    with redis.Redis.from_url(servers.settings.redis_url) as admin:
        admin.acl_setuser(
            name,
            enabled=True,
            passwords=[f"+{PASSWORD}"],
            keys=["*"],
            channels=["*"],
            categories=["+@all", "-@admin", "-@dangerous"],
            commands=["+info", "+client|setinfo", "+client|setname"],
        )
        yield name
        admin.acl_deluser(name)


def test_redis_is_spoken_to_over_tls_as_a_user(servers: Stack, ours: Certificates, redis_user: str) -> None:
    with tls_before(servers.settings.redis_port, ours) as port:
        patient: dict[str, Any] = {"socket_timeout": ANSWER_S, "socket_connect_timeout": ANSWER_S}
        access = {"redis_user": redis_user, "redis_password": PASSWORD, "redis_ca": str(ours.ca)}
        url = secured(servers, redis_port=port, **access).redis_url
        with redis.Redis.from_url(url, **patient) as client:
            assert client.ping()
            assert client.acl_whoami() == redis_user

        async def from_the_api() -> bool:
            async with redis.asyncio.Redis.from_url(url, **patient) as client:
                return bool(await client.set(f"{redis_user}-was-here", "1", ex=1))

        assert asyncio.run(from_the_api())


def test_another_redis_is_refused(servers: Stack, ours: Certificates, others: Certificates) -> None:
    with tls_before(servers.settings.redis_port, others) as port:
        url = secured(servers, redis_port=port, redis_ca=str(ours.ca)).redis_url
        with (
            redis.Redis.from_url(url, socket_timeout=ANSWER_S) as client,
            pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.ping()


# --- MongoDB ----------------------------------------------------------------------------------------------


def test_mongo_is_spoken_to_over_tls(servers: Stack, ours: Certificates) -> None:
    with tls_before(servers.settings.mongo_port, ours) as port:
        url = secured(servers, mongo_port=port, mongo_ca=str(ours.ca)).mongo_url
        with pymongo.MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=20_000) as client:
            assert client.admin.command("ping")["ok"] == 1


def test_another_mongo_is_refused(servers: Stack, ours: Certificates, others: Certificates) -> None:
    with tls_before(servers.settings.mongo_port, others) as port:
        url = secured(servers, mongo_port=port, mongo_ca=str(ours.ca)).mongo_url
        with (
            pymongo.MongoClient[dict[str, object]](url, serverSelectionTimeoutMS=1_000) as client,
            pytest.raises(pymongo.errors.ServerSelectionTimeoutError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            client.admin.command("ping")


# --- Kafka ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory, ours: Certificates) -> Iterator[str]:
    """Yield the address of a broker that lets in nobody but the user `oms`, over TLS."""
    folder = tmp_path_factory.mktemp("kafka")
    port, controller = free_ports(2)
    address = KafkaAddress(f"{HOST}:{port}", "oms", PASSWORD, str(ours.ca)).text()
    configuration = folder / "kafka.properties"
    configuration.write_text(secured_broker(folder, port, controller, ours))
    with broker(configuration, folder):
        wait_until(lambda: answers(address), BROKER_READY_MS_MAX, "Kafka answers over TLS")
        yield address


def secured_broker(folder: Path, port: int, controller: int, ours: Certificates) -> str:
    """Return the stack's own configuration, with MSK's way in."""
    chain = folder / "chain.pem"
    chain.write_bytes(ours.key.read_bytes() + ours.certificate.read_bytes())
    settings = Settings(folder=folder, kafka_port=port, kafka_controller_port=controller)
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    login = f'{module} required username="oms" password="{PASSWORD}";'
    return kafka.configuration(settings).replace("PLAINTEXT://", "SASL_SSL://").replace(
        "PLAINTEXT:PLAINTEXT", "SASL_SSL:SASL_SSL"
    ) + "\n".join(
        [
            "inter.broker.listener.name=SASL_SSL",
            "sasl.enabled.mechanisms=SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512",
            f"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={login}",
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={chain}",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={ours.ca}",
        ]
    )


@contextmanager
def broker(configuration: Path, folder: Path) -> Iterator[None]:
    user = f"SCRAM-SHA-512=[name=oms,password={PASSWORD}]"
    storage: list[str | Path] = [
        "kafka.tools.StorageTool",
        "format",
        "-t",
        kafka.cluster_id(),
        "-c",
        configuration,
    ]
    subprocess.run(
        [*kafka.java_with_jars(), *storage, "--add-scram", user], check=True, capture_output=True, cwd=folder
    )
    command = [*leash("TERM"), *kafka.java_with_jars(), "kafka.Kafka", configuration]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def answers(address: str) -> bool:
    try:
        AdminClient({**client_options(address), "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True


@pytest.mark.timeout(180)
def test_what_one_client_sends_the_other_reads(secured_kafka: str) -> None:
    admin = AdminClient(client_options(secured_kafka))
    admin.create_topics([NewTopic("orders", 1, 1)])["orders"].result(ANSWER_S)
    producer = make_producer(secured_kafka, "test")
    producer.produce("orders", b"an order")
    assert producer.flush(ANSWER_S) == 0

    consumer = Consumer({**client_options(secured_kafka), "group.id": "a", "auto.offset.reset": "earliest"})
    consumer.subscribe(["orders"])
    message = consumer.poll(ANSWER_S)
    consumer.close()
    assert message is not None
    assert message.value() == b"an order"
    assert asyncio.run(read_as_faust_does(secured_kafka)) == b"an order"


async def read_as_faust_does(address: str) -> bytes:
    options = broker_options(address)
    consumer = AIOKafkaConsumer(
        "orders",
        bootstrap_servers=options["broker"][0].removeprefix("kafka://"),
        group_id="b",
        auto_offset_reset="earliest",
        **credentials_to_aiokafka_auth(options["broker_credentials"], None),
    )
    await consumer.start()
    try:
        message = await asyncio.wait_for(consumer.getone(), ANSWER_S)
        return bytes(message.value)
    finally:
        await consumer.stop()


@pytest.mark.timeout(180)
def test_a_wrong_password_and_another_authority_are_refused(secured_kafka: str, others: Certificates) -> None:
    right = KafkaAddress.parse(secured_kafka)
    assert not answers(KafkaAddress(right.brokers, "oms", "wrong", right.ca).text())
    assert not answers(KafkaAddress(right.brokers, "oms", PASSWORD, str(others.ca)).text())


# --- The APIs themselves ----------------------------------------------------------------------------------


def test_an_api_speaks_https_with_a_certificate(servers: Stack, ours: Certificates, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    environment = {
        **os.environ,
        "OMS_FOLDER": str(tmp_path),
        "OMS_MONGO_PORT": str(servers.settings.mongo_port),
        "OMS_QUERY_API_PORT": str(port),
        "OMS_API_CERTIFICATE": str(ours.certificate),
        "OMS_API_KEY": str(ours.key),
    }
    command = [*leash("TERM"), sys.executable, "-m", "stack.service", "query-api"]
    trusting = ssl.create_default_context(cafile=str(ours.ca))

    def healthy() -> bool:
        try:
            return httpx.get(f"https://{HOST}:{port}/health", verify=trusting).status_code == 200
        except httpx.TransportError:
            return False

    process = subprocess.Popen(command, env=environment, cwd=CHECKOUT)
    try:
        wait_until(healthy, API_READY_MS_MAX, "the query API answers over TLS")
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://{HOST}:{port}/health")
    finally:
        process.terminate()
        process.wait(ANSWER_S)
