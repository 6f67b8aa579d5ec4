"""Kafka 4, one broker that is its own controller (KRaft), from the jars that `stack/pom.xml` names."""

import base64
import hashlib
import logging
import shutil
import subprocess
import uuid
from pathlib import Path

from stack.cache import made_once
from stack.ports import HOST
from stack.servers.java import java
from stack.settings import CHECKOUT, Settings
from stack.supervision import Program, leash
from streams.kafka_address import client_options

log = logging.getLogger("stack")

POM = CHECKOUT / "stack" / "pom.xml"
MAVEN_HOW_TO_INSTALL = "Debian, Ubuntu: 'apt install maven'; macOS: 'brew install maven'"

# Up in 4 s in 300 MB: the second compiler and a parallel collector cost more than they give a small broker.
JVM = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)


def program(settings: Settings) -> Program:
    command = [*leash("TERM"), *java_with_jars(), "kafka.Kafka", configuration_file(settings)]
    return Program("kafka", "servers", command, stop_wait_s=30)


def prepare(settings: Settings) -> None:
    """Write the configuration (ports may have changed), and format the storage once."""
    data(settings).mkdir(parents=True, exist_ok=True)
    configuration_file(settings).write_text(configuration(settings))
    if (data(settings) / "meta.properties").exists():
        return
    options: list[str | Path] = ["-t", cluster_id(), "-c", configuration_file(settings), "--ignore-formatted"]
    done = subprocess.run(
        [*java_with_jars(), "kafka.tools.StorageTool", "format", *options],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"Kafka could not format its storage: {done.stderr or done.stdout}")


def ready(settings: Settings) -> None:
    """Raise unless the broker lists its metadata."""
    from confluent_kafka.admin import AdminClient

    # The default callback would print a line for each try before the broker listens.
    client = AdminClient({**client_options(settings.kafka_bootstrap), "log_level": 0})
    client.list_topics(timeout=2)


def configuration(settings: Settings) -> str:
    """One copy of everything: there is one broker. Production's values are in `helm/` and `terraform/`."""
    broker, controller = f"{HOST}:{settings.kafka_port}", f"{HOST}:{settings.kafka_controller_port}"
    options = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data(settings),
        # A mistyped topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # No other broker or consumer is on its way: start consuming at once.
        "group.initial.rebalance.delay.ms": 0,
        # The default takes 128 MB of a heap of 512.
        "log.cleaner.dedupe.buffer.size": 33_554_432,
        # A killed broker is let back in only when its old session has run out: by default 9 s.
        "broker.session.timeout.ms": 3_000,
        "broker.heartbeat.interval.ms": 500,
    }
    return "".join(f"{name}={value}\n" for name, value in options.items())


def configuration_file(settings: Settings) -> Path:
    return settings.folder / "kafka.properties"


def data(settings: Settings) -> Path:
    return settings.folder / "data" / "kafka"


def java_with_jars() -> list[str | Path]:
    return [java(), *JVM, "-cp", f"{jars()}/*"]


def jars() -> Path:
    """Have Maven fetch the jars, once for all clones."""
    return made_once(jars_name(), copy_jars)


def jars_name() -> str:
    """Name the cache's folder by what Maven is asked for."""
    return f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:16]}"


def copy_jars(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise RuntimeError(
            "Kafka's jars are fetched by Maven, which is not on the PATH: "
            f"install it ({MAVEN_HOW_TO_INSTALL}), or Docker, then './oms up' again."
        )
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    log.info("Fetching Kafka with Maven (once, 44 MB) into %s", folder.parent)
    done = subprocess.run([maven, "-B", "-q", "-f", POM, *goal], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"Maven could not fetch Kafka's jars: {done.stdout.strip()}")


def cluster_id() -> str:
    """Kafka's form of an id; one that starts with a dash would look like an option."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text
