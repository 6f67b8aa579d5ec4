"""Addresses of the stores: from discrete settings to what each client library is given."""

import re
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError
from pymongo.uri_parser import parse_uri
from redis import ConnectionPool, SSLConnection

from stack.settings import CHECKOUT, Settings
from streams.faust_broker import broker_options
from streams.kafka_address import KafkaAddress, client_options

AWKWARD = "p@ss:w/o?r#d%&= +"
SECURED: dict[str, Any] = {
    **{f"{store}_user": "oms" for store in ("postgres", "kafka", "redis", "mongo")},
    **{f"{store}_password": AWKWARD for store in ("postgres", "kafka", "redis", "mongo")},
    **{f"{store}_host": f"{store}.example" for store in ("postgres", "redis", "mongo")},
    **{f"{store}_ca": "/etc/authorities/all.pem" for store in ("postgres", "kafka", "redis", "mongo")},
    "kafka_brokers": "b-1.example:9096,b-2.example:9096",
}


@pytest.fixture
def secured(tmp_path: Path) -> Settings:
    return Settings(folder=tmp_path, postgres_port=5432, redis_port=6379, mongo_port=27017, **SECURED)


def redis_options(url: str) -> dict[str, Any]:
    pool = ConnectionPool.from_url(url)
    return {"connection_class": pool.connection_class, **pool.connection_kwargs}


def test_postgresql_proves_its_name(secured: Settings) -> None:
    assert conninfo_to_dict(secured.postgres_dsn) == {
        "host": "postgres.example",
        "port": "5432",
        "user": "oms",
        "password": AWKWARD,
        "dbname": "oms",
        "sslmode": "verify-full",
        "sslrootcert": "/etc/authorities/all.pem",
    }


def test_redis_is_reached_over_tls(secured: Settings) -> None:
    options = redis_options(secured.redis_url)
    assert options["connection_class"] is SSLConnection
    assert (options["host"], options["port"], options["db"]) == ("redis.example", 6379, 0)
    assert (options["username"], options["password"]) == ("oms", AWKWARD)
    assert options["ssl_ca_certs"] == "/etc/authorities/all.pem"


def test_mongo_is_reached_over_tls_and_without_retryable_writes(secured: Settings, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    url = Settings(**{**secured.model_dump(exclude={"mongo_url"}), "mongo_ca": str(ca)}).mongo_url
    parsed = parse_uri(url)
    assert (parsed["nodelist"], parsed["username"]) == ([("mongo.example", 27017)], "oms")
    assert parsed["password"] == AWKWARD
    assert dict(parsed["options"]) == {"tls": True, "retryWrites": False, "tlsCAFile": str(ca)}


def test_kafka_wants_a_user_over_tls(secured: Settings) -> None:
    assert client_options(secured.kafka_bootstrap) == {
        "bootstrap.servers": "b-1.example:9096,b-2.example:9096",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "oms",
        "sasl.password": AWKWARD,
        "ssl.ca.location": "/etc/authorities/all.pem",
        "ssl.endpoint.identification.algorithm": "https",
    }


def test_fausts_client_is_told_the_same(secured: Settings) -> None:
    address = KafkaAddress(secured.kafka_brokers, "oms", AWKWARD).text()
    options = broker_options(address)
    assert options["broker"] == ["kafka://b-1.example:9096", "kafka://b-2.example:9096"]
    credentials = options["broker_credentials"]
    assert (credentials.username, credentials.password) == ("oms", AWKWARD)
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_SSL", "SCRAM-SHA-512")
    assert credentials.ssl_context.check_hostname


def test_the_machines_own_authorities_will_do(tmp_path: Path) -> None:
    cas = {f"{store}_ca": "system" for store in ("postgres", "kafka", "redis", "mongo")}
    settings = Settings(folder=tmp_path, **{**SECURED, **cas})
    assert client_options(settings.kafka_bootstrap)["ssl.ca.location"] == "probe"
    assert conninfo_to_dict(settings.postgres_dsn)["sslrootcert"] == "system"
    assert redis_options(settings.redis_url)["connection_class"] is SSLConnection
    assert dict(parse_uri(settings.mongo_url)["options"]) == {"tls": True, "retryWrites": False}


def test_without_a_user_kafka_is_spoken_to_in_the_clear() -> None:
    assert client_options("127.0.0.1:9092") == {"bootstrap.servers": "127.0.0.1:9092"}
    assert broker_options("127.0.0.1:9092") == {"broker": ["kafka://127.0.0.1:9092"]}


@pytest.mark.parametrize("password", [AWKWARD, "ä€", "plain"])
def test_a_kafka_address_survives_being_written_down(password: str) -> None:
    address = KafkaAddress("b:1,c:2", "o:ms", password, "/a b/c.pem")
    assert KafkaAddress.parse(address.text()) == address


@pytest.mark.parametrize(
    "text", ["SSL://b:1", "SASL_SSL://b:1", "SASL_SSL://oms:secret@", "SASL_SSL://oms@b:1"]
)
def test_a_wrong_kafka_address_is_refused_without_showing_its_password(text: str) -> None:
    with pytest.raises(ValueError, match="a Kafka address") as refused:
        KafkaAddress.parse(text)
    assert "secret" not in str(refused.value)


def test_no_password_is_shown(secured: Settings) -> None:
    shown = repr(secured) + repr(KafkaAddress.parse(secured.kafka_bootstrap))
    assert AWKWARD not in shown
    assert "p%40ss" not in shown


def test_every_kafka_client_is_made_from_the_address() -> None:
    """One that names the brokers itself would work on a machine of one's own, and nowhere else."""
    folders = ("commands", "streams", "api", "stack")
    own = {"kafka_address.py", "faust_broker.py"}
    names_brokers = re.compile(r'"bootstrap\.servers"|kafka://')
    wrong = [
        str(path.relative_to(CHECKOUT))
        for folder in folders
        for path in (CHECKOUT / folder).rglob("*.py")
        if path.name not in own and names_brokers.search(path.read_text())
    ]
    assert wrong == [], "use streams.kafka_address.client_options"


# --- Where the APIs listen --------------------------------------------------------------------------------


def test_an_api_listens_on_this_machine_alone(tmp_path: Path) -> None:
    assert Settings(folder=tmp_path).api_host == "127.0.0.1"


def test_others_reach_it_by_https_only(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"api_host 0\.0\.0\.0 can be reached by others: set api_cert"):
        Settings(folder=tmp_path, api_host="0.0.0.0")  # noqa: S104 - that is refused here
    pair: dict[str, Any] = {"api_certificate": tmp_path / "tls.crt", "api_key": tmp_path / "tls.key"}
    assert Settings(folder=tmp_path, api_host="0.0.0.0", **pair).api_host == "0.0.0.0"  # noqa: S104


def test_a_certificate_without_its_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="belong together"):
        Settings(folder=tmp_path, api_certificate=tmp_path / "tls.crt")
