"""What the image holds runs with a pod's environment: nothing else, stores over TLS, APIs over HTTPS."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from stack.ports import HOST, free_ports
from stack.running import Stack, running_stack
from stack.services import SERVICES, Service
from stack.settings import CHECKOUT, Settings
from stack.supervision import leash
from stack.waiting import wait_until
from tests.deploy.test_images import IMAGES, copied
from tests.integration.tls import make_certificates, tls_before

READY_MS_MAX = 90_000
STOP_S_MAX = 60


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Copy what the Dockerfile copies, by its own names."""
    for source, target in copied():
        if (CHECKOUT / source).is_dir() and not (tmp_path / "app" / target).exists():
            files = subprocess.run(
                ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", source],
                cwd=CHECKOUT,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split("\0")
            for file in filter(None, files):
                copy = tmp_path / "app" / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes((CHECKOUT / file).read_bytes())
    assert 'ENTRYPOINT ["python", "-P", "-m", "stack.service"]' in (IMAGES / "Dockerfile").read_text()
    return tmp_path / "app"


@pytest.fixture
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Our own: services follow topics from their beginning, where other tests leave what no store has."""
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("image"))
    with running_stack(settings, servers=("postgres", "kafka", "redis", "mongo")) as running:
        yield running


@pytest.fixture
def environment(servers: Stack, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield what the chart would set, with this machine's servers behind TLS in place of AWS's."""
    certificates = make_certificates(tmp_path / "certificates")
    settings = servers.settings
    ports = [service.port_setting for service in SERVICES if service.port_setting]
    listening = zip(ports, free_ports(len(ports)), strict=True)
    with ExitStack() as doors:
        behind = {
            store: doors.enter_context(
                tls_before(getattr(settings, f"{store}_port"), certificates, postgres=store == "postgres")
            )
            for store in ("postgres", "redis", "mongo")
        }
        yield {
            **{f"OMS_{store.upper()}_PORT": str(port) for store, port in behind.items()},
            **{f"OMS_{store.upper()}_CA": str(certificates.ca) for store in behind},
            "OMS_POSTGRES_PASSWORD": settings.postgres_password,
            "OMS_KAFKA_BROKERS": settings.kafka_bootstrap,
            "OMS_TOKEN_SECRET": "a" * 64,
            "OMS_HEAD_SIGNING_KEY": "b" * 64,
            "OMS_HEADS": str(tmp_path / "heads"),
            "OMS_IDENTITY_KEY": "c" * 64,
            **{f"OMS_{setting.upper()}": str(port) for setting, port in listening},
            "OMS_API_CERTIFICATE": str(certificates.certificate),
            "OMS_API_KEY": str(certificates.key),
            "OMS_PROCESSOR_INSTANCE": "order-processor-0",
        }


@pytest.mark.timeout(300)
def test_every_service_starts_says_so_and_stops_in_order(
    image: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    work = tmp_path / "work"
    bare = {"PATH": os.defpath, "PYTHONPATH": str(image), "OMS_FOLDER": str(work), **environment}

    def command(name: str) -> list[str]:
        return [*leash("TERM"), sys.executable, "-P", "-m", "stack.service", name]

    subprocess.run(command("prepare"), cwd=image, env=bare, check=True, timeout=READY_MS_MAX / 1_000)
    names = [service.name for service in SERVICES]
    processes = {name: subprocess.Popen(command(name), cwd=image, env=bare) for name in names}
    try:
        for service in SERVICES:
            wait_until(partial(is_ready, service, bare), READY_MS_MAX, f"{service.name} is ready")
    finally:
        for process in processes.values():
            process.terminate()
        codes = {name: process.wait(STOP_S_MAX) for name, process in processes.items()}
    assert codes == dict.fromkeys(names, 0)


def is_ready(service: Service, environment: dict[str, str]) -> bool:
    if service.port_setting:
        return healthy(environment[f"OMS_{service.port_setting.upper()}"], environment)
    return (Path(environment["OMS_FOLDER"]) / "run" / f"{service.name}.ready").exists()


def healthy(port: str, environment: dict[str, str]) -> bool:
    """Ask as the chart's probes do: is it ready, does it live."""
    trusting = ssl.create_default_context(cafile=environment["OMS_POSTGRES_CA"])
    paths = ("/health", "/schema/openapi.json")
    try:
        answers = [httpx.get(f"https://{HOST}:{port}{path}", verify=trusting) for path in paths]
    except httpx.TransportError:
        return False
    return all(answer.status_code == 200 for answer in answers)
